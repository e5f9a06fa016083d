"""A training goes on after kill -9 and signals, in its own folder and no other's."""

import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from bench.networks.checkpoint import load_state
from bench.results.environment import Code
from bench.results.training import METRICS_NAME, read_training
from bench.train import main
from bench.training.folder import MODEL_NAME, STATE_NAME
from tests.bench import tiny_corpora as tiny
from tests.bench.train.trainings import DETERMINISTIC, last_weights, options, start


def test_a_finished_training_has_nothing_left_to_do(corpus: Path, tmp_path: Path) -> None:
    main(options(corpus, tmp_path))
    before = (tmp_path / METRICS_NAME).read_text(), last_weights(tmp_path)
    assert main(options(corpus, tmp_path)) == 0
    assert (tmp_path / METRICS_NAME).read_text() == before[0]
    assert all(torch.equal(last_weights(tmp_path)[name], before[1][name]) for name in before[1])


SLOW = "tests.bench.train.test_resumed:slow_masker"


class SlowMasker(tiny.Deterministic):
    """Tells of each forward of a training step by a line."""

    def forward(self, mixture: torch.Tensor) -> torch.Tensor:
        if mixture.shape[0] == 4 and not mixture.is_meta:
            sys.stdout.write("forward\n")
            sys.stdout.flush()
        return super().forward(mixture)


def slow_masker() -> SlowMasker:
    return SlowMasker()


def kill_after(process: "subprocess.Popen[str]", forwards: int, number: int) -> tuple[int, str]:
    assert process.stdout is not None
    for _ in range(forwards):
        assert process.stdout.readline() == "forward\n"
    process.send_signal(number)
    _, said = process.communicate(timeout=120)
    return process.returncode, said


MORE = ("--save-s", "0", "--epochs", "8")


@pytest.fixture(scope="module")
def straight(corpus: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The training that nothing interrupts."""
    output = tmp_path_factory.mktemp("straight")
    assert main(options(corpus, output, *MORE, model=SLOW)) == 0
    return output


@pytest.mark.parametrize(
    ("number", "code"),
    [(signal.SIGKILL, -9), (signal.SIGTERM, 143), (signal.SIGINT, 130)],
    ids=["kill -9", "SIGTERM", "Ctrl-C"],
)
def test_a_killed_training_ends_with_the_same_weights(
    number: int, code: int, straight: Path, corpus: Path, tmp_path: Path
) -> None:
    """Interrupted wherever the signal happens to find it, which is another place each time."""
    killed = tmp_path / "killed"
    process = start("-m", "bench.train", *options(corpus, killed, *MORE, model=SLOW))
    returned, said = kill_after(process, 9, number)
    assert returned == code
    assert ("Saved at step" in said) == (code > 0)
    state = load_state(killed / STATE_NAME)
    assert state is not None
    assert 0 < state["position"]["step"] < 32
    assert main(options(corpus, killed, *MORE, model=SLOW)) == 0
    one, other = last_weights(straight), last_weights(killed)
    assert all(torch.equal(one[name], other[name]) for name in one)
    best = [load_file(folder / MODEL_NAME) for folder in (straight, killed)]
    assert all(torch.equal(best[0][name], best[1][name]) for name in best[0])
    steps = [
        [(line.step, line.loss, line.si_sdri_db) for line in read_training(folder / METRICS_NAME)]
        for folder in (straight, killed)
    ]
    assert steps[0] == steps[1]


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (("--batch", "8"), "batch 4, not 8"),
        (("--seed", "1"), "seed 0, not 1"),
        (("--model", DETERMINISTIC), "model "),
    ],
)
def test_a_folder_of_another_training_is_refused(
    more: tuple[str, str], message: str, corpus: Path, tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    main(options(corpus, tmp_path, "--max-steps", "1"))
    capsys.readouterr()
    assert main([*options(corpus, tmp_path), *more]) == 2
    said = capsys.readouterr().err
    assert "The folder holds a training with" in said
    assert message in said


def change_corpus(corpus: Path, root: Path) -> Path:
    """A copy in a folder of the same name with one training voice under another label."""
    copy = root / corpus.name
    shutil.copytree(corpus, copy, ignore=shutil.ignore_patterns("cache"))
    table = copy / "speech.tsv"
    table.write_text(table.read_text().replace("\ttrain0\ttrain0", "\tother\tother"))
    return copy


def test_another_corpus_of_the_same_name_is_refused(
    corpus: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    main(options(corpus, tmp_path / "out", "--max-steps", "1"))
    other = change_corpus(corpus, tmp_path)
    assert main([*options(corpus, tmp_path / "out"), "--corpus", str(other)]) == 2
    assert "The folder holds a training with other recordings " in capsys.readouterr().err


def test_other_code_is_named_when_it_goes_on(
    corpus: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    main(options(corpus, tmp_path, "--max-steps", "1"))
    main(options(corpus, tmp_path, "--max-steps", "2"))
    assert "The state was written by" not in capsys.readouterr().err
    monkeypatch.setattr("bench.train.describe_code", lambda: Code("new", False, ""))
    main(options(corpus, tmp_path, "--max-steps", "3"))
    assert "this is new" in capsys.readouterr().err


def test_two_trainings_do_not_share_a_folder(
    corpus: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from filelock import FileLock

    with FileLock(tmp_path / "lock"):
        assert main(options(corpus, tmp_path)) == 2
    assert "Another training is at work" in capsys.readouterr().err
