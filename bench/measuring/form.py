"""A network in another form than eager float32: made, held against that, and only then timed."""

import ctypes
import gc
import os
import tempfile
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from hashlib import sha256
from importlib import import_module
from pathlib import Path

import torch
from torch import Tensor, nn

from bench.machine.instructions import NO_BFLOAT16, has_bfloat16
from bench.measuring.contract import check_estimates
from bench.measuring.memory.peaks import measure_cuda, measure_peak_resident
from bench.measuring.mixture import load_example
from bench.measuring.step import Step, prepare_step
from bench.objective import negative_pit_si_sdr
from bench.results.form import Form, Parity, judge
from bench.results.record import CellError, Status
from bench.results.workload import Workload
from bench.runtimes import RUNTIMES
from bench.runtimes.form import Asked, Prepare
from bench.runtimes.made_once import FOLDER_VARIABLE

PREPARE: dict[str, Prepare] = {
    name: import_module(f"bench.runtimes.{name}").prepare for name in RUNTIMES
}
N_COMPARED, N_CALIBRATION = 2, 4
"""Batches of speech of the workload's shape, beside the one that is timed."""
LEAST_SHARE = 1e-20
"""Of a signal's power: an error is no less, which is 200 dB."""


class _Called(nn.Module):
    """What a runtime made, as a network that a step takes: no part of it, to be cast again."""

    def __init__(self, forward: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self._made = (forward,)

    def forward(self, mixture: Tensor) -> Tensor:
        return self._made[0](mixture)


class NewForm:
    """A network in the form that a workload names.

    ``network`` is its dotted path: with the workload it names what processes of a run share.
    ``step`` has not run yet.

    Raises:
        CellError: it can't be had in this form.
    """

    def __init__(self, model: nn.Module, workload: Workload, network: str) -> None:
        if workload.device == "cpu" and workload.dtype == "bfloat16" and not has_bfloat16():
            raise CellError(Status.UNSUPPORTED, NO_BFLOAT16)
        self._workload, self._model = workload, model.eval().float()
        n_batches = 1 + N_COMPARED + N_CALIBRATION
        speech = load_example(workload.n_samples, n_batches * workload.batch).mixture.float()
        mixture, *others = speech.to(workload.device).split(workload.batch)
        self._compared = others[:N_COMPARED]
        asked = Asked(
            mixture=mixture,
            speech=tuple(others[N_COMPARED:]),
            dtype=workload.dtype,
            threads=workload.threads,
            folder=_folder_of(network, workload),
        )
        start = time.perf_counter()
        self._prepared = PREPARE[workload.runtime](self._model, asked)
        self._preparation_s = time.perf_counter() - start + self._prepared.earlier_s
        plain = replace(workload, dtype="float32")  # the form takes and gives float32
        self.step: Step = prepare_step(_Called(self._prepared.forward), plain)

    def check(self) -> Form:
        """Hold its estimates of other speech against eager float32's, then let go of that network.

        Raises:
            CellError: they differ by more than the precision allows.
        """
        parity = self._compare()
        if problem := judge(parity, self._workload.dtype):
            raise CellError(Status.MISMATCH, problem)
        self._model = nn.Identity()
        made = self._prepared
        return Form(
            version=made.version,
            precision=made.precision,
            waiting=made.waiting,
            preparation_s=self._preparation_s,
            parity=parity,
            file_bytes=made.file_bytes,
            any_length=made.any_length,
            **self._measure_memory(),
        )

    @torch.inference_mode()
    def _compare(self) -> Parity:
        estimates = [self._prepared.forward(mixture).clone() for mixture in self._compared]
        for mixture, found in zip(self._compared, estimates, strict=True):
            check_estimates(found, mixture)
        references = [self._model(mixture) for mixture in self._compared]
        return compare(torch.cat(estimates), torch.cat(references), self._sources(references[0]))

    def _sources(self, reference: Tensor) -> Tensor:
        work = self._workload
        first, last = work.batch, (1 + N_COMPARED) * work.batch
        sources = load_example(work.n_samples, last, reference.shape[1]).sources[first:]
        return sources.to(work.device)

    def _measure_memory(self) -> dict[str, int | None]:
        """Of a warm call, after all that is free was given back."""
        gc.collect()
        if self._workload.device == "cuda":
            held = measure_cuda(self.step.run).values.get("process_bytes")
            return {"device_bytes": None if held is None else int(held)}
        return {"peak_rss_bytes": _measure_peak(self.step)}


def compare(estimates: Tensor, references: Tensor, sources: Tensor) -> Parity:
    """How far estimates are from reference ones of the same mixtures.

    Shape: each ``[batch, n_src, time]``; ``sources`` are what was recorded.
    """
    ours, theirs, recorded = estimates.double(), references.double(), sources.double()
    scale = theirs.abs().max().clamp_min(torch.finfo(torch.float32).tiny)
    loss_db = negative_pit_si_sdr(ours, recorded) - negative_pit_si_sdr(theirs, recorded)
    return Parity(
        max_relative_error=float((ours - theirs).abs().max() / scale),
        si_sdr_db=float(_si_sdr_db(ours, theirs).min()),
        si_sdr_loss_db=float(loss_db),
    )


def _si_sdr_db(estimates: Tensor, references: Tensor) -> Tensor:
    """Of each estimate against its reference; at most 200 dB, which silence has against silence."""
    power = references.square().sum(-1)
    dot = (estimates * references).sum(-1)
    target = dot / power.clamp_min(torch.finfo(torch.float64).tiny)
    error = (estimates - target.unsqueeze(-1) * references).square().sum(-1)
    signal = (target.square() * power).clamp_min(torch.finfo(torch.float64).tiny)
    return -10 * torch.log10((error / signal).clamp_min(LEAST_SHARE))


def _folder_of(network: str, workload: Workload) -> Path:
    """Of the run, where it has one; else of this process alone. Nothing is made here."""
    alone = Path(tempfile.gettempdir()) / f"separation-bench-{os.getpid()}"
    shared = os.environ.get(FOLDER_VARIABLE) or alone
    named = f"{network} {workload.n_samples} {workload.batch} {workload.seed}"
    return Path(shared) / sha256(named.encode()).hexdigest()[:16]


def _measure_peak(step: Step) -> int | None:
    """The resident set's in a warm call."""
    with suppress(AttributeError):  # a C library without this function
        ctypes.CDLL(None).malloc_trim(0)
    step.run()
    try:
        return int(measure_peak_resident(step.run).values["peak_rss_bytes"])
    except CellError:  # this kernel does not tell
        return None
