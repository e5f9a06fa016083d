"""The energy that networks take for a second of audio, from the records of one run."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from statistics import mean

from bench.results.energy_use import EnergyUse
from bench.results.record import Record, Status, results_of
from bench.results.statistics import Estimate, estimate_difference
from bench.results.workload import Phase

METHODS_AGREE_WITHIN = 0.05
"""Of the driver's counter. A sensor's own error is about as large (arXiv 2312.02741)."""

Round = int
Uses = Mapping[Round, EnergyUse]
"""What the processes of one network in one phase found."""


@dataclass(frozen=True)
class EnergyPoint:
    """One network in one phase. Energies are joules for a second of audio.

    ``gross`` is what the machine took, ``net`` what it took above its power at rest. A ratio is to
    the base network in the same rounds; None without a pair.
    """

    model: str
    phase: Phase
    uses: Uses
    gross: Estimate
    net: Estimate
    gross_ratio: Estimate | None
    net_ratio: Estimate | None

    @property
    def counter(self) -> str:
        """Whose values count."""
        return next(iter(self.uses.values())).counter

    @property
    def idle_w(self) -> tuple[float, float]:
        """The smallest and the largest power at rest in any window."""
        found = [
            window.power_w(use.counter)
            for use in self.uses.values()
            for window in (use.before, use.after)
        ]
        return min(found), max(found)

    @property
    def power_w(self) -> float:
        """At work, the mean over processes."""
        return mean(use.work.power_w(use.counter) for use in self.uses.values())

    @property
    def idle_off_j(self) -> float:
        """By how much a power at rest that changed may have ``net`` off."""
        return mean(use.idle_off_j for use in self.uses.values())

    @property
    def apart(self) -> float | None:
        """How far another counter was from this one at work, the mean; None without another."""
        return _mean_of([use.apart(use.work) for use in self.uses.values()])

    @property
    def idle_apart(self) -> float | None:
        """The same at rest."""
        windows = [(use, one) for use in self.uses.values() for one in (use.before, use.after)]
        return _mean_of([use.apart(window) for use, window in windows])

    @property
    def n_disturbed(self) -> int:
        """Processes during whose windows something else used the processors."""
        return sum(use.is_disturbed for use in self.uses.values())

    @property
    def is_shared(self) -> bool:
        """Whether another process used the GPU."""
        return any(use.gpu is not None and use.gpu.is_shared for use in self.uses.values())


@dataclass(frozen=True)
class EnergySummary:
    """All networks of a run; ``failures`` say why some have no energy, by phase and network."""

    points: tuple[EnergyPoint, ...]
    failures: Mapping[tuple[Phase, str], tuple[Status, str]]

    def point_of(self, model: str, phase: Phase) -> EnergyPoint | None:
        """Of one network; None where there is none."""
        found = (p for p in self.points if (p.model, p.phase) == (model, phase))
        return next(found, None)


def _mean_of(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return mean(known) if known else None


def find_energy(records: Iterable[Record], base: str | None) -> EnergySummary | None:
    """What the records of one run say; None of one in which nobody asked for energy.

    ``base`` is the network that the others are compared with.
    """
    asked = [record for record in records if record.job.probe == "energy"]
    if not asked:
        return None
    cells: dict[tuple[Phase, str], dict[Round, EnergyUse]] = {}
    for record, use in results_of(EnergyUse, asked):
        cell = record.job.workload.phase, record.job.model
        cells.setdefault(cell, {})[record.job.round] = use
    return EnergySummary(
        tuple(
            _find_point(model, phase, uses, cells.get((phase, base or ""), {}))
            for (phase, model), uses in cells.items()
        ),
        {
            (record.job.workload.phase, record.job.model): (record.status, record.reason)
            for record in asked
            if record.status != Status.OK
        },
    )


def _find_point(model: str, phase: Phase, uses: Uses, base: Uses) -> EnergyPoint:
    sound, of_base = _undisturbed(uses), _undisturbed(base)
    return EnergyPoint(
        model=model,
        phase=phase,
        uses=uses,
        gross=_estimate(sound, uses, _gross),
        net=_estimate(sound, uses, _net),
        gross_ratio=_ratio(sound, of_base, _gross),
        net_ratio=_ratio(sound, of_base, _net),
    )


def _undisturbed(uses: Uses) -> Uses:
    return {index: use for index, use in uses.items() if not use.is_disturbed}


def _gross(use: EnergyUse) -> tuple[float, float]:
    return use.gross_j, use.gross_off_j


def _net(use: EnergyUse) -> tuple[float, float]:
    return use.net_j, use.net_off_j


Measured = Callable[[EnergyUse], tuple[float, float]]
"""A value of one process, and by how much it may be off."""


def _estimate(sound: Uses, uses: Uses, measured: Measured) -> Estimate:
    """Of undisturbed processes; where there are none of all, and then it rests on none."""
    chosen = list((sound or uses).values())
    values, off = zip(*map(measured, chosen), strict=True)
    found = estimate_difference(values, mean(off), sum(use.work.n_calls for use in chosen))
    return found if sound else replace(found, n_processes=0, n_samples=0)


def _ratio(ours: Uses, base: Uses, measured: Measured) -> Estimate | None:
    """In the rounds in which both were undisturbed; None where one may be zero in any of them."""
    pairs = [(ours[index], base[index]) for index in sorted(ours.keys() & base.keys())]
    ratios, off = [], []
    for mine, other in pairs:
        (mine_j, mine_off_j), (other_j, other_off_j) = measured(mine), measured(other)
        if mine_j <= mine_off_j or other_j <= other_off_j:
            return None
        ratios.append(mine_j / other_j)
        off.append(ratios[-1] * (mine_off_j / mine_j + other_off_j / other_j))
    n_calls = sum(min(mine.work.n_calls, other.work.n_calls) for mine, other in pairs)
    return estimate_difference(ratios, mean(off), n_calls) if ratios else None
