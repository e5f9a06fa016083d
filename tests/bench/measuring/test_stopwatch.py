"""The host's stopwatch with a clock of the test's own; the GPU's against the host's."""

from collections.abc import Callable
from typing import ClassVar

import pytest
import torch
from torch import Tensor

from bench.measuring.step import no_mark
from bench.measuring.stopwatch import time_on_cuda, time_on_host
from tests.simulated_cuda.fixtures import a_gpu_fixture as a_gpu_fixture


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

    monkeypatch.setattr("bench.measuring.stopwatch.time.perf_counter", tick)
    timing = time_on_host(run)
    assert events == ["tick", "forward", "tick", "backward", "tick", "rest", "tick"]
    assert timing.total_s == timing.host_s == 3.25
    assert timing.parts_s == [0.5, 2.0, 0.75]


@pytest.mark.usefixtures("a_gpu")
def test_events_of_a_gpu_add_up_and_lie_within_the_hosts_wall() -> None:
    matrix = torch.ones(512, 512, device="cuda")

    def run(mark: Callable[[], None] = no_mark) -> Tensor:
        product = matrix @ matrix
        mark()
        return product @ matrix

    time_on_cuda(run)
    timing = time_on_cuda(run)
    assert len(timing.parts_s) == 2
    assert sum(timing.parts_s) == pytest.approx(timing.total_s, rel=1e-3)
    assert 0 < timing.total_s <= timing.host_s


class FakeEvent:
    """An event on a device that has always finished."""

    log: ClassVar[list[str]] = []

    def __init__(self, enable_timing: bool) -> None:
        assert enable_timing

    def record(self) -> None:
        self.log.append("record")

    def synchronize(self) -> None:
        self.log.append("event is waited for")

    def elapsed_time(self, end: "FakeEvent") -> float:
        return 2000.0


def test_a_call_on_a_gpu_leaves_nothing_running(monkeypatch: pytest.MonkeyPatch) -> None:
    """Also not on other streams: the next turn may be that of another process."""
    log: list[str] = []
    monkeypatch.setattr(FakeEvent, "log", log)
    monkeypatch.setattr(torch.cuda, "Event", FakeEvent)
    monkeypatch.setattr(torch.cuda, "synchronize", lambda: log.append("device is waited for"))

    def run(mark: Callable[[], None] = no_mark) -> Tensor:
        log.append("call")
        return torch.zeros(1)

    assert time_on_cuda(run).total_s == 2.0
    assert log == [
        "device is waited for",
        "record",
        "call",
        "record",
        "event is waited for",
        "device is waited for",
    ]
