"""Evaluations for which there is not enough memory."""

from pathlib import Path

import pytest
import torch

from bench.errors import EXIT_OK, EXIT_USAGE
from tests.bench import tiny_corpora as tiny
from tests.bench.test_evaluate import run
from tests.simulated_cuda.install import simulated_cuda


class TooLarge(tiny.Masker):
    """Fits into memory with one mixture, and not with more."""

    def forward(self, mixture: torch.Tensor) -> torch.Tensor:
        if mixture.shape[0] > 1:
            torch.empty(2**60, dtype=torch.uint8)
        return super().forward(mixture)


def too_large() -> torch.nn.Module:
    return TooLarge()


def test_memory_that_is_full_is_said_with_what_to_change(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "saved.pt"
    torch.save({"model_state_dict": tiny.masker().state_dict()}, path)
    network = ["--checkpoint", str(path), "--model", "tests.bench.test_evaluate_memory:too_large"]
    assert run(tmp_path, tmp_path / "cache", *network, "--mixtures", "2") == EXIT_USAGE
    said = capsys.readouterr().err
    assert "The intermediate results of 4 mixtures at once do not fit into memory (" in said
    assert "Separate fewer with --batch (it was 4), or use a machine with more memory." in said
    assert run(tmp_path, tmp_path / "cache", *network, "--mixtures", "2", "--batch", "1") == EXIT_OK


def test_a_gpu_that_is_full_is_said_too(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "saved.pt"
    torch.save({"model_state_dict": tiny.masker().state_dict()}, path)
    network = ["--checkpoint", str(path), "--model", tiny.FACTORY, "--mixtures", "2"]
    with simulated_cuda("full at once"):
        assert run(tmp_path, tmp_path / "cache", *network, "--device", "cuda") == EXIT_USAGE
    assert "(CUDA out of memory. Tried to allocate " in capsys.readouterr().err
    with simulated_cuda("data-centre card"):
        assert run(tmp_path, tmp_path / "cache", *network, "--device", "cuda") == EXIT_OK
