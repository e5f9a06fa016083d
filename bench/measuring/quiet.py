"""Waiting for a moment in which nothing else runs."""

import os
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from bench.machine.contention import read_running
from bench.results.contention import OTHERS_SHARE

POLL_S = 0.01
LONGEST_S = 3.0
"""Before one call; a neighbour that is busy for longer is measured beside."""


@dataclass
class QuietMoments:
    """Waits before a call until no other process wants a processor, as far as the budget goes."""

    budget_s: float  # of waiting, in a whole round
    n_running: Callable[[], int | None] = read_running
    sleep: Callable[[float], None] = time.sleep
    clock: Callable[[], float] = time.monotonic
    n_cpus: int = field(default_factory=lambda: os.cpu_count() or 1)

    def wait(self) -> float:
        """Seconds waited. One poll is always slept through: then nobody's threads spin any more."""
        start, limit_s = self.clock(), min(LONGEST_S, self.budget_s)
        self.sleep(POLL_S)
        while self._is_busy() and self.clock() - start < limit_s:
            self.sleep(POLL_S)
        waited_s = self.clock() - start
        self.budget_s = max(0.0, self.budget_s - waited_s)
        return waited_s

    def _is_busy(self) -> bool:
        n_running = self.n_running()
        return n_running is not None and n_running - 1 > OTHERS_SHARE * self.n_cpus
