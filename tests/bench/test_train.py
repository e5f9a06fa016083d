"""The command: trains, goes on after kill -9 and signals, and shares a batch among processes."""

import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch
from safetensors.torch import load_file

from bench.networks.checkpoint import load_state
from bench.networks.trained import load_trained
from bench.results.environment import Code
from bench.results.training import METRICS_NAME, read_training
from bench.train import main
from bench.training.folder import MODEL_NAME, STATE_NAME
from bench.training.options import default_threads
from tests.bench import tiny_corpora as tiny
from tests.bench.corpora.example_corpora import make_wsj0
from tests.simulated_cuda.install import simulated_cuda

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="session")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three voices a split that are noises of their own colours, 1 s each."""
    root = tmp_path_factory.mktemp("corpus")
    random = np.random.default_rng(0)
    rows = ["path\tspeaker\tfamily\tgroup\tsplit\tseconds"]
    for split in ("train", "val", "test"):
        for number in range(3):
            noise = random.standard_normal(8000 + number)
            voice = 0.1 * np.convolve(noise, np.ones(number + 1), "valid")
            name = f"{split}{number}"
            soundfile.write(root / f"{name}.wav", voice.clip(-1, 1), 8000, subtype="PCM_16")
            rows.append(f"{name}.wav\t{name}\t{name}\t{name}\t{split}\t1.000")
    (root / "speech.tsv").write_text("\n".join(rows) + "\n")
    return root


def options(corpus: Path, output: Path, *more: str, model: str = tiny.FACTORY) -> list[str]:
    fixed = "--samples 400 --epoch-size 16 --validation 4 --epochs 3 --threads 1 --device cpu"
    places = ["--corpus", str(corpus), "--cache", str(corpus / "cache"), "--output", str(output)]
    return ["--model", model, *fixed.split(), *places, *more]


def start(*arguments: str) -> "subprocess.Popen[str]":
    environment = os.environ | {"OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)}
    return subprocess.Popen(
        [sys.executable, *arguments],
        env=environment,
        cwd=ROOT,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )


def last_weights(output: Path) -> dict[str, torch.Tensor]:
    state = load_state(output / STATE_NAME)
    assert state is not None
    weights: dict[str, torch.Tensor] = state["model"]
    return weights


def test_a_training_writes_what_it_says(corpus: Path, tmp_path: Path) -> None:
    assert main(options(corpus, tmp_path)) == 0
    model, _, metadata, _ = load_trained(tmp_path / MODEL_NAME, tiny.FACTORY)
    validations = [
        line for line in read_training(tmp_path / METRICS_NAME) if line.si_sdri_db is not None
    ]
    assert [line.step for line in validations] == [4, 8, 12]
    best = max(validations, key=lambda line: line.si_sdri_db or 0)
    for name in ("si_sdri_db", "step", "epoch", "macs", "flops", "audio_s", "wall_s", "corpus"):
        assert metadata[name] == getattr(best, name)
    assert metadata["factory"] == tiny.FACTORY
    assert len(metadata["code"]["commit"]) in (7, 40)
    assert metadata["n_validation"] == 4
    assert model(torch.zeros(1, 1, 400)).shape == (1, 2, 400)


def test_a_finished_training_has_nothing_left_to_do(corpus: Path, tmp_path: Path) -> None:
    main(options(corpus, tmp_path))
    before = (tmp_path / METRICS_NAME).read_text(), last_weights(tmp_path)
    assert main(options(corpus, tmp_path)) == 0
    assert (tmp_path / METRICS_NAME).read_text() == before[0]
    assert all(torch.equal(last_weights(tmp_path)[name], before[1][name]) for name in before[1])


SLOW = "tests.bench.test_train:slow_masker"


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


DETERMINISTIC = "tests.bench.tiny_corpora:Deterministic"


def test_two_processes_do_what_one_does(corpus: Path, tmp_path: Path) -> None:
    """To rounding: gradients of 1e-2 and more are sums in another order, Adam's steps 1e-3.

    Adam divides by the root of the second moment, so a rounding error of 1e-6 of a gradient
    moves a weight by about 1e-9 in a step; 1e-5 leaves room for 12 steps of small gradients.
    """
    single, double = tmp_path / "single", tmp_path / "double"
    assert main(options(corpus, single, model=DETERMINISTIC)) == 0
    launch = "-m torch.distributed.run --standalone --nproc-per-node 2 -m bench.train".split()
    process = start(*launch, *options(corpus, double, model=DETERMINISTIC))
    _, errors = process.communicate(timeout=200)
    assert process.returncode == 0, errors
    one, other = last_weights(single), last_weights(double)
    torch.manual_seed(0)
    first = tiny.Deterministic().state_dict()
    for name in one:
        torch.testing.assert_close(one[name], other[name], rtol=0, atol=1e-5)
        assert float((one[name] - first[name]).abs().max()) > 1e-3  # it did train
    alone, shared = (read_training(folder / METRICS_NAME) for folder in (single, double))
    assert [line.step for line in alone] == [line.step for line in shared]
    for mine, theirs in zip(alone, shared, strict=True):
        assert theirs.loss == pytest.approx(mine.loss, abs=1e-3)
        assert theirs.si_sdri_db == pytest.approx(mine.si_sdri_db, abs=1e-3)
        assert theirs.macs == mine.macs


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


def test_what_cannot_be_met_is_a_sentence(
    corpus: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for wrong, sentence in (
        (["--corpus", str(tmp_path / "absent")], "There is no folder"),
        (["--model", "sudormrf-0.3x"], "Did you mean"),
        (["--model", "tests.bench.test_train:absent"], "has no function 'absent'"),
        (["--model", "all"], "one model"),
        (["--batch", "32"], "no batch of 32"),
        (["--task", "sounds"], "of the task 'speech'. Ask for it with --task speech"),
        (["--max-steps", "0"], "--max-steps must be above 0"),
        (["--threads", "0"], "--threads must be at least 1"),
        (["--model", "tests.bench.test_train:three"], "3 estimates, and mixtures have 2 sources"),
        (["--model", "sudormrf-0.25x", "--n-src", "3"], "returns 2 sources, not 3. Give --n-src 2"),
        (["--n-src", "3"], "2 estimates, and mixtures have 3 sources"),
        (["--n-src", "1"], "--n-src must be at least 2"),
        (["--model", "tests.bench.test_train:short"], "expected a tensor [4, n_src, 400]"),
    ):
        assert main([*options(corpus, tmp_path / "new"), *wrong]) == 2
        assert sentence in capsys.readouterr().err


class Three(tiny.Deterministic):
    def forward(self, mixture: torch.Tensor) -> torch.Tensor:
        return super().forward(mixture)[:, [0, 1, 1]]


class Short(tiny.Deterministic):
    def forward(self, mixture: torch.Tensor) -> torch.Tensor:
        return super().forward(mixture)[..., :-4]


def three() -> torch.nn.Module:
    return Three()


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


def test_three_sources_are_trained(corpus: Path, tmp_path: Path) -> None:
    arguments = options(corpus, tmp_path, model="tests.bench.test_train:three")
    assert main([*arguments, "--n-src", "3"]) == 0
    trained = load_trained(tmp_path / MODEL_NAME, "tests.bench.test_train:three")
    assert trained.model(torch.zeros(1, 1, 400)).shape == (1, 3, 400)
    assert trained.metadata["n_src"] == 3


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


def test_a_corpus_without_a_test_split_is_trained_on(corpus: Path, tmp_path: Path) -> None:
    small = tmp_path / "small"
    shutil.copytree(corpus, small, ignore=shutil.ignore_patterns("cache", "test*"))
    table = small / "speech.tsv"
    lines = table.read_text().splitlines(keepends=True)
    table.write_text("".join(line for line in lines if not line.startswith("test")))
    arguments = options(corpus, tmp_path / "out", "--max-steps", "1")
    assert main([*arguments, "--corpus", str(small)]) == 0


def test_it_says_what_begins_what_goes_on_and_how_it_ended(
    corpus: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    main(options(corpus, tmp_path, "--max-steps", "2"))
    said = capsys.readouterr().err
    n_parameters = sum(weights.numel() for weights in tiny.masker().parameters())
    assert f"Training {tiny.FACTORY} ({n_parameters:,} parameters) on {corpus.name}-speech" in said
    assert "a training step: 4 mixtures of 2 sources and 0.05 s" in said
    assert "the first of 3 epochs (12 steps); 2 steps" in said
    assert "Complete at step 2: raise --max-steps 2 to go on." in said
    main(options(corpus, tmp_path, "--max-steps", "100"))
    said = capsys.readouterr().err
    assert "Going on from step 2." in said
    assert "Complete at step 12: raise --epochs 3 to go on." in said


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


@pytest.mark.parametrize(("processes", "threads"), [(None, 6), ("4", 1), ("2", 3), ("100", 1)])
def test_processes_of_a_machine_share_its_threads(
    processes: str | None, threads: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bench.training.options.available_cpus", lambda: 6)
    monkeypatch.delenv("LOCAL_WORLD_SIZE", raising=False)
    if processes is not None:
        monkeypatch.setenv("LOCAL_WORLD_SIZE", processes)
    assert default_threads() == threads


def not_finite() -> torch.nn.Module:
    model = tiny.Deterministic()
    with torch.no_grad():
        model.decoder.weight[:] = torch.nan
    return model


def test_a_loss_that_is_not_finite_has_an_exit_code(
    corpus: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(options(corpus, tmp_path, model="tests.bench.test_train:not_finite")) == 1
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


def test_two_trainings_do_not_share_a_folder(
    corpus: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from filelock import FileLock

    with FileLock(tmp_path / "lock"):
        assert main(options(corpus, tmp_path)) == 2
    assert "Another training is at work" in capsys.readouterr().err


def test_lines_are_plain_json(corpus: Path, tmp_path: Path) -> None:
    main(options(corpus, tmp_path))
    for text in (tmp_path / METRICS_NAME).read_text().splitlines():
        assert json.loads(text)["flops"] > json.loads(text)["macs"] > 0


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
    assert main(options(corpus, tmp_path, model="tests.bench.test_train:too_large")) == 1
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


def test_a_training_on_a_gpu_is_one_as_on_the_cpu(corpus: Path, tmp_path: Path) -> None:
    with simulated_cuda("data-centre card"):
        arguments = options(corpus, tmp_path / "gpu", model=DETERMINISTIC)
        assert main([*arguments, "--device", "cuda"]) == 0
    assert main(options(corpus, tmp_path / "cpu", model=DETERMINISTIC)) == 0
    found, expected = last_weights(tmp_path / "gpu"), last_weights(tmp_path / "cpu")
    for name in expected:
        torch.testing.assert_close(found[name], expected[name], rtol=0, atol=1e-5)
    lines = read_training(tmp_path / "gpu" / METRICS_NAME)
    assert all(line.energy_j for line in lines)  # the driver counts it
