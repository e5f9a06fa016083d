"""What is wrong with a corpus is said, with what to do about it."""

from pathlib import Path

import pytest

from bench.corpora.corpus import Task
from bench.corpora.readers import open_mixer, read_corpus
from bench.errors import UsageError
from tests.bench.corpora.example_corpora import (
    HEAD,
    make_esc50,
    make_folder,
    make_librimix,
    make_wsj0,
    write_noise,
)
from tests.bench.corpora.test_readers import Maker, copy_shipped, copy_speech


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


def test_no_folder(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"There is no folder .*--corpus DIR"):
        read_corpus(tmp_path / "nowhere", "speech")


def test_a_rate_that_the_folder_does_not_have(tmp_path: Path) -> None:
    make_wsj0(tmp_path, rate=16000)
    with pytest.raises(UsageError, match="has 16000 Hz and the corpus declares 8000 Hz"):
        open_mixer(read_corpus(tmp_path, "speech"), "test", cache=tmp_path / "cache")
