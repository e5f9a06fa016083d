"""What bench.run measures of one network, each cell in a fresh process, as typed results."""

import os
from collections.abc import Mapping
from contextlib import nullcontext
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

from bench.command import measure as measure_cells
from bench.errors import UsageError
from bench.interface.factories import Factory, entry_of, fresh_processes_look_here
from bench.measuring.isolate import prepare_measuring
from bench.measuring.place import choose_card, choose_device
from bench.options import DEVICE
from bench.plan import EFFORTS, Effort, Settings
from bench.render.terminal.progress import Silence, show_progress
from bench.results.environment import Environment
from bench.results.record import Record
from bench.results.store import read_records
from bench.results.summary import ModelSummary, Value, summarize
from bench.results.workload import Phase
from bench.rounds import plan_next


@dataclass(frozen=True)
class Options:
    """The options of bench.run, by the same names.

    ``device`` is "cpu", "cuda", "cuda:1" or "auto"; with a GPU, the training step runs there, and
    inference is measured on both. ``phases`` are some of "inference", "update" (a training step)
    and "gpu_inference"; without them, all that the device has. ``time_s`` is what all times may
    take, in seconds, instead of what the ``effort`` ("quick", "standard" or "thorough") gives them.
    """

    samples: int = 8000
    batch: int = 1
    threads: int = 1
    dtype: str = "float32"
    tf32: bool = False
    seed: int = 0
    device: str = "cpu"
    phases: tuple[Phase, ...] | None = None
    effort: str = "quick"
    time_s: float | None = None

    def settings(self, device: str) -> Settings:
        """What they mean on ``cpu`` or ``cuda``.

        Raises:
            UsageError: a value that means nothing.
        """
        return Settings(
            update_device=device,
            n_samples=self.samples,
            batch=self.batch,
            dtype=self.dtype,
            threads=self.threads,
            seed=self.seed,
            effort=self._read_effort(),
            tf32=self.tf32,
            only=self.phases,
        )

    def check(self) -> None:
        """Refuse what means nothing on any device, before a process is started.

        Raises:
            UsageError: a value that does.
        """
        if not DEVICE.fullmatch(self.device):
            raise UsageError(f"device must be cpu, cuda, cuda:N or auto, not {self.device!r}.")
        self.settings("cpu" if self.device == "cpu" else "cuda")

    def _read_effort(self) -> Effort:
        if self.effort not in EFFORTS:
            raise UsageError(f"effort must be one of {', '.join(EFFORTS)}, not {self.effort!r}.")
        effort = EFFORTS[self.effort]
        if self.time_s is None:
            return effort
        if not 0 < self.time_s < float("inf"):
            raise UsageError(f"time_s must be above 0 s and finite, not {self.time_s:g}.")
        return replace(effort, time_s=self.time_s)


DEFAULTS = Options()


@dataclass(frozen=True)
class Measurement:
    """What was measured of one network, raw and in SI units."""

    model: ModelSummary
    records: tuple[Record, ...]
    environment: Environment

    @property
    def values(self) -> Mapping[str, Value]:
        """By the names of the metrics, such as ``latency_s_inference``.

        Each is a number, the range of a time that can't be trusted, or why there is none.
        """
        return self.model.values


def measure(
    factory: Factory,
    options: Options = DEFAULTS,
    *,
    records: str | Path | None = None,
    progress: bool = False,
) -> Measurement:
    """Parameters, operations, memory and times of a network, each cell in a fresh process.

    Its ``factory`` is ``package.module:function``, a registered name, or the function itself, and
    maps a mixture ``[batch, 1, time]`` to estimates ``[batch, n_src, time]``. A cell that fails has
    a status and a reason in its value. ``records`` is a new file that the records stay in.
    ``progress`` is shown on standard error.

    Raises:
        UsageError: the network can't be built, an option means nothing, CUDA can't be used, another
            run measures on this machine, or the file is there already or can't be written.
    """
    entry = entry_of(factory)
    options.check()
    with fresh_processes_look_here(), TemporaryDirectory() as folder:
        requested = choose_card(options.device, os.environ)
        environment = prepare_measuring([entry], options.threads)
        settings = options.settings(choose_device(requested, environment))
        path = Path(records) if records is not None else Path(folder, "records.jsonl")
        told = show_progress() if progress else nullcontext(Silence())
        measure_cells(partial(plan_next, [entry], settings), path, environment, progress=told)
        found = read_records(path).records
    (model,) = summarize(found).models
    return Measurement(model, found, environment)
