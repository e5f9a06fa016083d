"""The host's stopwatch with a clock of the test's own; the GPU's against the host's."""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from bench.measure.step import no_mark
from bench.measure.stopwatch import time_on_cuda, time_on_host


def test_the_clock_is_read_around_the_call_and_at_each_mark(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    events: list[object] = []
    ticks = iter([10.0, 10.5, 12.5, 13.25])

    def tick() -> float:
        events.append("tick")
        return next(ticks)

    def run(mark: Callable[[], None] = no_mark) -> Tensor:
        events.append("forward")
        mark()
        events.append("backward")
        mark()
        events.append("rest")
        return torch.zeros(1)

    monkeypatch.setattr("bench.measure.stopwatch.time.perf_counter", tick)
    timing = time_on_host(run)
    assert events == ["tick", "forward", "tick", "backward", "tick", "rest", "tick"]
    assert timing.total_s == timing.host_s == 3.25
    assert timing.parts_s == [0.5, 2.0, 0.75]


@pytest.mark.cuda
def test_events_of_a_gpu_add_up_and_lie_within_the_hosts_wall() -> None:
    matrix = torch.ones(2048, 2048, device="cuda")

    def run(mark: Callable[[], None] = no_mark) -> Tensor:
        product = matrix @ matrix
        mark()
        return product @ matrix

    time_on_cuda(run)
    timing = time_on_cuda(run)
    assert len(timing.parts_s) == 2
    assert sum(timing.parts_s) == pytest.approx(timing.total_s, rel=1e-3)
    assert 0 < timing.total_s <= timing.host_s
