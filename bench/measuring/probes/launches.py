"""Whether a GPU is busy in a call or waits for the host, and what the call costs as a CUDA graph.

Three passes over a warm step, each of its own: calls with a stopwatch, one under torch's profiler,
and last the capture, after which the process may be unfit for more.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from statistics import median

from torch import nn

from bench.measuring.kernels import Work, busy_ns, count_kernels, profile_device
from bench.measuring.repetition import LEAST_ON_GPU
from bench.measuring.replay import Replay, time_replay
from bench.measuring.step import Run, Step, prepare_step
from bench.measuring.stopwatch import Stopwatch, time_on_cuda
from bench.results.measurements import Launches
from bench.results.record import CellError, Status
from bench.results.workload import Workload

FEWEST_CALLS = 3
MOST_CALLS = 50
NOTHING_SEEN = (
    "torch's profiler saw nothing run on the GPU: its library (CUPTI) is not there or not allowed."
)
NO_PROFILER = "torch's profiler sees no GPU here."
NOT_REPLAYED = Replay(None, Status.SKIPPED, "Only inference is captured.")


def time_calls(run: Run, budget_s: float, stopwatch: Stopwatch = time_on_cuda) -> float:
    """The median time of some warm calls, for as long as the budget lasts."""
    for _ in range(LEAST_ON_GPU):
        stopwatch(run)
    times_s: list[float] = []
    while len(times_s) < FEWEST_CALLS or (len(times_s) < MOST_CALLS and sum(times_s) < budget_s):
        times_s.append(stopwatch(run).total_s)
    return median(times_s)


def describe_work(works: Sequence[Work] | None, call_s: float, replay: Replay) -> Launches:
    """The result, of what the device did in one call; what nobody saw is None and has a note."""
    found = Launches(
        call_s,
        replay_s=replay.time_s,
        replay_status=replay.status.value,
        replay_reason=replay.reason,
    )
    if not works:
        note = NO_PROFILER if works is None else NOTHING_SEEN
        return replace(found, notes=dict.fromkeys(("n_launches", "busy_share"), note))
    return replace(found, n_launches=count_kernels(works), busy_s=busy_ns(works) / 1e9)


def measure(build: Callable[[], nn.Module], workload: Workload, budget_s: float) -> Launches:
    """What one warm step has the GPU do.

    Raises:
        CellError: the network breaks the contract, or the workload is not on a GPU.
    """
    if workload.device != "cuda":
        raise CellError(Status.UNSUPPORTED, "Only on a GPU are there kernels to launch.")
    step = prepare_step(build().to(workload.device), workload)
    step.run_checked()
    step.settle()
    call_s = time_calls(step.run, budget_s)
    works = profile_device(step.run)
    return describe_work(works, call_s, _replay(step, budget_s))


def _replay(step: Step, budget_s: float) -> Replay:
    if step.optimiser is not None:
        return NOT_REPLAYED
    return time_replay(step.run, lambda run: time_calls(run, budget_s))
