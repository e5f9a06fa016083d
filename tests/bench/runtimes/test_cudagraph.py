"""A forward as a CUDA graph: it computes what the network does, of every input."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from bench.results.record import CellError, Status
from bench.runtimes.cudagraph import prepare
from bench.runtimes.form import Asked
from tests.bench.runtimes.asking import Small, ask, small
from tests.simulated_cuda.fixtures import a_gpu_fixture as a_gpu_fixture

pytestmark = pytest.mark.usefixtures("a_gpu")


def ask_on_gpu(folder: Path, dtype: str = "float32") -> Asked:
    asked = ask(folder, dtype)
    return replace(asked, mixture=asked.mixture.to("cuda"))


@pytest.mark.parametrize(("dtype", "tolerance"), [("float32", 1e-5), ("bfloat16", 0.1)])
@torch.inference_mode()
def test_each_call_computes_the_estimates_of_its_own_mixture(
    tmp_path: Path, dtype: str, tolerance: float
) -> None:
    model, asked = small().to("cuda"), ask_on_gpu(tmp_path, dtype)
    prepared = prepare(model, asked)
    for mixture in (*asked.speech[:2], asked.mixture.cpu()):
        given = mixture.to("cuda")
        found, expected = prepared.forward(given), model(given)
        assert found.dtype == torch.float32
        assert (found - expected).abs().max() < tolerance * expected.abs().max()
    assert {parameter.dtype for parameter in model.parameters()} == {torch.float32}


def test_autocast_is_that_of_the_device(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked_for = set[str]()
    autocast = torch.autocast

    def looking(device: str, *arguments: Any, **named: Any) -> torch.autocast:
        asked_for.add(device)
        return autocast(device, *arguments, **named)

    monkeypatch.setattr(torch, "autocast", looking)
    prepare(small().to("cuda"), ask_on_gpu(tmp_path, "amp-bfloat16"))
    assert asked_for == {"cuda"}


class Reading(Small):
    """The host waits for a value of what was computed."""

    def forward(self, mixture: Tensor) -> Tensor:
        estimates = super().forward(mixture)
        return estimates * float(estimates.sum())


def test_what_can_not_be_captured_is_unsupported(tmp_path: Path) -> None:
    model: nn.Module = Reading().eval().to("cuda")
    with pytest.raises(CellError, match="can't be captured: AcceleratorError") as refused:
        prepare(model, ask_on_gpu(tmp_path))
    assert refused.value.status is Status.UNSUPPORTED
