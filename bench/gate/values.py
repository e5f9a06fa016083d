"""From a record to the values that verdicts rest on; what is missing or NaN has a reason."""

import math
from collections.abc import Sequence

from bench.results.measurements import LatencyTimes
from bench.results.record import Record, Status


class MissingValueError(Exception):
    """A record without the value asked for: says why. Its verdict is FAIL."""


def times_of(record: Record) -> Sequence[float]:
    """The seconds of each timed call of one process.

    Raises:
        MissingValueError: the cell failed, or a time is missing, NaN or not above zero.
    """
    times_s = _latency(record).times_s
    for time_s in times_s:
        if not (math.isfinite(time_s) and time_s > 0):
            raise MissingValueError(f"a time of round {record.job.round} is {time_s}")
    return times_s


def process_time(record: Record) -> float:
    """The median of one process's times, in seconds.

    Raises:
        MissingValueError: as ``times_of``.
    """
    times_of(record)
    return _latency(record).latency_s


def number_of(record: Record, field: str) -> float:
    """A value that its process measured once.

    Raises:
        MissingValueError: the cell failed, or the value is missing, NaN or negative.
    """
    _require_ok(record)
    value: float | None = getattr(record.result, field, None)
    if value is None:
        raise MissingValueError(f"its record has no {field}")
    if not (math.isfinite(value) and value >= 0):
        raise MissingValueError(f"{field} is {value}")
    return value


def _latency(record: Record) -> LatencyTimes:
    _require_ok(record)
    if not (isinstance(record.result, LatencyTimes) and record.result.times_s):
        raise MissingValueError("its record has no times_s")
    return record.result


def _require_ok(record: Record) -> None:
    if record.status != Status.OK:
        raise MissingValueError(f"{record.status.value}: {record.reason}")
