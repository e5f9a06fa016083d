"""Whether something else used the processors during a timed call, as the kernel's counters say.

The wait of the own threads is exact, in nanoseconds, and decides for calls of any length. What
others used and what the hypervisor took is counted in ticks of 10 ms, so a short call can show a
whole tick that belongs to its neighbour in time. Such a value counts only by the part above what
the ticks leave open (``Contention.others_uncertainty_s``): with two threads, a neighbour that fills
one of two processors is seen in calls from about 40 ms on. Of shorter ones, what ran at their ends
is looked at too (``Contention.is_disturbed``).
"""

from collections.abc import Sequence
from dataclasses import dataclass

TICK_S = 0.01
"""The unit of /proc/stat: 1 / USER_HZ, which is 100 on every Linux."""

WAIT_SHARE = 0.05
"""Of the wall time. The sum over threads: the most by which waiting can have delayed the call."""
OTHERS_SHARE = 0.10
"""Of all processors. Below it are the kernel's own work and a system's idle services."""
PRESSURE_SHARE = 0.20
"""Of the wall time. Any process that waited, so it decides only where the own wait is unknown."""


@dataclass(frozen=True)
class Contention:
    """What disturbed one timed call of ``wall_s`` on ``threads`` threads; None is not available.

    Seconds of all threads or all processors add up, so they may exceed ``wall_s``.
    """

    wall_s: float
    threads: int
    n_cpus: int | None
    wait_s: float | None  # own threads, for a processor
    involuntary_switches: int  # of own threads; no verdict: each one's cost is in ``wait_s``
    others_cpu_s: float | None  # used by other processes
    steal_s: float | None  # used by other machines on this hardware
    pressure_s: float | None  # in which some process of the machine waited for a processor
    n_others_running: int | None  # at least so many, before or after

    @property
    def others_uncertainty_s(self) -> float:
        """By how much ticks can overstate ``others_cpu_s``: one for each own thread, and one more.

        A thread's own time is exact and its ticks are whole; what others use is the difference.
        """
        return TICK_S * (min(self.threads, self.n_cpus or self.threads) + 1)

    @property
    def is_contended(self) -> bool | None:
        """Whether any counter is above its threshold; None where there is no counter to ask."""
        if self.wait_s is self.others_cpu_s is self.steal_s is self.pressure_s is None:
            return None
        return self.has_waited or self.others_are_busy or self.is_stolen_from

    @property
    def is_disturbed(self) -> bool:
        """Contended, or others were running at its ends, where nothing else could tell.

        It decides which calls count, and is no reproach to a call.
        """
        return self.are_others_running or bool(self.is_contended)

    @property
    def are_others_running(self) -> bool:
        """Right before or after a call that is too short for ticks, on more than a few processors.

        What ran at both ends of a short call often ran through it; in a long one it is two moments.
        """
        limit = OTHERS_SHARE * (self.n_cpus or 0)
        is_short = self.n_cpus is None or self.others_uncertainty_s > limit * self.wall_s
        return is_short and self.n_others_running is not None and self.n_others_running > limit

    @property
    def has_waited(self) -> bool:
        """Own threads, for a processor; where only the machine's wait is known, any process.

        More threads than processors wait for each other too: that is in the same number.
        """
        if self.wait_s is None:
            return (self.pressure_s or 0.0) > PRESSURE_SHARE * self.wall_s
        return self.wait_s > WAIT_SHARE * self.wall_s

    @property
    def others_are_busy(self) -> bool:
        """Beyond what the ticks leave open."""
        if self.others_cpu_s is None or not self.n_cpus:
            return False
        certain_s = self.others_cpu_s - self.others_uncertainty_s
        return certain_s > OTHERS_SHARE * self.n_cpus * self.wall_s

    @property
    def is_stolen_from(self) -> bool:
        """Processors were with other machines, beyond the tick that may belong elsewhere."""
        return self.steal_s is not None and self.steal_s - TICK_S > WAIT_SHARE * self.wall_s

    @property
    def n_busy_cpus(self) -> float | None:
        """Processors that others kept busy, on average; ticks may count more than there are."""
        if self.others_cpu_s is None or not self.n_cpus:
            return None
        return min(self.others_cpu_s / self.wall_s, float(self.n_cpus))


@dataclass(frozen=True)
class CallContention:
    """The contention of every call of a series, as columns: number k is of call k."""

    threads: int
    n_cpus: int | None
    wait_s: tuple[float | None, ...]
    involuntary_switches: tuple[int, ...]
    others_cpu_s: tuple[float | None, ...]
    steal_s: tuple[float | None, ...]
    pressure_s: tuple[float | None, ...]
    n_others_running: tuple[int | None, ...]

    @classmethod
    def of(cls, calls: Sequence[Contention]) -> "CallContention | None":
        """The columns of some calls of one process; None of no call."""
        if not calls:
            return None
        return cls(
            threads=calls[0].threads,
            n_cpus=calls[0].n_cpus,
            wait_s=tuple(call.wait_s for call in calls),
            involuntary_switches=tuple(call.involuntary_switches for call in calls),
            others_cpu_s=tuple(call.others_cpu_s for call in calls),
            steal_s=tuple(call.steal_s for call in calls),
            pressure_s=tuple(call.pressure_s for call in calls),
            n_others_running=tuple(call.n_others_running for call in calls),
        )

    def calls(self, walls_s: Sequence[float]) -> list[Contention]:
        """One for each call, given the wall times of them all."""
        columns = (
            self.wait_s,
            self.involuntary_switches,
            self.others_cpu_s,
            self.steal_s,
            self.pressure_s,
            self.n_others_running,
        )
        return [
            Contention(wall_s, self.threads, self.n_cpus, *row)
            for wall_s, row in zip(walls_s, zip(*columns, strict=True), strict=True)
        ]

    def undisturbed(self, walls_s: Sequence[float]) -> list[int]:
        """The numbers of the calls during which nothing else ran, given the wall times of all."""
        calls = enumerate(self.calls(walls_s))
        return [number for number, call in calls if not call.is_disturbed]
