"""What papers and repositories print for networks, and which counter's rule gives that figure."""

import tomllib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

from bench.results.measurements import CounterComparison, OperationCount, ParameterCount
from bench.results.record import Record, results_of

PUBLISHED = Path(__file__).parent / "data" / "published.toml"
RULES = {
    "ours": "exact count",
    "torch": "torch's counter",
    "fvcore": "fvcore",
    "ptflops": "ptflops",
    "thop_rules": "thop's rules",
    "transposed_once_rules": "thop's rules, transposed convolutions once",
}
"""Counters of multiply-adds, by their names in records; the exact one first."""
UNITS = {"M": 10**6, "G/s": 10**9}
"""SI units in the unit of a figure that a count can reproduce."""


@dataclass(frozen=True)
class Printed:
    """One figure as it stands in its source."""

    network: str
    quantity: str
    printed: str  # its digits
    unit: str
    where: str
    measured_on: str = ""
    batch: int | None = None
    model: str | None = None  # the network's name in the registry, where it has one

    @property
    def is_countable(self) -> bool:
        """Whether it is parameters or multiply-adds, and no time or memory of a machine."""
        return self.unit in UNITS

    def is_like(self, count: float) -> bool:
        """Whether a count, rounded to the digits that are printed, is this figure."""
        shown = Decimal(self.printed)
        return (Decimal(count) / UNITS[self.unit]).quantize(shown) == shown

    def ratio(self, count: float) -> float:
        """The count over this figure."""
        return count / (float(self.printed) * UNITS[self.unit])


@dataclass(frozen=True)
class RuleCount:
    """What one rule gives."""

    rule: str
    count: float


def read_printed(path: Path = PUBLISHED) -> tuple[Printed, ...]:
    """All figures, in the order of the file."""
    tables = tomllib.loads(path.read_text(encoding="utf-8"))
    return tuple(
        Printed(
            where=source["where"],
            measured_on=source.get("measured_on", ""),
            model=tables["networks"].get(figure["network"]),
            **figure,
        )
        for source in tables["source"]
        for figure in source["figures"]
    )


def exact_count(figure: Printed, records: Sequence[Record]) -> float | None:
    """Parameters, or multiply-adds of a second at 8 kHz, where the network was counted."""
    own = [record for record in records if record.job.model == figure.model]
    if figure.quantity == "parameters":
        return next((float(r.n_params) for _, r in results_of(ParameterCount, own)), None)
    return min((float(count.macs) for _, count in results_of(OperationCount, own)), default=None)


def list_rules(figure: Printed, records: Iterable[Record]) -> Iterator[RuleCount]:
    """What each rule gives for a figure, the plainest first."""
    own = [record for record in records if record.job.model == figure.model]
    if figure.quantity == "parameters":
        for _, parameters in results_of(ParameterCount, own):
            yield RuleCount("all parameters", parameters.n_params)
        return
    for factor in (1, 2):
        for name, rule in RULES.items():
            for record, found in results_of(CounterComparison, own):
                macs = found.inference[name].macs if name in found.inference else None
                if macs is not None:
                    length = f"{record.job.workload.n_samples:,} samples"
                    twice = ", times two" if factor == 2 else ""
                    yield RuleCount(f"{rule}, {length}{twice}", factor * macs)


def reproduced_by(figure: Printed, rules: Iterable[RuleCount]) -> tuple[RuleCount, ...]:
    """The rules that give the printed digits."""
    return tuple(rule for rule in rules if figure.is_like(rule.count))


def nearest(figure: Printed, rules: Iterable[RuleCount]) -> RuleCount | None:
    """The rule that comes nearest; None of none."""
    return min(rules, key=lambda rule: abs(figure.ratio(rule.count) - 1), default=None)


def models_of(figures: Iterable[Printed], known: Mapping[str, object]) -> tuple[str, ...]:
    """The networks of countable figures that can be built here, each once."""
    names = (figure.model for figure in figures if figure.is_countable)
    return tuple(dict.fromkeys(name for name in names if name is not None and name in known))
