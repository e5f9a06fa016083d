"""How long a gate may measure, and how much longer an open verdict would need."""

import math
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from bench.units import format_duration

HARDLY_S = 3600.0
"""More time than this for one verdict is not advised."""

STEP_S = 10.0  # to whole multiples of which the time that is advised is rounded up
OPTION = "--time {}"


@dataclass
class Allowance:
    """The seconds that a gate may measure, from now on, and how many it has.

    ``option`` is how the user writes them, with ``{}`` for the number.
    """

    time_s: float
    clock: Callable[[], float] = time.monotonic
    option: str = OPTION
    _begun_s: float = field(init=False)

    def __post_init__(self) -> None:
        self._begun_s = self.clock()

    @property
    def spent_s(self) -> float:
        """Since it began."""
        return self.clock() - self._begun_s

    @property
    def is_left(self) -> bool:
        """Whether another round may begin."""
        return self.spent_s < self.time_s


@dataclass(frozen=True)
class Progress:
    """Rounds that gave a value, the most that can be of use, and what they take."""

    n_rounds: int
    n_most: int  # at the last look
    spent_s: float
    round_s: float  # of one more that gives a value
    option: str = OPTION  # as an allowance has it


def needed_rounds(n_rounds: int, half_width: float, margin: float) -> float:
    """Rounds after which half an interval is as narrow as the margin.

    It shrinks with the root of their number. Infinite where the estimate lies on the border.
    """
    return n_rounds * (half_width / margin) ** 2 if margin > 0 else math.inf


def advise(progress: Progress, n_needed: float) -> str:
    """Such as "about 4 min more would settle it (--time 420)"."""
    n_needed = max(n_needed, progress.n_rounds + 1)
    if n_needed > progress.n_most or _more_s(progress, n_needed) > HARDLY_S:
        return "more time would hardly settle it"
    more, option = _in_words(progress, n_needed), _option(progress, n_needed)
    return f"about {more} more would settle it ({option})"


def advise_first(progress: Progress, n_first: int) -> str:
    """What to say where there are too few rounds for an interval."""
    n_needed = max(n_first, progress.n_rounds + 1)
    more = _in_words(progress, n_needed)
    return f"it takes {n_first} rounds at least, about {more} more ({_option(progress, n_needed)})"


def _more_s(progress: Progress, n_needed: float) -> float:
    return math.ceil(n_needed - progress.n_rounds) * progress.round_s


def _in_words(progress: Progress, n_needed: float) -> str:
    return format_duration(_more_s(progress, n_needed))


def _option(progress: Progress, n_needed: float) -> str:
    time_s = progress.spent_s + _more_s(progress, n_needed)
    return progress.option.format(f"{STEP_S * math.ceil(time_s / STEP_S):.0f}")
