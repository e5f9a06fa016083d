"""Time of one step: the first call, the warm-up and every timed call, raw.

The process stays alive between its calls: the conductor says when it is its turn.
"""

import time
from collections.abc import Callable
from dataclasses import replace
from itertools import count

import torch
from torch import Tensor, nn

from bench.machine.gpu import SLOWDOWNS, Gpu
from bench.measuring.contract import require_threads
from bench.measuring.form import NewForm
from bench.measuring.gpu import open_own_gpu, read_own_gpu
from bench.measuring.repetition import (
    CallSeries,
    Sample,
    Sampler,
    calls_in_turn,
    is_stable,
    sampler,
    warm_up,
)
from bench.measuring.step import Run, no_mark, prepare_step
from bench.measuring.stopwatch import Stopwatch, time_on_cuda, time_on_host
from bench.results.form import MOST_THREADS
from bench.results.measurements import LatencyTimes
from bench.results.record import CellError, Status
from bench.results.workload import Workload

CALLS_BETWEEN_LOOKS = 20
"""Timed calls on a GPU from one look at what holds its clock back to the next."""
MATRIX_SIZE = 384
"""Of a product of some milliseconds on one thread."""
N_COLD_CACHE = 10
"""Calls on a GPU whose second-level cache was overwritten just before."""


def watch_clock(sample: Sampler, gpu: Gpu | None, reasons: set[str]) -> Sampler:
    """The same samples; after every so many of them ``reasons`` gains what lowers the GPU's clock.

    The driver is asked outside the timed region, while the GPU is still warm from the call.
    """
    calls = count()

    def take(run: Run) -> Sample:
        taken = sample(run)
        if gpu is not None and next(calls) % CALLS_BETWEEN_LOOKS == 0:
            reasons.update(SLOWDOWNS & set(gpu.throttle_reasons() or ()))
        return taken

    return take


def time_with_cold_cache(run: Run, stopwatch: Stopwatch) -> tuple[float, ...]:
    """Seconds of calls that find nothing of theirs in the GPU's second-level cache.

    Calls one after another find what fits of their weights and features in it.
    """
    cache_bytes = torch.cuda.get_device_properties(torch.cuda.current_device()).L2_cache_size
    filler = torch.empty(2 * cache_bytes, dtype=torch.uint8, device="cuda")
    times_s = []
    for _ in range(N_COLD_CACHE):
        filler.zero_()
        times_s.append(stopwatch(run).total_s)
    return tuple(times_s)


class TimedStep:
    """A step that is built and warm, and makes its calls when it is asked to.

    Raises:
        CellError: the network breaks the contract.
    """

    def __init__(
        self, build: Callable[[], nn.Module], workload: Workload, network: str = ""
    ) -> None:
        start = time.perf_counter()
        self._threads = workload.threads
        self._is_on_cuda = workload.device == "cuda"
        self._stopwatch = time_on_cuda if self._is_on_cuda else time_on_host
        model = build().to(workload.device)
        new_form = NewForm(model, workload, network) if workload.is_compared else None
        self._step = step = new_form.step if new_form else prepare_step(model, workload)
        del model  # a form may do without it
        first_s = self._stopwatch(step.run_checked).total_s
        form = new_form.check() if new_form else None
        require_threads(workload)
        step.settle()
        self._loss: Tensor | None = None  # of the last training step
        self._run: Run = step.run if step.optimiser is None else self._train
        self._sample = sampler(self._stopwatch, workload.threads)
        warmup_s = warm_up(self._run, self._sample, self._is_on_cuda)
        self._n_calls = calls_in_turn(min([first_s, *warmup_s]))
        self._slowed_by: set[str] = set()
        if self._is_on_cuda:
            self._sample = watch_clock(self._sample, open_own_gpu(), self._slowed_by)
        self._gpu_before = read_own_gpu() if self._is_on_cuda else None
        self._series = CallSeries()
        self._known = LatencyTimes(
            times_s=(),
            first_time_s=first_s,
            warmup_times_s=tuple(warmup_s),
            is_warmup_stable=is_stable(warmup_s),
            form=form,
            thread_gain=measure_thread_gain(workload.threads),
            load_s=time.perf_counter() - start,
        )

    def _train(self, mark: Callable[[], None] = no_mark) -> Tensor:
        """One training step, whose loss is kept to be looked at after all of them."""
        self._loss = self._step.run(mark)
        return self._loss

    def take_turn(self, turn: int) -> bool:
        """Make the calls of one turn; whether they were disturbed."""
        taken = [self._sample(self._run) for _ in range(self._n_calls)]
        for sample in taken:
            self._series.add(sample, turn)
        return any(sample.contention.is_disturbed for sample in taken)

    def finish(self, stopped_by: str, waited_s: float) -> LatencyTimes:
        """All calls, as they are stored; ``waited_s`` is what the conductor waited before them.

        Raises:
            CellError: training has left NaN or Inf, or a form used more threads than asked for.
        """
        known = replace(self._known, stopped_by=stopped_by, waited_s=waited_s)
        times = self._series.added_to(known)
        times = self._with_gpu(times) if self._is_on_cuda else times
        if self._loss is not None:
            self._step.check_trained(self._loss)
        if times.form is not None and not self._is_on_cuda:
            require_threads_used(times.threads_used, self._threads)
        return times

    def _with_gpu(self, times: LatencyTimes) -> LatencyTimes:
        """The same with what the GPU's driver says, and calls that find nothing in its cache."""
        during = read_own_gpu()  # the clocks do not fall before the next milliseconds
        self._slowed_by |= SLOWDOWNS & set((during and during.throttle_reasons) or ())
        return replace(
            times,
            cold_cache_times_s=time_with_cold_cache(self._run, time_on_cuda),
            gpu_before=self._gpu_before,
            gpu_during=during,
            gpu_slowed_by=tuple(sorted(self._slowed_by)),
        )


def require_threads_used(used: float | None, asked: int) -> None:
    """See that a form kept to the number of threads that was asked for.

    Raises:
        CellError: it used more processor time than those have.
    """
    if used is not None and used > MOST_THREADS * asked:
        reason = (
            f"It used {used:.2f} s of processor time in each second, more than the {asked} "
            f"thread{'' if asked == 1 else 's'} that were asked for could."
        )
        raise CellError(Status.MISMATCH, reason)


def measure_thread_gain(threads: int) -> float | None:
    """A matrix product's time on one thread over that on all of them, at this moment.

    Two virtual processors may share one core now and not the next minute. None of one thread.
    """
    if threads == 1:
        return None
    on_all_s = _time_product()
    torch.set_num_threads(1)
    on_one_s = _time_product()
    torch.set_num_threads(threads)
    return on_one_s / on_all_s


def _time_product() -> float:
    """The shortest of a few calls."""
    matrix = torch.ones(MATRIX_SIZE, MATRIX_SIZE)

    def multiply(mark: Callable[[], None] = no_mark) -> Tensor:
        return matrix @ matrix

    return min(time_on_host(multiply).total_s for _ in range(5))
