"""Forwards of a small network that tell what this machine's malloc and threads are worth now."""

from collections.abc import Callable, Iterable, Sequence
from statistics import median

from bench.errors import UsageError
from bench.machine.lock import measuring_alone
from bench.machine.trial import Trial
from bench.measuring.conductor import Player, measure_round
from bench.registry import REGISTRY
from bench.results.environment import Environment
from bench.results.measurements import LatencyTimes
from bench.results.record import Job, Record, Status
from bench.results.turns import estimate_ratio
from bench.results.workload import Workload

NETWORK = REGISTRY["sudormrf-0.25x"]
BUDGET_S = 1.5
"""Of the calls of one process."""
DEADLINE_S = 60.0

PlayRound = Callable[[Sequence[Player]], Iterable[Record]]


def try_machine(environment: Environment, play: PlayRound = measure_round) -> Trial:
    """A round of two processes on all processors that ``environment`` has to use.

    Whatever fails is the trial's ``problem``.
    """
    threads = environment.machine.n_available_cpus
    players = [Player(_job(threads, keeps_pages), environment) for keeps_pages in (False, True)]
    try:
        with measuring_alone():
            plain, kept = play(players)
    except (UsageError, OSError) as error:
        return Trial(NETWORK.display_name, threads, problem=str(error))
    return compare(plain, kept)


def _job(threads: int, keeps_pages: bool) -> Job:
    """Inference of the paper's 8000 samples."""
    return Job(
        model=NETWORK.name,
        factory=NETWORK.factory,
        workload=Workload(
            phase="inference",
            device="cpu",
            n_samples=8000,
            batch=1,
            dtype="float32",
            threads=threads,
            seed=0,
            keeps_pages=keeps_pages,
        ),
        probe="latency",
        round=0,
        budget_s=BUDGET_S,
        deadline_s=DEADLINE_S,
        n_src=NETWORK.n_src,
    )


def compare(plain: Record, kept: Record) -> Trial:
    """What the process with malloc as it is and the one that keeps its pages tell together."""
    ratio = estimate_ratio([plain], [kept])
    failed = [record.reason for record in (plain, kept) if record.status != Status.OK]
    disturbed = "Other processes disturbed every call."
    return Trial(
        network=NETWORK.display_name,
        threads=plain.job.workload.threads,
        thread_gain=_thread_gain(plain, kept),
        time_ratio=None if ratio is None else ratio.value,
        page_faults=_page_faults(plain),
        kept_page_faults=_page_faults(kept),
        problem=(failed or ([] if ratio else [disturbed]) or [""])[0],
    )


def _thread_gain(*records: Record) -> float | None:
    """The middle of what the processes saw."""
    times = [record.result for record in records if isinstance(record.result, LatencyTimes)]
    gains = [found.thread_gain for found in times if found.thread_gain is not None]
    return median(gains) if gains else None


def _page_faults(record: Record) -> float | None:
    """Of a typical call."""
    faults = record.result.page_faults if isinstance(record.result, LatencyTimes) else None
    return median(faults) if faults else None
