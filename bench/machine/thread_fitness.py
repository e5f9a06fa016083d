"""From what programs of a shell are told about threads, and what threads bring at this moment, to
what makes a machine unfit: pure functions.
"""

import re
from collections.abc import Iterator, Mapping

from bench.machine.finding import Finding, Severity, ok
from bench.machine.trial import Trial
from bench.results.contention import Contention
from bench.units import format_significant

THREAD_VARIABLES = ("OMP_NUM_THREADS", "MKL_NUM_THREADS")
POLICY = "OMP_WAIT_POLICY"
DEFAULT_SPINS = 300_000  # of GNU's OpenMP: some milliseconds, then a thread that waits sleeps
DEFAULT_BLOCKTIME_MS = 200  # of LLVM's and Intel's, for the same
SPIN_LIMITS: dict[str, tuple[float, dict[str, float]]] = {
    "GOMP_SPINCOUNT": (DEFAULT_SPINS, {"": 1, "k": 1e3, "m": 1e6, "g": 1e9, "t": 1e12}),
    "KMP_BLOCKTIME": (DEFAULT_BLOCKTIME_MS, {"": 1, "ms": 1, "us": 1e-3}),
}
"""Variables that say how long a waiting thread spins: the default, and the units of a value."""
USEFUL_GAIN = 0.75
"""Of the number of threads, that they must bring at least."""
NEIGHBOUR_COSTS = (
    "Beside one busy neighbour on two processors, a forward took 0.38 s on two threads that spin "
    "while they wait, 0.17 s on two that sleep, and 0.12 s on one."
)


def find_thread_faults(
    variables: Mapping[str, str], n_available: int, load: Contention, trial: Trial
) -> Iterator[Finding]:
    """Their number, how they wait, and what they bring. ``variables`` are those of the shell."""
    asked = asked_threads(variables)
    yield _number(asked, n_available)
    yield _waiting(variables, max(n_available, *asked.values()) if asked else n_available, load)
    yield _gain(trial)


def asked_threads(variables: Mapping[str, str]) -> dict[str, int]:
    """The threads that each variable asks for, at the outermost level where it has several."""
    firsts = {name: variables.get(name, "").split(",")[0].strip() for name in THREAD_VARIABLES}
    return {name: int(first) for name, first in firsts.items() if first.isdecimal()}


def _number(asked: Mapping[str, int], n_available: int) -> Finding:
    excessive = {name: threads for name, threads in asked.items() if threads > n_available}
    if not excessive:
        return ok("threads", f"{n_available} processors to use")
    settings = ", ".join(f"{name}={threads}" for name, threads in excessive.items())
    return Finding(
        "threads",
        Severity.WARN,
        f"{max(excessive.values())} threads on {_count(n_available, 'processor')} ({settings})",
        "Threads that share a processor wait for each other. bench.run sets its own from "
        "--threads; other programs of this shell don't.",
        f"unset {' '.join(excessive)}",
    )


def _waiting(variables: Mapping[str, str], n_threads: int, load: Contention) -> Finding:
    """Whether threads that wait are told to keep their processors busy."""
    spinning = [name for name in SPIN_LIMITS if _spins_for_long(name, variables.get(name, ""))]
    if variables.get(POLICY, "").strip().upper() == "ACTIVE":
        spinning.insert(0, POLICY)
    if not spinning or n_threads == 1:
        return ok("waiting threads", "sleep after a while" if n_threads > 1 else "there is one")
    settings = ", ".join(f"{name}={variables[name]}" for name in spinning)
    others = [name for name in spinning if name != POLICY]
    unset = f"unset {' '.join(others)}; " if others else ""
    beside = (
        f", while others use {load.n_busy_cpus:.1f} of {load.n_cpus} processors"
        if load.others_are_busy and load.n_busy_cpus is not None
        else ""
    )
    return Finding(
        "waiting threads",
        Severity.WARN,
        f"keep their processors busy ({settings}){beside}",
        f"Whom they wait for gets no processor meanwhile. {NEIGHBOUR_COSTS}",
        f"{unset}export {POLICY}=PASSIVE",
    )


def _spins_for_long(name: str, value: str) -> bool:
    """Whether a value asks for more than the default; one that can't be read asks for nothing."""
    limit, units = SPIN_LIMITS[name]
    text = value.strip().lower()
    number = re.fullmatch(r"(\d+)\s*([a-z]*)", text)
    if number is None or number[2] not in units:
        return text in ("infinite", "infinity")
    return int(number[1]) * units[number[2]] > limit


def _gain(trial: Trial) -> Finding:
    if trial.threads == 1:
        return ok("thread gain", "one processor to use")
    if trial.thread_gain is None:
        problem = trial.problem or "The measuring process did not tell."
        return Finding("thread gain", Severity.UNKNOWN, f"could not be measured. {problem}")
    gain = format_significant(trial.thread_gain, 2)
    found = f"{trial.threads} threads multiply matrices {gain} times as fast as one at this moment"
    if trial.thread_gain >= USEFUL_GAIN * trial.threads:
        return ok("thread gain", found)
    return Finding(
        "thread gain",
        Severity.WARN,
        found,
        "Virtual processors may share a core, or others have a part of them; both change from "
        "minute to minute, and times on several threads with them.",
        "Use --threads 1, or as many as there are cores of your own (lscpu shows them).",
    )


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"
