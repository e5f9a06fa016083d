"""Files of scores: what was gained over each mixture, by the weights that were evaluated."""

import csv
import sys
from collections.abc import Iterator, Mapping, Sequence
from math import isclose
from pathlib import Path
from statistics import fmean
from typing import NamedTuple


class Gain(NamedTuple):
    """Of one mixture: the labels of its sources, and its SI-SDRi in dB."""

    labels: tuple[str, ...]
    improvement_db: float


Gains = Mapping[int, Gain]
"""By the number of a mixture."""


class Evaluated(NamedTuple):
    """What a file of scores is of."""

    digest: str | None  # of the weights
    corpus: str
    split: str


Files = Sequence[tuple[Evaluated, Gains]]


def read_gains(folder: Path) -> Files:
    """What each file of scores in a folder is of, and its gains.

    One that is none, or that is torn, is named on standard error and left out.
    """
    return list(_read_all(folder))


def _read_all(folder: Path) -> Iterator[tuple[Evaluated, Gains]]:
    for path in sorted(folder.glob("*.csv")):
        try:
            found = _read(path)
        except (OSError, ValueError, KeyError, TypeError) as error:
            sys.stderr.write(f"{path} is left out: it holds no scores ({error!r}).\n")
            continue
        if found:
            yield found


def _read(path: Path) -> tuple[Evaluated, Gains] | None:
    """None for a file of older code, which has no labels apart."""
    with path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    if not rows or "source1_label" not in rows[0]:
        return None
    digest, corpus, split = (rows[0][head] for head in Evaluated._fields)
    gains = {int(row["mixture"]): _gain(row) for row in rows}
    return Evaluated(digest or None, corpus, split), gains


def _gain(row: Mapping[str, str]) -> Gain:
    labels = tuple(cell for name, cell in row.items() if name.endswith("_label"))
    return Gain(labels, float(row["improvement_db"]))


def find_gains(files: Files, of: Evaluated, mean_db: float) -> Gains | None:
    """Those of one evaluation, whose mean they have."""
    for evaluated, gains in files:
        if evaluated == of:
            found_db = fmean(gain.improvement_db for gain in gains.values())
            if isclose(found_db, mean_db, abs_tol=1e-9):
                return gains
    return None
