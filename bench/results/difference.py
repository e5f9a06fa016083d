"""How two times differ that were measured apart, and whether they do."""

from dataclasses import dataclass
from math import hypot, inf, isinf, sqrt


@dataclass(frozen=True)
class MeanTime:
    """A mean over steps in seconds, with half its interval as a share of it."""

    value_s: float
    half_width: float  # infinite of too few steps

    @property
    def half_width_s(self) -> float:
        """Half its interval in seconds."""
        return inf if isinf(self.half_width) else abs(self.value_s) * self.half_width


NO_TIME = MeanTime(0.0, 0.0)


@dataclass(frozen=True)
class Difference:
    """What ``head`` takes beyond ``base``; both are independent of each other.

    The ratio's interval is Fieller's: it holds 1 where the difference's holds 0, and with the sides
    swapped it is one over what it was.
    """

    base: MeanTime
    head: MeanTime

    @property
    def value_s(self) -> float:
        """Negative where ``head`` takes less."""
        return self.head.value_s - self.base.value_s

    @property
    def half_width_s(self) -> float:
        """Half the interval of the difference in seconds."""
        return hypot(self.base.half_width_s, self.head.half_width_s)

    @property
    def is_within_noise(self) -> bool:
        """Whether it can't be told from nothing."""
        return abs(self.value_s) <= self.half_width_s

    @property
    def ratio(self) -> float | None:
        """``head`` over ``base``; None where one of them takes no time."""
        if self.base.value_s <= 0 or self.head.value_s <= 0:
            return None
        return self.head.value_s / self.base.value_s

    @property
    def ratio_span(self) -> tuple[float, float] | None:
        """The interval of the ratio; None where an interval of the two times holds zero."""
        below, above = self.base.half_width, self.head.half_width
        if self.ratio is None or below >= 1 or above >= 1:
            return None
        spread = sqrt(below**2 + above**2 - (below * above) ** 2)
        return (
            self.ratio * (1 - above**2) / (1 + spread),
            self.ratio * (1 + spread) / (1 - below**2),
        )
