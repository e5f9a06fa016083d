"""Every reader: nothing is on two sides, and what is wrong with a corpus is said."""

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from bench.corpora.collection import LEAKS
from bench.corpora.corpus import Corpus, FixedCorpus, Task
from bench.corpora.fixed import FixedMixer
from bench.corpora.mixing import Mixer
from bench.corpora.readers import open_mixer, read_corpus, shipped_folder
from bench.errors import UsageError
from tests.bench.corpora.test_mixing import write_noise


def make_folder(root: Path, n_labels: int = 8, n_takes: int = 4) -> None:
    for label in range(n_labels):
        for take in range(n_takes):
            write_noise(root / f"label{label}" / f"{take}.wav", 0.2, 10 * label + take)


def make_esc50(root: Path) -> None:
    lines = ["filename,fold,target,category,esc10,src_file,take"]
    for fold in range(1, 6):
        for number, category in enumerate(("dog", "rain", "crow")):
            name = f"{fold}-{100 + fold}-A-{number}.wav"
            write_noise(root / "audio" / name, 0.2, 10 * fold + number, 44100)
            lines.append(f"{name},{fold},{number},{category},False,{fold}{number},A")
    (root / "meta").mkdir(parents=True)
    (root / "meta" / "esc50.csv").write_text("\n".join(lines) + "\n")


def make_wsj0(root: Path, rate: int = 8000) -> None:
    names = {
        "tr": ("01aa010b_0.9_02bo031f_-0.9", "02bo031g_1.2_01aa010c_-1.2"),
        "cv": ("01aa010d_0.1_02bo031h_-0.1",),
        "tt": ("050a050b_2.1_421c0201_-2.1", "421c0202_0.3_050a050c_-0.3"),
    }
    for folder, mixtures in names.items():
        for number, name in enumerate(mixtures):
            for part in ("mix", "s1", "s2"):
                path = root / "wav8k/min" / folder / part / f"{name}.wav"
                write_noise(path, 1.0 + 4 * number, number, rate)


HEAD = "mixture_ID,mixture_path,source_1_path,source_2_path,length\n"


def make_librimix(root: Path, speakers: tuple[str, str] = ("14", "16")) -> None:
    """Three tables for each part, as its scripts write them; the noise of two is not there."""
    base = root / "wav8k/min"
    (base / "metadata").mkdir(parents=True)
    for side, (one, two) in {
        "train-100": ("103", "1034"),
        "dev": ("12", "13"),
        "test": speakers,
    }.items():
        name = f"{one}-1-0001_{two}-2-0002"
        paths = [base / side / part / f"{name}.wav" for part in ("mix_clean", "s1", "s2")]
        for seed, path in enumerate(paths):
            write_noise(path, 5, seed)
        relative = [str(paths[0]), *(path.relative_to(root).as_posix() for path in paths[1:])]
        tables = {
            "mix_clean": f"{HEAD}{name},{','.join(relative)},40000\n",
            "mix_both": f"{HEAD.replace('length', 'noise_path,length')}{name},a,b,c,noise,40000\n",
            "mix_single": f"mixture_ID,mixture_path,source_1_path,noise_path\n{name},a,b,noise\n",
            "mix_single_metrics": "mixture_ID,source_1_SNR\n",
        }
        for kind, text in tables.items():
            start = "metrics" if kind.endswith("metrics") else "mixture"
            file = f"{start}_{side}_{kind.removesuffix('_metrics')}.csv"
            (base / "metadata" / file).write_text(text)


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
    next((root / "wav8k/min/tt/s2").iterdir()).unlink()


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
    (spoil_file, "speech", "names 1 files that are not in"),
    (spoil_column, "speech", "no column family"),
    (spoil_split, "speech", "line 2: the split 'learn' is none of"),
    (spoil_number, "speech", "line 2: 'long' is not a number"),
    (make_esc50_of_one_source, "sounds", "source recording '10' .*test and train"),
    (make_esc50_of_six_folds, "sounds", "folds 1 to 5, not 6"),
    (make_wsj0_without_source, "speech", "names 1 files that are not in"),
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


def test_no_folder(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"There is no folder .*--corpus DIR"):
        read_corpus(tmp_path / "nowhere", "speech")


def test_a_rate_that_the_folder_does_not_have(tmp_path: Path) -> None:
    make_wsj0(tmp_path, rate=16000)
    with pytest.raises(UsageError, match="has 16000 Hz and the corpus declares 8000 Hz"):
        open_mixer(read_corpus(tmp_path, "speech"), "test", cache=tmp_path / "cache")
