"""Recipes of training held against a base, each trained with several seeds."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean

from bench.errors import UsageError
from bench.results.intervals import MIN_VALUES, middle
from bench.results.training import METRICS_NAME, TrainingLine, read_training, validations

BASE = "base"
ALPHA = 0.025  # on each side

Runs = Mapping[int, TrainingLine]
"""By seed, the last validation of a whole training."""


@dataclass(frozen=True)
class Compared:
    """A recipe, and what it gains over the base with the same seeds."""

    name: str
    runs: Runs
    gain_db: float | None  # mean over seeds; None of the base, and without a seed in common
    low_db: float | None  # 95 % interval, Student's t over seeds; None below three seeds
    high_db: float | None

    @property
    def mean_db(self) -> float:
        """SI-SDRi on the validation mixtures, mean over seeds."""
        return fmean(line.si_sdri_db or 0.0 for line in self.runs.values())


def compare_recipes(folder: Path) -> tuple[Compared, ...]:
    """All recipes of a folder of trainings ``NAME-SEED``, the base first.

    A training that has not come to its end is left out.

    Raises:
        UsageError: there is no whole training of the base, or metrics can't be read.
    """
    recipes: dict[str, dict[int, TrainingLine]] = {BASE: {}}
    for path in sorted(folder.glob(f"*/{METRICS_NAME}")):
        name, _, seed = path.parent.name.rpartition("-")
        last = validations(read_training(path))[-1:]
        if seed.isdecimal() and last and last[0].share == 1:
            recipes.setdefault(name, {})[int(seed)] = last[0]
    if not recipes[BASE]:
        raise UsageError(
            f"There is no whole training {BASE}-SEED in {folder}. Make them with: make recipes"
        )
    return tuple(_compare(name, runs, recipes[BASE]) for name, runs in recipes.items())


def _compare(name: str, runs: Runs, base: Runs) -> Compared:
    import numpy as np

    seeds = sorted(runs.keys() & base.keys())
    gains = [(runs[s].si_sdri_db or 0.0) - (base[s].si_sdri_db or 0.0) for s in seeds]
    if name == BASE or not gains:
        return Compared(name, runs, None, None, None)
    if len(gains) < MIN_VALUES:
        return Compared(name, runs, fmean(gains), None, None)
    found = middle(np.array(gains), ALPHA)
    return Compared(name, runs, *map(float, found))
