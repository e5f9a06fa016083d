"""Which of two networks separates better: differences on the same mixtures, with intervals."""

import csv
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby, pairwise
from math import isclose
from pathlib import Path
from statistics import fmean

from bench.results.quality import EvaluationRecord
from bench.results.scores import bootstrap_mean

Gains = Mapping[int, tuple[str, float]]
"""By the number of a mixture: its labels in one word, and what was gained over it in dB."""


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
    files = list(_read_all(folder))
    found = [(one, gains) for one in ordered if (gains := _find(files, one)) is not None]
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
    differences = [gain - gains_below[number][1] for number, (_, gain) in gains.items()]
    mean = bootstrap_mean(differences, [labels for labels, _ in gains.values()])
    if mean.low_db is None or mean.high_db is None:
        return None
    return Step(better, worse, mean.mean_db, mean.low_db, mean.high_db)


def _read_all(folder: Path) -> Iterator[tuple[str, Gains]]:
    """The digest of the weights and the gains of each file of scores."""
    for path in sorted(folder.glob("*.csv")):
        with path.open(encoding="utf-8", newline="") as file:
            rows = list(csv.DictReader(file))
        if rows and "source1_label" in rows[0]:  # files of older code have no labels apart
            yield rows[0]["digest"], {int(row["mixture"]): _gain(row) for row in rows}


def _gain(row: Mapping[str, str]) -> tuple[str, float]:
    labels = sorted(cell for name, cell in row.items() if name.endswith("_label"))
    return " ".join(labels), float(row["improvement_db"])


def _find(files: Sequence[tuple[str, Gains]], record: EvaluationRecord) -> Gains | None:
    """The gains that a record sums up: of the same weights, with the same mean."""
    for digest, gains in files:
        mean_db = fmean(gain for _, gain in gains.values())
        if digest == record.digest and isclose(mean_db, record.si_sdri_mean_db, abs_tol=1e-9):
            return gains
    return None
