"""What a gate says: one check for each budget or comparison, with its reason in a line."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

FORMS = ("text", "markdown", "json", "junit")
"""In which verdicts can be printed."""


class Verdict(StrEnum):
    """How a check ended."""

    PASS = "PASS"
    FAIL = "FAIL"
    INCONCLUSIVE = "INCONCLUSIVE"  # the data carry neither of the two


@dataclass(frozen=True)
class Check:
    """One verdict with what it rests on, in SI base units; shares and ratios have none.

    ``lower`` and ``upper`` bound ``value``; both are None for what is exact or missing. What is
    ``is_probably_slower`` is INCONCLUSIVE, and worth a person's look (docs/method.md, Gate).
    """

    model: str
    quantity: str
    verdict: Verdict
    reason: str  # one line for people, rounded
    value: float | None = None
    lower: float | None = None
    upper: float | None = None
    limit: float | None = None
    is_probably_slower: bool = False

    @property
    def name(self) -> str:
        """Network and quantity in a line."""
        return f"{self.model} {self.quantity}"


def overall(checks: Iterable[Check]) -> Verdict:
    """The verdict for all: the worst, and a FAIL is worse than an INCONCLUSIVE."""
    verdicts = {check.verdict for check in checks}
    order = (Verdict.FAIL, Verdict.INCONCLUSIVE)
    return next((verdict for verdict in order if verdict in verdicts), Verdict.PASS)
