"""Eager PyTorch in a precision: float32 at both ends, the network left as it is."""

from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from bench.runtimes import FLOATS
from bench.runtimes.eager import prepare
from tests.bench.runtimes.asking import ask, small

SEEN: list[torch.dtype] = []


class Looking(nn.Module):
    """Keeps the dtype of what it computes."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv1d(1, 2, 3, padding=1)

    def forward(self, mixture: Tensor) -> Tensor:
        estimates: Tensor = self.conv(mixture)
        SEEN.append(estimates.dtype)
        return estimates


@pytest.mark.parametrize("dtype", FLOATS)
def test_it_computes_in_the_dtype_between_float32(tmp_path: Path, dtype: str) -> None:
    model, asked = Looking().eval(), ask(tmp_path, dtype)
    SEEN.clear()
    with torch.inference_mode():
        found = prepare(model, asked).forward(asked.mixture)
        expected = model(asked.mixture)
    assert found.dtype == torch.float32
    assert SEEN[0] == getattr(torch, dtype.removeprefix("amp-"))
    tolerance = {"float32": 0.0, "float64": 1e-6}.get(dtype, 0.05)
    assert torch.allclose(found, expected, atol=tolerance)
    assert {parameter.dtype for parameter in model.parameters()} == {torch.float32}


def test_float32_is_the_network_itself(tmp_path: Path) -> None:
    model = small()
    assert prepare(model, ask(tmp_path)).forward is model
