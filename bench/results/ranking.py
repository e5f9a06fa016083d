"""Which of two networks separates better: differences on the same mixtures, with intervals."""

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import groupby, pairwise
from pathlib import Path

from bench.results.quality import EvaluationRecord
from bench.results.score_files import Gains, find_gains, read_gains
from bench.results.scores import mean_over_labels


@dataclass(frozen=True)
class Step:
    """From one network to the next one below it."""

    better: EvaluationRecord
    worse: EvaluationRecord
    difference_db: float
    low_db: float
    high_db: float

    @property
    def is_certain(self) -> bool:
        """Whether the interval leaves no doubt about the order."""
        return self.low_db > 0


def rank_networks(records: Iterable[EvaluationRecord], folder: Path) -> list[Step]:
    """Of each set of mixtures, every network beside the next below it, by their scores in files.

    Those whose scores can't be found in ``folder`` are left out, as are pairs without an interval.
    """
    networks = [record for record in records if record.kind in ("network", "reference")]
    ordered = sorted(networks, key=lambda one: (*one.mixtures, -one.si_sdri_mean_db))
    files = read_gains(folder)
    found = [
        (one, gains)
        for one in ordered
        if (gains := find_gains(files, one.evaluated, one.si_sdri_mean_db)) is not None
    ]
    return [
        step
        for _, group in groupby(found, key=lambda pair: pair[0].mixtures)
        for better, worse in pairwise(group)
        if (step := _compare(*better, *worse))
    ]


def _compare(
    better: EvaluationRecord, gains: Gains, worse: EvaluationRecord, gains_below: Gains
) -> Step | None:
    if gains.keys() != gains_below.keys():
        return None
    differences = [
        gain.improvement_db - gains_below[number].improvement_db for number, gain in gains.items()
    ]
    mean = mean_over_labels(differences, [gain.labels for gain in gains.values()])
    if mean.low_db is None or mean.high_db is None:
        return None
    return Step(better, worse, mean.mean_db, mean.low_db, mean.high_db)
