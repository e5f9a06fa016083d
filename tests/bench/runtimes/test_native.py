"""The form that a network makes of itself."""

from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from bench.results.record import CellError, Status
from bench.runtimes.native import prepare
from tests.bench.runtimes.asking import ask, small


class Fusing(nn.Module):
    """Its fast form doubles; one that can't be built says why."""

    def __init__(self, problem: str = "") -> None:
        super().__init__()
        self.problem = problem

    def forward(self, mixture: Tensor) -> Tensor:
        return mixture + mixture

    def fuse(self) -> nn.Module:
        if self.problem:
            raise RuntimeError(self.problem)
        return Doubling()


class Doubling(nn.Module):
    def forward(self, mixture: Tensor) -> Tensor:
        return 2 * mixture


def test_it_is_what_fuse_makes(tmp_path: Path) -> None:
    asked = ask(tmp_path)
    prepared = prepare(Fusing(), asked)
    assert isinstance(prepared.forward, Doubling)
    assert torch.equal(prepared.forward(asked.mixture), 2 * asked.mixture)


@pytest.mark.parametrize(
    ("model", "reason"),
    [
        (small(), "Small has no native form"),
        (Fusing("There is no C++ compiler."), "There is no C\\+\\+ compiler."),
    ],
)
def test_a_network_without_one_is_unsupported(
    tmp_path: Path, model: nn.Module, reason: str
) -> None:
    with pytest.raises(CellError, match=reason) as refused:
        prepare(model, ask(tmp_path))
    assert refused.value.status == Status.UNSUPPORTED
