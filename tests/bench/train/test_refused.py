"""What can't be trained, or can't go on, is a sentence and an exit code."""

import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Never

import pytest
import torch

from bench.errors import TrainingStoppedError
from bench.train import main
from bench.training.parallel import Group
from tests.bench import tiny_corpora as tiny
from tests.bench.corpora.example_corpora import make_wsj0
from tests.bench.train.trainings import DETERMINISTIC, THREE, options
from tests.simulated_cuda.install import simulated_cuda


def test_what_cannot_be_met_is_a_sentence(
    corpus: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for wrong, sentence in (
        (["--corpus", str(tmp_path / "absent")], "There is no folder"),
        (["--model", "sudormrf-0.3x"], "Did you mean"),
        (["--model", "tests.bench.train.test_refused:absent"], "has no function 'absent'"),
        (["--model", "all"], "one model"),
        (["--batch", "32"], "no batch of 32"),
        (["--task", "sounds"], "of the task 'speech'. Ask for it with --task speech"),
        (["--max-steps", "0"], "--max-steps must be above 0"),
        (["--threads", "0"], "--threads must be at least 1"),
        (["--model", THREE], "3 estimates, and mixtures have 2 sources"),
        (["--model", "sudormrf-0.25x", "--n-src", "3"], "returns 2 sources, not 3. Give --n-src 2"),
        (["--n-src", "3"], "2 estimates, and mixtures have 3 sources"),
        (["--n-src", "1"], "--n-src must be at least 2"),
        (["--model", "tests.bench.train.test_refused:short"], "expected a tensor [4, n_src, 400]"),
    ):
        assert main([*options(corpus, tmp_path / "new"), *wrong]) == 2
        assert sentence in capsys.readouterr().err


class Short(tiny.Deterministic):
    def forward(self, mixture: torch.Tensor) -> torch.Tensor:
        return super().forward(mixture)[..., :-4]


def short() -> torch.nn.Module:
    return Short()


def test_more_validation_mixtures_than_there_are(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    make_wsj0(tmp_path / "wsj0")
    wrong = ["--corpus", str(tmp_path / "wsj0"), "--cache", str(tmp_path / "cache")]
    assert main([*options(tmp_path, tmp_path / "new"), *wrong, "--validation", "2"]) == 2
    assert "has 1 mixtures of validation" in capsys.readouterr().err
    assert main([*options(tmp_path, tmp_path / "new"), *wrong, "--n-src", "3"]) == 2
    assert "with ready mixtures of 2 sources" in capsys.readouterr().err


def test_files_that_are_left_out_are_named(
    corpus: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    spoilt = tmp_path / "spoilt"
    shutil.copytree(corpus, spoilt, ignore=shutil.ignore_patterns("cache"))
    (spoilt / "val2.wav").write_bytes(b"no audio")
    arguments = [*options(corpus, tmp_path / "out", "--max-steps", "1"), "--corpus", str(spoilt)]
    assert main([*arguments, "--cache", str(tmp_path / "cache"), "--skip-bad"]) == 0
    assert f"Left out: {spoilt / 'val2.wav'} can't be decoded" in capsys.readouterr().err


def test_a_corrupt_recording_of_the_test_split_is_found_before_training(
    corpus: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    spoilt = tmp_path / "spoilt"
    shutil.copytree(corpus, spoilt, ignore=shutil.ignore_patterns("cache"))
    (spoilt / "test2.wav").write_bytes(b"no audio")
    arguments = [*options(corpus, tmp_path / "out", "--max-steps", "1"), "--corpus", str(spoilt)]
    assert main(arguments) == 2
    assert f"{spoilt / 'test2.wav'} can't be decoded" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()
    assert main([*arguments, "--skip-bad"]) == 0
    assert f"Left out: {spoilt / 'test2.wav'} can't be decoded" in capsys.readouterr().err


def test_a_disk_that_is_full_before_the_first_state_leaves_nothing_to_go_on_from(
    corpus: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    main(options(corpus, tmp_path / "cached", "--max-steps", "1"))

    def no_space(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", no_space)
    capsys.readouterr()
    assert main(options(corpus, tmp_path / "out", "--save-s", "0")) == 1
    said = capsys.readouterr().err
    assert "No space left on device. Free some space" in said
    assert f"No state was saved before, so {tmp_path / 'out'} holds nothing" in said


def not_finite() -> torch.nn.Module:
    model = tiny.Deterministic()
    with torch.no_grad():
        model.decoder.weight[:] = torch.nan
    return model


def test_a_loss_that_is_not_finite_has_an_exit_code(
    corpus: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(options(corpus, tmp_path, model="tests.bench.train.test_refused:not_finite")) == 1
    said = capsys.readouterr().err
    assert "the loss is nan" in said
    assert "--learning-rate" not in said  # it was not used yet
    assert "holds nothing to go on from" in said


def test_tensorboard_says_how_to_get_it(
    corpus: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.setitem(sys.modules, "tensorboard", None)
    monkeypatch.delitem(sys.modules, "torch.utils.tensorboard", raising=False)
    assert main(options(corpus, tmp_path, "--tensorboard")) == 2
    assert "separation-bench[train]" in capsys.readouterr().err


class TooLarge(tiny.Deterministic):
    """Fits into memory where it is counted, and not in a step of four mixtures."""

    def forward(self, mixture: torch.Tensor) -> torch.Tensor:
        if mixture.shape[0] == 4 and not mixture.is_meta:
            torch.empty(2**60, dtype=torch.uint8)
        return super().forward(mixture)


def too_large() -> torch.nn.Module:
    return TooLarge()


def test_memory_that_is_full_ends_with_a_sentence_and_an_exit_code(
    corpus: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(options(corpus, tmp_path, model="tests.bench.train.test_refused:too_large")) == 1
    said = capsys.readouterr().err
    assert "The intermediate results of 4 mixtures do not fit into memory (" in said
    assert "can't allocate memory" in said
    assert "a smaller --batch (it was 4) or --samples (it was 400)" in said
    assert "holds nothing to go on from" in said


@pytest.mark.parametrize(("scenario", "code"), [("full at once", 1), ("full later", 1)])
def test_a_gpu_that_is_full_ends_a_training_so_too(
    scenario: str, code: int, corpus: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with simulated_cuda(scenario):
        arguments = options(corpus, tmp_path, "--save-s", "0", model=DETERMINISTIC)
        assert main([*arguments, "--device", "cuda"]) == code
    said = capsys.readouterr().err
    assert "do not fit into memory (CUDA out of memory. Tried to allocate " in said
    assert "or use --device cpu." in said
    assert ("holds nothing to go on from" in said) == (scenario == "full at once")


def test_a_process_that_does_not_lead_says_what_it_stopped_at(
    corpus: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    """The others only see that it is gone."""

    @contextmanager
    def join_as_second(device: torch.device) -> Iterator[Group]:
        yield Group(rank=1, size=1)

    def stop(*arguments: object) -> Never:
        raise TrainingStoppedError("The intermediate results do not fit.")

    monkeypatch.setattr("bench.training.parallel.join_group", join_as_second)
    monkeypatch.setattr("bench.training.loop.run_training", stop)
    assert main(options(corpus, tmp_path)) == 1
    assert "error, in process 1: The intermediate results do not fit." in capsys.readouterr().err
