"""Energy as the integral over time of a power that a sensor tells: the second way to have it.

A driver's own counter adds up what its sensor sees. Sensors of GPUs look at a part of the time
(arXiv 2312.02741), and the two need not agree.
"""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from bench.machine.energy import EnergyCounter, Register

PERIOD_S = 0.02
"""Between two samples: about as often as sensors of GPUs tell something new."""


class SampledPower:
    """Joules since the first sample, by straight lines between samples."""

    def __init__(
        self, read_w: Callable[[], float | None], now: Callable[[], float] = time.perf_counter
    ) -> None:
        self._read_w = read_w
        self._now = now
        self._lock = threading.Lock()  # a reader samples too
        self._last: tuple[float, float] | None = None  # when, and how much power
        self._energy_j = 0.0

    def sample(self) -> float | None:
        """Look at the sensor; the joules until now, None where it tells nothing."""
        with self._lock:
            power_w, moment_s = self._read_w(), self._now()
            if power_w is None:
                return None
            if self._last is not None:
                last_s, last_w = self._last
                self._energy_j += (moment_s - last_s) * (power_w + last_w) / 2
            self._last = moment_s, power_w
            return self._energy_j

    def counter(self, name: str) -> EnergyCounter:
        """Read as any other, which looks at the sensor once more."""
        return EnergyCounter(name, (Register(self.sample),))

    @contextmanager
    def sampling(self) -> Iterator[None]:
        """In which a thread looks at the sensor again and again."""
        is_over = threading.Event()

        def look() -> None:
            while not is_over.wait(PERIOD_S):
                self.sample()

        thread = threading.Thread(target=look, daemon=True)
        thread.start()
        try:
            yield
        finally:
            is_over.set()
            thread.join()
