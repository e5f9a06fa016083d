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
from bench.errors import UsageError
from tests.bench.corpora.example_corpora import (
    HEAD,
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


def edit(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))


def spoil_voice(root: Path) -> None:
    copy_shipped(root)
    edit(root / "speech.tsv", "\ttrain\t", "\tval\t")


def spoil_file(root: Path) -> None:
    copy_shipped(root)
    next((root / "speech" / "ast_june").iterdir()).unlink()


def spoil_column(root: Path) -> None:
    copy_shipped(root)
    edit(root / "speech.tsv", "family", "relatives")


def spoil_split(root: Path) -> None:
    copy_shipped(root)
    edit(root / "speech.tsv", "\ttrain\t", "\tlearn\t")


def spoil_number(root: Path) -> None:
    copy_shipped(root)
    text = (root / "speech.tsv").read_text().splitlines()
    text[1] = text[1].rpartition("\t")[0] + "\tlong"
    (root / "speech.tsv").write_text("\n".join(text))


def make_esc50_of_one_source(root: Path) -> None:
    make_esc50(root)
    edit(root / "meta" / "esc50.csv", ",50,A", ",10,A")


def make_esc50_of_six_folds(root: Path) -> None:
    make_esc50(root)
    edit(root / "meta" / "esc50.csv", ".wav,5,", ".wav,6,")


def make_wsj0_without_source(root: Path) -> None:
    make_wsj0(root)
    for part in ("tr/s1", "tt/s2"):
        next((root / "wav8k/min" / part).iterdir()).unlink()


def make_wsj0_of_one_speaker(root: Path) -> None:
    make_wsj0(root)
    for part in ("mix", "s1", "s2"):
        write_noise(root / f"wav8k/min/tr/{part}/050a050b_2.1_01aa0201_-2.1.wav", 1, 1)


def make_librimix_of_equal_names(root: Path) -> None:
    make_librimix(root)
    table = root / "wav8k/min/metadata/mixture_dev_mix_clean.csv"
    table.write_text(table.read_text() + table.read_text().removeprefix(HEAD))


def make_librimix_without_clean(root: Path) -> None:
    make_librimix(root)
    (root / "wav8k/min/metadata/mixture_dev_mix_clean.csv").unlink()


def make_empty(root: Path) -> None:
    root.mkdir(exist_ok=True)


WRONG: list[tuple[Maker, Task, str]] = [
    (make_empty, "speech", "no recordings in"),
    (make_empty, "sounds", "no recordings in"),
    (lambda root: make_folder(root, 1), "speech", "has 1 label .*at least six"),
    (lambda root: make_folder(root, 1), "sounds", "has one label .*needs two"),
    (lambda root: make_folder(root, 3, 2), "sounds", "has 2 recordings.*needs three"),
    (spoil_voice, "speech", "voice 'ast_allison' .*train and val"),
    (spoil_file, "speech", "1 of the 64 files that .*speech.tsv names are not in"),
    (spoil_column, "speech", "no column family"),
    (spoil_split, "speech", "line 2: the split 'learn' is none of"),
    (spoil_number, "speech", "line 2: 'long' is not a number"),
    (make_esc50_of_one_source, "sounds", "source recording '10' .*test and train"),
    (make_esc50_of_six_folds, "sounds", "folds 1 to 5, not 6"),
    (make_wsj0_without_source, "speech", "2 of the 15 files that .*wav8k/min names are not in"),
    (make_wsj0_of_one_speaker, "speech", "speaker '050' .*test and train"),
    (make_librimix_of_equal_names, "speech", "name 1 mixtures twice, .*'12-1-0001_13-2-0002'"),
    (make_librimix_without_clean, "speech", "2 tables of 'dev' and none .*mixture_dev_mix_clean"),
    (make_esc50, "speech", "is ESC-50, of the task 'sounds'.*--task sounds"),
    (make_wsj0, "sounds", "is WSJ0-2mix, of the task 'speech'.*--task speech"),
    (make_librimix, "sounds", "is Libri2Mix, .*--task speech"),
    (copy_speech, "sounds", "of the task 'speech'.*--task speech"),
    (lambda root: make_librimix(root, ("12", "16")), "speech", "speaker '12' .*test and val"),
]


@pytest.mark.parametrize(("make", "task", "sentence"), WRONG)
def test_what_is_wrong_with_a_corpus_is_said(
    tmp_path: Path, make: Maker, task: Task, sentence: str
) -> None:
    make(tmp_path)
    with pytest.raises(UsageError, match=sentence):
        read_corpus(tmp_path, task)


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


def test_all_missing_files_are_counted(tmp_path: Path) -> None:
    make_librimix(tmp_path)
    for part in ("train-100/s1", "test/s2"):
        next((tmp_path / "wav8k/min" / part).iterdir()).unlink()
    with pytest.raises(UsageError, match=r"^2 of the 9 files that .*metadata names are not in"):
        read_corpus(tmp_path, "speech")


@pytest.mark.parametrize(
    ("make", "task", "asked", "meant"),
    [
        (make_wsj0, "speech", ".", "2speakers"),
        (make_wsj0, "sounds", ".", "2speakers"),
        (make_wsj0, "speech", "2speakers/wav8k", "2speakers"),
        (make_wsj0, "speech", "2speakers/wav8k/min/tr", "2speakers"),
        (make_librimix, "speech", ".", "2speakers"),
        (make_esc50, "sounds", "2speakers/audio", "2speakers"),
        (make_folder, "speech", ".", "2speakers"),
        (make_folder, "sounds", ".", "2speakers"),
    ],
)
def test_a_folder_beside_the_corpus_is_answered_with_the_corpus(
    make: Maker, task: Task, asked: str, meant: str, tmp_path: Path
) -> None:
    """One level too high, or up to three too low."""
    make(tmp_path / "2speakers")
    with pytest.raises(UsageError, match=rf"Did you mean {tmp_path / meant}\?$"):
        read_corpus(tmp_path / asked, task)


def test_a_folder_of_corpora_is_not_a_corpus_of_labels(tmp_path: Path) -> None:
    for name in ("2speakers", "more", "others"):
        make_wsj0(tmp_path / name)
    with pytest.raises(UsageError, match=r"Did you mean .*2speakers\?$"):
        read_corpus(tmp_path, "sounds")


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


def test_no_folder(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"There is no folder .*--corpus DIR"):
        read_corpus(tmp_path / "nowhere", "speech")


def test_a_rate_that_the_folder_does_not_have(tmp_path: Path) -> None:
    make_wsj0(tmp_path, rate=16000)
    with pytest.raises(UsageError, match="has 16000 Hz and the corpus declares 8000 Hz"):
        open_mixer(read_corpus(tmp_path, "speech"), "test", cache=tmp_path / "cache")
