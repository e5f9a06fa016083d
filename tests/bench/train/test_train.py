"""The command: what it writes and says, on one device, two processes and three sources."""

import json
import shutil
from pathlib import Path

import pytest
import torch

from bench.networks.trained import load_trained
from bench.results.training import METRICS_NAME, read_training
from bench.train import main
from bench.training.folder import MODEL_NAME
from bench.training.options import default_threads
from tests.bench import tiny_corpora as tiny
from tests.bench.train.trainings import DETERMINISTIC, THREE, last_weights, options, start
from tests.simulated_cuda.install import simulated_cuda


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


def test_lines_are_plain_json(corpus: Path, tmp_path: Path) -> None:
    main(options(corpus, tmp_path))
    for text in (tmp_path / METRICS_NAME).read_text().splitlines():
        assert json.loads(text)["flops"] > json.loads(text)["macs"] > 0


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


def test_three_sources_are_trained(corpus: Path, tmp_path: Path) -> None:
    arguments = options(corpus, tmp_path, model=THREE)
    assert main([*arguments, "--n-src", "3"]) == 0
    trained = load_trained(tmp_path / MODEL_NAME, THREE)
    assert trained.model(torch.zeros(1, 1, 400)).shape == (1, 3, 400)
    assert trained.metadata["n_src"] == 3


def test_a_corpus_without_a_test_split_is_trained_on(corpus: Path, tmp_path: Path) -> None:
    small = tmp_path / "small"
    shutil.copytree(corpus, small, ignore=shutil.ignore_patterns("cache", "test*"))
    table = small / "speech.tsv"
    lines = table.read_text().splitlines(keepends=True)
    table.write_text("".join(line for line in lines if not line.startswith("test")))
    arguments = options(corpus, tmp_path / "out", "--max-steps", "1")
    assert main([*arguments, "--corpus", str(small)]) == 0


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


@pytest.mark.parametrize(("processes", "threads"), [(None, 6), ("4", 1), ("2", 3), ("100", 1)])
def test_processes_of_a_machine_share_its_threads(
    processes: str | None, threads: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bench.training.options.available_cpus", lambda: 6)
    monkeypatch.delenv("LOCAL_WORLD_SIZE", raising=False)
    if processes is not None:
        monkeypatch.setenv("LOCAL_WORLD_SIZE", processes)
    assert default_threads() == threads


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
