"""Every reader: nothing is on two sides, and what is wrong with a corpus is said."""

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile

from bench.corpora.collection import LEAKS
from bench.corpora.corpus import Corpus, FixedCorpus, Task
from bench.corpora.fixed import FixedMixer
from bench.corpora.mixing import Mixer
from bench.corpora.readers import open_mixer, read_corpus, shipped_folder
from tests.bench.corpora.example_corpora import (
    make_esc50,
    make_folder,
    make_librimix,
    make_wsj0,
    write_noise,
)


def copy_shipped(root: Path) -> None:
    shutil.copytree(shipped_folder(), root, dirs_exist_ok=True)


def copy_speech(root: Path) -> None:
    copy_shipped(root)
    (root / "sounds.tsv").unlink()


Maker = Callable[[Path], None]
CORPORA: list[tuple[Maker, Task, bool]] = [
    (make_folder, "speech", True),
    (make_folder, "sounds", False),
    (make_esc50, "sounds", False),
    (copy_shipped, "speech", True),
    (copy_shipped, "sounds", False),
    (make_librimix, "speech", True),
    (make_wsj0, "speech", False),
]


def sides(corpus: Corpus | FixedCorpus, what: str) -> dict[str, set[str]]:
    """The files, labels or families of each split."""
    found: dict[str, set[str]] = {"train": set(), "val": set(), "test": set()}
    if isinstance(corpus, FixedCorpus):
        for mixture in corpus.mixtures:
            parts = mixture.sources if what != "path" else (mixture.mixture, *mixture.sources)
            found[mixture.split] |= {getattr(part, what) for part in parts}
    else:
        for recording in corpus.recordings:
            found[recording.split].add(getattr(recording, what))
    return found


@pytest.mark.parametrize(("make", "task", "by_speaker"), CORPORA)
def test_nothing_is_on_two_sides(tmp_path: Path, make: Maker, task: Task, by_speaker: bool) -> None:
    make(tmp_path)
    corpus = read_corpus(tmp_path, task)
    for what in ("path", *(("label", "family") if by_speaker else ())):
        found = sides(corpus, what)
        assert all(found.values())
        assert sum(map(len, found.values())) == len(set().union(*found.values()))


@pytest.mark.parametrize(("make", "task", "by_speaker"), CORPORA)
def test_every_side_can_be_mixed(tmp_path: Path, make: Maker, task: Task, by_speaker: bool) -> None:
    make(tmp_path / "corpus")
    corpus = read_corpus(tmp_path / "corpus", task)
    for split in ("train", "val", "test"):
        mixture, sources = open_mixer(corpus, split, cache=tmp_path / "cache").draw(0, 0)
        assert mixture.shape == (32000,)
        assert sources.shape == (2, 32000)
        assert mixture.std(dtype=np.float64) == pytest.approx(1, abs=1e-6)
        assert abs(mixture.mean(dtype=np.float64)) < 1e-6
        assert np.abs(sources.mean(1, dtype=np.float64)).max() < 1e-6


def test_the_test_speakers_of_wsj0_are_nowhere_else(tmp_path: Path) -> None:
    make_wsj0(tmp_path)
    found = sides(read_corpus(tmp_path, "speech"), "label")
    assert found == {"train": {"01a", "02b"}, "val": {"01a", "02b"}, "test": {"050", "421"}}


def test_ready_mixtures_are_mixed_afresh_for_training(tmp_path: Path) -> None:
    """Every utterance once, in its longest form; speakers that never met are mixed too."""
    make_wsj0(tmp_path / "wsj0")
    for part in ("mix", "s1", "s2"):  # the utterances of one mixture again, in a longer one
        path = tmp_path / f"wsj0/wav8k/min/tr/{part}/01aa010b_0.9_03co0301_-0.9.wav"
        write_noise(path, 3.0, 7)
    corpus = read_corpus(tmp_path / "wsj0", "speech")
    mixer = open_mixer(corpus, "train", cache=tmp_path / "cache")
    assert isinstance(mixer, Mixer)
    chosen = {one.group: one.path for one in mixer.corpus.recordings}
    assert set(chosen) == {"01aa010b", "02bo031f", "02bo031g", "01aa010c", "03co0301"}
    assert chosen["01aa010b"].endswith("tr/s1/01aa010b_0.9_03co0301_-0.9.wav")
    plans = [mixer.plan(0, index) for index in range(40)]
    pairs = {frozenset(part.label for part in plan.parts) for plan in plans}
    assert pairs == {
        frozenset({"01a", "02b"}),
        frozenset({"01a", "03c"}),
        frozenset({"02b", "03c"}),
    }
    assert len({plan.snr_db for plan in plans}) == 40
    assert all(-5 <= plan.snr_db <= 5 for plan in plans)


def test_ready_mixtures_are_whole_in_evaluations(tmp_path: Path) -> None:
    make_wsj0(tmp_path / "wsj0")
    mixer = open_mixer(read_corpus(tmp_path / "wsj0", "speech"), "test", cache=tmp_path / "cache")
    assert isinstance(mixer, FixedMixer)
    assert [len(mixer.whole(index).mixture) for index in range(2)] == [8000, 40000]


def test_esc50_goes_by_folds_and_joins_nothing(tmp_path: Path) -> None:
    make_esc50(tmp_path)
    corpus = read_corpus(tmp_path, "sounds")
    assert isinstance(corpus, Corpus)
    fold = {one.path: one.path.removeprefix("audio/")[0] for one in corpus.recordings}
    assert {(fold[one.path], one.split) for one in corpus.recordings} == {
        ("1", "train"),
        ("2", "train"),
        ("3", "train"),
        ("4", "val"),
        ("5", "test"),
    }
    assert len({one.group for one in corpus.recordings}) == len(corpus.recordings)


def test_what_ships_is_small_and_has_its_licences() -> None:
    files = [path for path in shipped_folder().rglob("*") if path.is_file()]
    assert sum(path.stat().st_size for path in files if path.suffix == ".flac") < 3e6
    notice = (shipped_folder() / "NOTICE.md").read_text()
    for task, column in (("speech", "label"), ("sounds", "group")):
        corpus = read_corpus(None, task)  # type: ignore[arg-type]
        assert isinstance(corpus, Corpus)
        assert all(f"`{getattr(one, column)}`" in notice for one in corpus.recordings)
    assert len(list((shipped_folder() / "licences").iterdir())) == 5


def test_sounds_have_their_exclusions() -> None:
    corpus = read_corpus(None, "sounds")
    assert isinstance(corpus, Corpus)
    assert corpus.leaks == LEAKS
    assert len(LEAKS) == 11
    assert {"day_nature", "bird"} in corpus.apart
    assert {"day_nature", "insect_frog"} in corpus.apart


def test_a_moved_corpus_is_found_under_its_root(tmp_path: Path) -> None:
    """Tables hold paths of the machine that made them; a copy is meant where both are there."""
    make_librimix(tmp_path / "made/Libri2Mix")
    shutil.copytree(tmp_path / "made", tmp_path / "copy")
    for origin_is_there in (True, False):
        corpus = read_corpus(tmp_path / "copy/Libri2Mix", "speech")
        assert isinstance(corpus, FixedCorpus)
        assert all(
            one.path.startswith("wav8k/min/") for mix in corpus.mixtures for one in mix.files
        )
        FixedMixer(corpus, "test", cache=tmp_path / f"cache{origin_is_there}").draw(0, 0)
        shutil.rmtree(tmp_path / "made", ignore_errors=True)


def test_absolute_paths_that_are_only_elsewhere_are_kept(tmp_path: Path) -> None:
    make_librimix(tmp_path / "audio")
    table = "wav8k/min/metadata"
    shutil.copytree(tmp_path / "audio" / table, tmp_path / "tables" / table)
    for path in (tmp_path / "tables" / table).glob("*_mix_clean.csv"):
        path.write_text(path.read_text().replace(",wav8k/", f",{tmp_path}/audio/wav8k/"))
    mixer = open_mixer(read_corpus(tmp_path / "tables", "speech"), "test", cache=tmp_path / "cache")
    assert mixer.draw(0, 0).sources.any()


def test_a_folder_of_labels_below_a_table_is_a_corpus_of_its_own(tmp_path: Path) -> None:
    copy_shipped(tmp_path)
    corpus = read_corpus(tmp_path / "speech", "speech")
    assert corpus.name == "speech-speech"


@pytest.mark.parametrize(
    ("suffix", "subtype"), [("mp3", None), ("ogg", "VORBIS"), ("opus", "OPUS"), ("aiff", None)]
)
def test_corpora_of_other_formats(suffix: str, subtype: str | None, tmp_path: Path) -> None:
    """What libsndfile reads, with a label from its folder."""
    make_folder(tmp_path / "corpus", n_labels=6)
    for path in (tmp_path / "corpus").glob("*/*.wav"):
        samples, rate = soundfile.read(path)
        kind = "OGG" if suffix == "opus" else suffix.upper()
        soundfile.write(path.with_suffix(f".{suffix}"), samples, rate, subtype, format=kind)
        path.unlink()
    corpus = read_corpus(tmp_path / "corpus", "sounds")
    assert isinstance(corpus, Corpus)
    assert len(corpus.recordings) == 24
    assert open_mixer(corpus, "test", cache=tmp_path / "cache").draw(0, 0).sources.any()
