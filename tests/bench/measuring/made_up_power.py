"""A machine for tests whose power is known at every moment, and a counter that shows it late."""

import math
from bisect import bisect_right
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from bench.machine.energy import EnergyCounter, Register
from bench.measuring.energy_windows import Clock

TRACES = Path(__file__).parent / "energy_traces"


@dataclass
class MadeUpPower:
    """Draws ``idle_w`` while it sleeps and ``work_w`` in calls of ``call_s``."""

    idle_w: float
    work_w: float
    call_s: float
    now_s: float = 0.0
    calls_s: list[float] = field(default_factory=list)  # when each began
    moments_s: list[float] = field(default_factory=lambda: [0.0])
    energies_j: list[float] = field(default_factory=lambda: [0.0])

    @property
    def clock(self) -> Clock:
        return Clock(lambda: self.now_s, lambda duration_s: self._pass(duration_s, self.idle_w))

    def call(self) -> None:
        self.calls_s.append(self.now_s)
        self._pass(self.call_s, self.work_w)

    def _pass(self, duration_s: float, power_w: float) -> None:
        self.now_s += duration_s
        self.moments_s.append(self.now_s)
        self.energies_j.append(self.energies_j[-1] + duration_s * power_w)

    def _spent_j(self, moment_s: float) -> float:
        """Until a moment that has passed."""
        place = bisect_right(self.moments_s, moment_s)
        around = slice(place - 1, place + 1)  # of many moments, which tests read very often
        return float(np.interp(moment_s, self.moments_s[around], self.energies_j[around]))

    def counter(
        self,
        update_s: float,
        start_j: float = 0.0,
        reach_j: float = math.inf,
        frozen_from_s: float = math.inf,
        name: str = "made up",
    ) -> EnergyCounter:
        """Moves every ``update_s``, and for the last time before ``frozen_from_s``."""

        def read_j() -> float:
            moment_s = min(self.now_s, frozen_from_s)
            seen_s = math.floor(moment_s / update_s) * update_s
            return (start_j + self._spent_j(seen_s)) % reach_j

        return EnergyCounter(name, (Register(read_j, reach_j),))


@dataclass(frozen=True)
class Trace:
    """Readings of a counter as a file has them: when each was first seen, and its microjoules."""

    moments_s: Sequence[float]
    energies_uj: Sequence[int]

    @classmethod
    def read(cls, name: str) -> "Trace":
        lines = (TRACES / name).read_text().splitlines()
        rows = [line.split() for line in lines if not line.startswith("#")]
        return cls([float(moment) for moment, _ in rows], [int(energy) for _, energy in rows])

    def counter(self, now: Callable[[], float], reach_uj: int | None = None) -> EnergyCounter:
        def read_j() -> float:
            place = int(np.searchsorted(self.moments_s, now(), side="right")) - 1
            return self.energies_uj[place] / 1e6

        reach_j = math.inf if reach_uj is None else reach_uj / 1e6
        return EnergyCounter("a trace", (Register(read_j, reach_j),))

    def spent_j(self, start_s: float, end_s: float) -> float:
        """The sum of its steps between two moments; one below zero is a new beginning, of 0."""
        steps = [
            late - early if late >= early else late
            for moment_s, early, late in zip(
                self.moments_s[1:], self.energies_uj, self.energies_uj[1:], strict=False
            )
            if start_s < moment_s <= end_s
        ]
        return sum(steps) / 1e6
