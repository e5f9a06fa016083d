"""From how programs of a shell get their memory to what that costs them: a pure function."""

from collections.abc import Mapping

from bench.machine.finding import Finding, Severity, ok, unknown
from bench.machine.pages import KEEP_PAGES
from bench.machine.trial import Trial
from bench.units import format_significant

KEEPING = {
    "MALLOC_MMAP_MAX_": "glibc.malloc.mmap_max",
    "MALLOC_TRIM_THRESHOLD_": "glibc.malloc.trim_threshold",
}
"""What must be set for glibc to keep pages, and the same by GLIBC_TUNABLES."""
NOTICEABLE_RATIO = 1.1


def find_malloc_fault(allocator: str | None, variables: Mapping[str, str], trial: Trial) -> Finding:
    """Whether malloc gives pages back to the kernel, and what that costs.

    A warning at most: ``bench.run`` has latencies measured with pages that are kept.
    """
    if allocator is None:
        return unknown("malloc")
    if allocator != "libc":
        return ok("malloc", f"{allocator}, in place of the C library's")
    if _keeps_pages(variables):
        return ok("malloc", "the C library's, set to keep its pages")
    if trial.time_ratio is not None and trial.time_ratio < NOTICEABLE_RATIO:
        return ok("malloc", _cost(trial))
    return Finding(
        "malloc",
        Severity.WARN,
        _cost(trial),
        "The C library's malloc gives large blocks back to the kernel, which fills their pages "
        "with zeros when they are asked for again. bench.run times networks with pages that are "
        "kept; other programs of this shell don't keep theirs.",
        f"Start your own programs with {_settings()} (their memory then stays at its peak).",
    )


def _keeps_pages(variables: Mapping[str, str]) -> bool:
    tunables = variables.get("GLIBC_TUNABLES", "")
    return all(name in variables or tunable in tunables for name, tunable in KEEPING.items())


def _settings() -> str:
    return " ".join(f"{name}={value}" for name, value in KEEP_PAGES.items())


def _cost(trial: Trial) -> str:
    """The measured cost, as far as it is known."""
    given_back, kept = trial.page_faults, trial.kept_page_faults
    is_counted = given_back is not None and kept is not None
    faults = f", {given_back:,.0f} page faults a call instead of {kept:,.0f}" if is_counted else ""
    if trial.time_ratio is not None:
        times = f"{format_significant(trial.time_ratio, 2)} times as long as with pages kept"
        return f"a forward of {trial.network} takes {times}{faults}"
    problem = trial.problem or "The measuring processes did not tell."
    return f"gives pages back{faults}; how much time that takes could not be measured. {problem}"
