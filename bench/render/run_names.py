"""Short names of runs that stand side by side: what tells them apart, and nothing else."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from string import ascii_uppercase

from bench.render.provenance import describe_length, describe_threads
from bench.results.summary import RunSummary


@dataclass(frozen=True)
class NamedRun:
    """A run, and what tables call it."""

    name: str
    summary: RunSummary


def name_runs(runs: Sequence[RunSummary]) -> list[NamedRun]:
    """Each run with a name of its own: by one aspect that tells all apart, or by several.

    By letters where no aspect does.
    """
    names = _by_one_aspect(runs) or _by_several(runs) or _by_letters(len(runs))
    return [NamedRun(name, run) for name, run in zip(names, runs, strict=True)]


def _by_one_aspect(runs: Sequence[RunSummary]) -> list[str] | None:
    described = ([describe(run) for run in runs] for describe in ASPECTS)
    return next((names for names in described if _is_each_its_own(names)), None)


def _by_several(runs: Sequence[RunSummary]) -> list[str] | None:
    """Aspects one after another, without those that tell no more runs apart."""
    chosen: list[list[str]] = []
    n_different = 1
    for describe in ASPECTS:
        aspect = [describe(run) for run in runs]
        together = set(zip(*chosen, aspect, strict=True))
        if len(together) > n_different:
            chosen.append(aspect)
            n_different = len(together)
    if n_different < len(runs):
        return None
    return [", ".join(parts) for parts in zip(*chosen, strict=True)]


def _by_letters(n_runs: int) -> list[str]:
    """A to Z, and AA and so on after those."""
    n_letters = len(ascii_uppercase)
    return [ascii_uppercase[n % n_letters] * (n // n_letters + 1) for n in range(n_runs)]


def _is_each_its_own(names: Sequence[str]) -> bool:
    return len(set(names)) == len(names)


NOISE = re.compile(r"\((?:R|TM)\)|@.*|\b\d+-Core\b|\b(?:CPU|Processor)\b")
"""What vendors put into the name of a processor beside its name."""


def _processor(run: RunSummary) -> str:
    return " ".join(NOISE.sub(" ", run.environment_name).split()) or run.environment_name


def _n_processors(run: RunSummary) -> str:
    place = run.environment
    return f"{place.machine.n_available_cpus} processors" if place else "unknown machine"


def _gpu(run: RunSummary) -> str:
    gpu = run.environment.machine.gpu if run.environment else None
    return gpu.name if gpu else "no GPU"


def _commit(run: RunSummary) -> str:
    if run.environment is None:
        return "unknown commit"
    code = run.environment.code
    return code.commit[:7] + ("+" if code.is_modified else "")


def _torch(run: RunSummary) -> str:
    return f"torch {run.environment.versions['torch']}" if run.environment else "unknown torch"


ASPECTS: tuple[Callable[[RunSummary], str], ...] = (
    _processor,
    lambda run: run.environment_name,
    _n_processors,
    _gpu,
    _commit,
    lambda run: f"step on {run.update_device}",
    describe_length,
    lambda run: f"batch {run.workload.batch}",
    lambda run: run.workload.dtype,
    lambda run: describe_threads(run.workload.threads),
    lambda run: run.workload.runtime,
    lambda run: "TF32 on" if run.tf32 else "TF32 off",
    _torch,
    lambda run: "pages kept" if run.keeps_pages else "pages given back",
    lambda run: f"seed {run.workload.seed}",
    lambda run: run.started_at[:16],
)
"""What may tell runs apart; the earlier ones say more."""
