"""What the authors of SuDoRM-RF print of the costs of their later networks, as data.

The numbers are those of their repository's README (github etzinis/sudo_rm_rf), in
``data/family.tsv`` with the row that each stands in.
"""

import csv
from dataclasses import dataclass
from functools import cache
from pathlib import Path

FILE = Path(__file__).parent / "data" / "family.tsv"
N_SAMPLES = 32_000
"""Of the mixtures that they measured with, at 8 kHz."""


@dataclass(frozen=True)
class PrintedFigure:
    """One number as it is printed."""

    network: str  # name in the registry
    quantity: str
    value: float
    unit: str
    batch: int | None  # None: it does not depend on it
    measured_on: str
    source: str


@cache
def read_printed_figures() -> tuple[PrintedFigure, ...]:
    """All of them, in the file's order."""
    with FILE.open(encoding="utf-8", newline="") as file:
        return tuple(
            PrintedFigure(
                network=row["network"],
                quantity=row["quantity"],
                value=float(row["value"]),
                unit=row["unit"],
                batch=int(row["batch"]) if row["batch"] else None,
                measured_on=row["measured on"],
                source=row["source"],
            )
            for row in csv.DictReader(file, delimiter="\t")
        )


def find_printed(network: str, quantity: str, batch: int | None = None) -> PrintedFigure | None:
    """The number of a network, where they print one."""
    asked = (network, quantity, batch)
    return next(
        (f for f in read_printed_figures() if (f.network, f.quantity, f.batch) == asked), None
    )
