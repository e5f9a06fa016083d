"""From a record to the figures that verdicts rest on; what is missing or NaN has a reason."""

import math
from statistics import median

from bench.results.record import Record, Status


class MissingFigureError(Exception):
    """A record without the figure asked for: says why. Its verdict is FAIL."""


def times_of(record: Record) -> list[float]:
    """The seconds of each timed call of one process.

    Raises:
        MissingFigureError: the cell failed, or a time is missing, NaN or not above zero.
    """
    times = _field(record, "times_s")
    if not isinstance(times, list):
        raise MissingFigureError(f"times_s is {times!r}, not a list")
    return [_positive(time, record) for time in times]


def process_time(record: Record) -> float:
    """The median of one process's times, in seconds.

    Raises:
        MissingFigureError: as ``times_of``.
    """
    return median(times_of(record))


def number_of(record: Record, field: str) -> float:
    """A figure that its process measured once.

    Raises:
        MissingFigureError: the cell failed, or the figure is missing, NaN or negative.
    """
    value = _field(record, field)
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise MissingFigureError(f"{field} is {value!r}, not a number")
    if not (math.isfinite(value) and value >= 0):
        raise MissingFigureError(f"{field} is {value}")
    return value


def _field(record: Record, field: str) -> object:
    if record.status != Status.OK:
        raise MissingFigureError(f"{record.status.value}: {record.reason}")
    value = record.measurement.get(field)
    if value is None or value == []:
        raise MissingFigureError(f"its record has no {field}")
    return value


def _positive(time: float, record: Record) -> float:
    is_number = isinstance(time, int | float) and not isinstance(time, bool)
    if not (is_number and math.isfinite(time) and time > 0):
        raise MissingFigureError(f"a time of round {record.job.round} is {time}")
    return time
