"""The laws of drawn mixtures, on recordings of noise."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile

from bench.corpora import mixing_speed
from bench.corpora.corpus import RECIPES, Corpus
from bench.corpora.mixing import Mixer, Plan, assemble
from bench.errors import EXIT_USAGE, UsageError
from bench.registry import SAMPLE_RATE
from tests.bench.corpora.example_corpora import make_corpus

SPEECH, SOUNDS = RECIPES["speech"], RECIPES["sounds"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("corpus")


@pytest.fixture(scope="module", params=[SPEECH, SOUNDS], ids=["speech", "sounds"])
def mixer(folder: Path, request: pytest.FixtureRequest) -> Mixer:
    return Mixer(make_corpus(folder / "audio", request.param), "train", cache=folder / "cache")


INDICES = range(60)


def test_the_snr_is_as_drawn(mixer: Mixer) -> None:
    """To 0.01 dB, over the whole crop."""
    for index in INDICES:
        one, other = mixer.draw(0, index).sources.astype(np.float64)
        snr_db = 10 * np.log10((one @ one) / (other @ other))
        assert snr_db == pytest.approx(mixer.plan(0, index).snr_db, abs=0.01)


def test_the_snr_fills_its_range(mixer: Mixer) -> None:
    limit = mixer.recipe.snr_db
    drawn = [mixer.plan(0, index).snr_db for index in range(300)]
    assert min(drawn) == pytest.approx(-limit, abs=0.1 * limit)
    assert max(drawn) == pytest.approx(limit, abs=0.1 * limit)
    assert abs(np.mean(drawn)) < 0.2 * limit  # six deviations of such a mean


def test_mixtures_are_normal_and_the_sum_of_their_sources(mixer: Mixer) -> None:
    for index in INDICES:
        mixture, sources = mixer.draw(0, index)
        assert mixture.dtype == sources.dtype == np.float32
        assert mixture.shape == (32000,)
        assert sources.shape == (2, 32000)
        assert np.array_equal(mixture, sources[0] + sources[1])
        assert mixture.std(dtype=np.float64) == pytest.approx(1, abs=1e-6)
        assert np.abs(sources.mean(1, dtype=np.float64)).max() < 1e-6


def test_a_mixture_depends_on_its_numbers_alone(mixer: Mixer) -> None:
    again = Mixer(mixer.corpus, "train", cache=mixer_cache(mixer))
    for index in (5, 3, 4):
        for one, other in zip(mixer.draw(2, index), again.draw(2, index), strict=True):
            assert np.array_equal(one, other)
    plans = [mixer.plan(epoch, index) for epoch in range(3) for index in range(50)]
    plans += [Mixer(mixer.corpus, "train", 1, cache=mixer_cache(mixer)).plan(0, 0)]
    assert len({plan.snr_db for plan in plans}) == len(plans)


def mixer_cache(mixer: Mixer) -> Path:
    return mixer.corpus.root.parent / "cache"


def test_labels_are_of_different_families_and_not_kept_apart(mixer: Mixer) -> None:
    drawn = {frozenset(part.label for part in mixer.plan(0, index).parts) for index in range(200)}
    assert drawn == {frozenset(pair) for pair in ("ac", "ad", "bc", "bd")}


def silent_ends(plan: Plan, mixer: Mixer) -> list[tuple[int, int]]:
    """Samples before and after what stands in the crop."""
    return [
        (part.pieces[0].at, plan.n_samples - part.pieces[-1].at - part.pieces[-1].n_samples)
        for part in plan.parts
    ]


def test_no_sample_is_heard_twice(mixer: Mixer) -> None:
    """Short recordings are placed, not looped; pieces neither overlap nor repeat."""
    for index in INDICES:
        plan = mixer.plan(1, index)
        for part in plan.parts:
            assert len({piece.path for piece in part.pieces}) == len(part.pieces)
            ends = [piece.at + piece.n_samples for piece in part.pieces]
            starts = [piece.at for piece in part.pieces]
            assert all(end <= start for end, start in zip(ends, starts[1:], strict=False))
            assert starts[0] >= 0
            assert ends[-1] <= plan.n_samples


def test_a_short_utterance_stands_anywhere_with_silence_around(tmp_path: Path) -> None:
    mixer = Mixer(make_corpus(tmp_path, SPEECH, (1.0,)), "train", cache=tmp_path / "cache")
    plans = [mixer.plan(0, index) for index in range(100)]
    for plan in plans:
        for part in plan.parts:
            (piece,) = part.pieces
            assert (piece.start, piece.n_samples) == (0, SAMPLE_RATE)
            crop = assemble(part.pieces, plan.n_samples, mixer.store)
            assert np.array_equal(crop[piece.at :][:SAMPLE_RATE], mixer.store[piece.path])
            assert np.count_nonzero(crop) <= SAMPLE_RATE
    begins = [begin for plan in plans for begin, _ in silent_ends(plan, mixer)]
    assert min(begins) < 0.1 * 3 * SAMPLE_RATE
    assert max(begins) > 0.9 * 3 * SAMPLE_RATE


def test_events_are_joined_with_short_gaps(tmp_path: Path) -> None:
    mixer = Mixer(make_corpus(tmp_path, SOUNDS, (0.5,) * 12), "train", cache=tmp_path / "cache")
    for index in INDICES:
        plan = mixer.plan(0, index)
        assert all(max(ends) <= 0.3 * SAMPLE_RATE for ends in silent_ends(plan, mixer))
        for part in plan.parts:
            assert len(part.pieces) >= 4
            assert len({piece.path for piece in part.pieces}) == len(part.pieces)
            for left, right in zip(part.pieces, part.pieces[1:], strict=False):
                gap = right.at - left.at - left.n_samples
                assert 0 <= gap <= 0.3 * SAMPLE_RATE


def test_silent_crops_are_drawn_again(tmp_path: Path) -> None:
    corpus = make_corpus(tmp_path, SPEECH, (1.0,))
    for recording in corpus.recordings:
        samples = np.zeros(100 * SAMPLE_RATE)
        samples[:10] = 0.1, -0.1, 0.2, 0.1, -0.2, 0.1, 0.3, -0.2, 0.1, 0.1
        samples[50 * SAMPLE_RATE :] = np.random.default_rng(0).normal(0, 0.1, 50 * SAMPLE_RATE)
        soundfile.write(tmp_path / recording.path, samples, SAMPLE_RATE)
    mixer = Mixer(corpus, "train", cache=tmp_path / "cache")
    for index in range(10):
        assert (mixer.draw(0, index).sources.std(1) > 0).all()


def test_two_labels_are_needed(tmp_path: Path) -> None:
    corpus = make_corpus(tmp_path, SPEECH, (1.0,))
    family = tuple(one for one in corpus.recordings if one.family == "x")
    alone = Corpus("noise", tmp_path, "speech", family, SPEECH)
    with pytest.raises(UsageError, match="2 labels and no 2 that may be mixed"):
        Mixer(alone, "train", cache=tmp_path / "cache")


@pytest.fixture(scope="module")
def three(folder: Path) -> Mixer:
    """Of four labels in three families, without those that are kept apart."""
    corpus = make_corpus(folder / "audio", replace(SPEECH, n_src=3))
    return Mixer(replace(corpus, apart=frozenset()), "train", cache=folder / "cache")


def test_three_sources_are_of_three_families(three: Mixer) -> None:
    drawn = {tuple(part.label for part in three.plan(0, index).parts) for index in range(300)}
    assert {frozenset(labels) for labels in drawn} == {frozenset("acd"), frozenset("bcd")}
    assert len(drawn) == 12  # in every order


def test_the_first_of_three_stands_over_each_other_as_drawn(three: Mixer) -> None:
    snrs_db = []
    for index in INDICES:
        mixture, sources = three.draw(0, index)
        powers = np.square(sources.astype(np.float64)).sum(1)
        snrs_db.append(10 * np.log10(powers[0] / powers[1:]))
        assert snrs_db[-1][0] == pytest.approx(three.plan(0, index).snr_db, abs=0.01)
        assert np.array_equal(mixture, sources[0] + sources[1] + sources[2])
        assert mixture.std(dtype=np.float64) == pytest.approx(1, abs=1e-6)
        assert np.abs(sources.mean(1, dtype=np.float64)).max() < 1e-6
    spread = np.array(snrs_db)  # [mixture, other source]
    assert np.abs(spread).max() <= SPEECH.snr_db + 0.01
    assert (spread.max(0) - spread.min(0) > SPEECH.snr_db).all()
    assert abs(np.corrcoef(spread.T)[0, 1]) < 0.5  # each is drawn on its own


def test_labels_without_enough_partners_are_left_out(three: Mixer, folder: Path) -> None:
    """c may be mixed with a, and then no third one is left."""
    corpus = replace(three.corpus, apart=frozenset({frozenset("ad")}))
    mixer = Mixer(corpus, "train", cache=folder / "cache")
    drawn = {frozenset(part.label for part in mixer.plan(0, index).parts) for index in INDICES}
    assert drawn == {frozenset("bcd")}


def test_three_labels_that_fit_together_are_needed(folder: Path) -> None:
    """d is kept apart from c, and a and b are one family."""
    corpus = make_corpus(folder / "audio", replace(SPEECH, n_src=3))
    with pytest.raises(UsageError, match="4 labels and no 3 that may be mixed"):
        Mixer(corpus, "train", cache=folder / "cache")


def test_a_mixture_has_at_least_two_sources() -> None:
    with pytest.raises(UsageError, match="--n-src must be at least 2, not 1"):
        replace(SPEECH, n_src=1)


def test_a_split_without_recordings(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no recordings of split 'val'"):
        Mixer(make_corpus(tmp_path, SPEECH, (1.0,)), "val", cache=tmp_path / "cache")


def test_the_speed_of_no_corpus_is_a_sentence(capsys: pytest.CaptureFixture[str]) -> None:
    assert mixing_speed.main(["--corpus", "nowhere"]) == EXIT_USAGE
    assert "error: There is no folder nowhere" in capsys.readouterr().err
