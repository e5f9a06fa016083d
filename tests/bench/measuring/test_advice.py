"""Each refusal names a line, and the line makes the network keep the contract."""

import re
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn

import bench
from bench.measuring.probes.contract import measure
from bench.results.record import CellError, Status
from bench.results.workload import Workload

WORK = Workload("inference", "cpu", 64, 1, "float32", torch.get_num_threads(), 0)


class Network(nn.Module):
    """One convolution to two sources, then a function of its output."""

    def __init__(
        self, form: Callable[[Tensor], Any], in_chan: int = 1, takes_time: bool = False
    ) -> None:
        super().__init__()
        self.convolution = nn.Conv1d(in_chan, 2, 1)
        self.form, self.takes_time = form, takes_time

    def forward(self, data: Tensor) -> Any:
        if self.takes_time:
            batch, time = data.shape
            data = data.reshape(batch, 1, time)
        return self.form(self.convolution(data))


BROKEN: dict[str, Callable[[], nn.Module]] = {
    "[batch, time]": lambda: Network(lambda y: y, takes_time=True),
    "two channels": lambda: Network(lambda y: y, in_chan=2),
    "list": lambda: Network(lambda y: [y[:, 0], y[:, 1]]),
    "tuple": lambda: Network(lambda y: (y[:, :1], y[:, 1:])),
    "dictionary": lambda: Network(lambda y: {"a": y[:, 0], "b": y[:, 1]}),
    "with a loss": lambda: Network(lambda y: (y, y.mean())),
    "under a key": lambda: Network(lambda y: {"loss": None, "estimates": y}),
    "channels": lambda: Network(lambda y: torch.stack([y, y], 2)),
    "turned": lambda: Network(lambda y: y.transpose(1, 2)),
    "one source": lambda: Network(lambda y: y[:, 0]),
    "short": lambda: Network(lambda y: y[..., :-3]),
}


@pytest.mark.parametrize("build", BROKEN.values(), ids=BROKEN)
def test_the_refusal_names_the_line_that_adapts(build: Callable[[], nn.Module]) -> None:
    with pytest.raises(CellError, match=r"bench\.adapt") as refusal:
        measure(build, WORK, 1.0)
    assert refusal.value.status == Status.BAD_SHAPE
    (line,) = re.findall(r"return (bench\.adapt\(.*?\))(?:\.|, which)", str(refusal.value))
    adapted = eval(line, {"bench": bench, "network": build()})
    assert measure(lambda: adapted, WORK, 1.0).n_src in (1, 2)


class Broken(nn.Module):
    """Raises, whatever it is given."""

    def forward(self, data: Tensor) -> Tensor:
        raise ArithmeticError("the network is broken")


def test_an_error_that_no_shape_avoids_stays_what_it_is() -> None:
    with pytest.raises(ArithmeticError, match="the network is broken"):
        measure(Broken, WORK, 1.0)


@pytest.mark.parametrize("form", [lambda y: "estimates", lambda y: [], lambda y: y.mean()])
def test_what_holds_no_estimates_has_no_line(form: Callable[[Tensor], Any]) -> None:
    with pytest.raises(CellError) as refusal:
        measure(lambda: Network(form), WORK, 1.0)
    assert "adapt" not in str(refusal.value)
