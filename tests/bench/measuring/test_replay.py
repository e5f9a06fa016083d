"""A captured call: its time, or why there is none, whatever the capture does."""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from bench.measuring.replay import Replay, time_replay
from bench.measuring.step import Run, no_mark
from bench.results.record import Status
from bench.runtimes.cudagraph import Captured

ESTIMATES = torch.tensor([1.0, -2.0, 0.5])


def forward(mark: Callable[[], None] = no_mark) -> Tensor:
    return ESTIMATES.clone()


def one_second(run: Run) -> float:
    """Makes a call, as a stopwatch would."""
    run()
    return 1.0


def capturing(computed: Tensor) -> Callable[[Run], Captured]:
    """A capture whose replay writes these estimates where garbage was."""

    def capture(run: Run) -> Captured:
        estimates = torch.full_like(computed, float("nan"))
        return (lambda: estimates.copy_(computed)), estimates

    return capture


def raising(first: Exception, last: Exception | None = None) -> Callable[[Run], Captured]:
    """A capture in which one error is raised, and another at its end, as torch's does."""

    def capture(run: Run) -> Captured:
        try:
            raise first
        finally:
            if last is not None:
                raise last

    return capture


def test_a_call_that_computes_the_same_has_a_time() -> None:
    assert time_replay(forward, one_second, capturing(ESTIMATES + 1e-3)) == Replay(1.0)


@pytest.mark.parametrize("computed", [ESTIMATES * 2, torch.zeros(3), ESTIMATES / 0])
def test_a_replay_that_computes_something_else_has_none(computed: Tensor) -> None:
    found = time_replay(forward, one_second, capturing(computed))
    assert (found.time_s, found.status) == (None, Status.UNSUPPORTED)
    assert "other estimates" in found.reason


def test_the_reason_is_what_was_raised_first_in_one_line() -> None:
    first = RuntimeError("CUDA error: operation not permitted when stream is capturing\nCompile")
    last = RuntimeError("CUDA error: operation failed due to a previous error during capture")
    expected = (
        "The call can't be captured: RuntimeError: "
        "CUDA error: operation not permitted when stream is capturing"
    )
    for end in (None, last):
        found = time_replay(forward, one_second, raising(first, end))
        assert found == Replay(None, Status.UNSUPPORTED, expected)


def test_a_full_memory_says_so() -> None:
    full = torch.OutOfMemoryError("CUDA out of memory.")
    for end in (None, RuntimeError("a previous error during capture")):
        assert time_replay(forward, one_second, raising(full, end)).status == Status.OOM


@pytest.mark.cuda
def test_a_convolution_is_captured_and_one_that_reads_a_value_is_not() -> None:
    layer = torch.nn.Conv1d(1, 2, 3).to("cuda").eval()
    mixture = torch.ones(1, 1, 100, device="cuda")

    @torch.inference_mode()
    def run(mark: Callable[[], None] = no_mark) -> Tensor:
        estimates: Tensor = layer(mixture)
        return estimates

    @torch.inference_mode()
    def reading(mark: Callable[[], None] = no_mark) -> Tensor:
        estimates: Tensor = layer(mixture)
        return estimates * float(estimates.sum())

    assert time_replay(run, one_second) == Replay(1.0)
    assert time_replay(reading, one_second).status == Status.UNSUPPORTED
