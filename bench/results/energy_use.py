"""What counters of energy said of one process, at rest and at work: raw, in joules."""

from collections.abc import Mapping
from dataclasses import dataclass

from bench.results.contention import Contention
from bench.results.environment import GpuReading
from bench.results.measurements import Result


@dataclass(frozen=True)
class EnergyWindow:
    """Some seconds in a row, with counters read at both ends.

    ``energies_j`` are joules by the name of the counter.
    """

    wall_s: float
    energies_j: Mapping[str, float]
    n_calls: int = 0  # whole ones; none at rest
    contention: Contention | None = None

    def power_w(self, counter: str) -> float:
        """The mean over the window."""
        return self.energies_j[counter] / self.wall_s


@dataclass(frozen=True)
class EnergyUse(Result):
    """One process at rest, at work in calls back to back, and at rest again.

    Values are of ``counter``; ``other_counter`` tells the same another way, where there is one.
    ``update_s`` is the longest time between two steps of the counter that was seen.
    """

    counter: str
    update_s: float
    audio_s: float  # of one call, all mixtures of the batch together
    before: EnergyWindow
    work: EnergyWindow
    after: EnergyWindow
    other_counter: str | None = None
    gpu: GpuReading | None = None  # after all windows, where it computed on one

    @property
    def windows(self) -> tuple[EnergyWindow, EnergyWindow, EnergyWindow]:
        """In their order."""
        return self.before, self.work, self.after

    @property
    def idle_w(self) -> float:
        """The power at rest: the mean of before and after."""
        return (self.before.power_w(self.counter) + self.after.power_w(self.counter)) / 2

    @property
    def idle_change_w(self) -> float:
        """How far the power at rest was from itself."""
        return abs(self.before.power_w(self.counter) - self.after.power_w(self.counter))

    @property
    def gross_j(self) -> float:
        """Joules for a second of audio, whatever they went into."""
        return self.work.power_w(self.counter) * self._s_per_audio_s

    @property
    def net_j(self) -> float:
        """Joules for a second of audio above the power at rest."""
        return self.gross_j - self.idle_w * self._s_per_audio_s

    @property
    def gross_off_j(self) -> float:
        """By how much the counter's steps may have ``gross_j`` off."""
        return self._steps_w(self.work) * self._s_per_audio_s

    @property
    def idle_off_j(self) -> float:
        """By how much a power at rest that changed may have ``net_j`` off: half of the change."""
        return self.idle_change_w / 2 * self._s_per_audio_s

    @property
    def net_off_j(self) -> float:
        """By how much that and the steps of all three windows may have it off."""
        idle_steps_w = (self._steps_w(self.before) + self._steps_w(self.after)) / 2
        return self.gross_off_j + self.idle_off_j + idle_steps_w * self._s_per_audio_s

    @property
    def is_disturbed(self) -> bool:
        """Whether something else used the processors in any of the windows."""
        return any(
            one.contention is not None and one.contention.is_disturbed for one in self.windows
        )

    def apart(self, window: EnergyWindow) -> float | None:
        """How far the other counter is from the one in a window, as a share of the one."""
        other_j = None if self.other_counter is None else window.energies_j.get(self.other_counter)
        return None if other_j is None else other_j / window.energies_j[self.counter] - 1

    def _steps_w(self, window: EnergyWindow) -> float:
        """By how much a window's power may be off: at its ends the counter may be a step behind."""
        return window.power_w(self.counter) * self.update_s / window.wall_s

    @property
    def _s_per_audio_s(self) -> float:
        """Seconds that the work took for a second of audio."""
        return self.work.wall_s / (self.work.n_calls * self.audio_s)
