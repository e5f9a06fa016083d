"""Energy of a step: the processor's packages where it computes on them, else the GPU's board."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace

from torch import Tensor, nn

from bench.machine.energy import EnergyCounter, board_counter, find_packages
from bench.machine.sampled_power import SampledPower
from bench.measuring.contract import require_threads
from bench.measuring.energy_windows import measure_windows
from bench.measuring.gpu import open_own_gpu, read_own_gpu
from bench.measuring.step import no_mark, prepare_step
from bench.measuring.stopwatch import time_on_cuda, time_on_host
from bench.results.energy_use import EnergyUse
from bench.results.record import CellError, Status
from bench.results.workload import Workload


def measure(build: Callable[[], nn.Module], workload: Workload, budget_s: float) -> EnergyUse:
    """A warm step back to back, between two rests; each of the three takes ``budget_s``.

    Raises:
        CellError: no counter tells the energy here, or the network breaks the contract.
    """
    with open_counters(workload) as counters:  # before the network is built: it may be in vain
        is_on_cuda = workload.device == "cuda"
        stopwatch = time_on_cuda if is_on_cuda else time_on_host
        step = prepare_step(build().to(workload.device), workload)
        step.run_checked()
        require_threads(workload)
        step.settle()
        loss: Tensor | None = None

        def run(mark: Callable[[], None] = no_mark) -> Tensor:
            nonlocal loss
            result = step.run(mark)
            loss = None if step.optimiser is None else result
            return result

        audio_s = workload.batch * workload.duration_s
        found = measure_windows(
            lambda: stopwatch(run), audio_s, counters, budget_s, workload.threads
        )
        if loss is not None:
            step.check_trained(loss)
        return replace(found, gpu=read_own_gpu() if is_on_cuda else None)


@contextmanager
def open_counters(workload: Workload) -> Iterator[Sequence[EnergyCounter]]:
    """The counter of what computes, and of a GPU a second that its driver's is held against.

    Raises:
        CellError: there is none that may be read; says why.
    """
    if workload.device != "cuda":
        found = find_packages()
        if found.counter is None:
            raise CellError(Status.UNSUPPORTED, f"{found.reason} {found.remedy}".rstrip())
        yield [found.counter]
        return
    gpu = open_own_gpu()
    if gpu is None:
        reason = "There is no driver to ask for the GPU's energy (NVML), or it hides the card."
        raise CellError(Status.UNSUPPORTED, reason)
    is_instant = gpu.instant_power_w() is not None
    power = SampledPower(gpu.instant_power_w if is_instant else gpu.power_w)
    sampled = power.counter(f"NVML sampled power{' (instant)' if is_instant else ''}")
    known = [one for one in (board_counter(gpu), sampled) if one.read() is not None]
    if not known:
        raise CellError(Status.UNSUPPORTED, "The GPU's driver tells neither energy nor power.")
    with power.sampling():
        yield known
