"""From a record to the values that verdicts rest on; what is missing or NaN has a reason.

Only undisturbed calls count (``Contention.is_disturbed``). A process without any gives no value,
which is no fault of its network.
"""

import math
from statistics import median

from bench.results.measurements import LatencyTimes
from bench.results.record import Record, Status
from bench.results.turns import ratios_of_turns


class MissingValueError(Exception):
    """A record without the value asked for: says why. Its verdict is FAIL."""


def latency_of(record: Record) -> LatencyTimes:
    """The timed calls of one process, each a finite time above zero.

    Raises:
        MissingValueError: the cell failed, or a time or its turn is missing, NaN or not above zero.
    """
    _require_ok(record)
    found = record.result
    if not (isinstance(found, LatencyTimes) and found.times_s):
        raise MissingValueError("its record has no times_s")
    for time_s in found.times_s:
        if not (math.isfinite(time_s) and time_s > 0):
            raise MissingValueError(f"a time of round {record.job.round} is {time_s}")
    if found.turns is not None and len(found.turns) != len(found.times_s):
        counts = f"{len(found.turns)} turns and {len(found.times_s)} times"
        raise MissingValueError(f"its record has {counts}")
    return found


def times_of(record: Record) -> list[float]:
    """The seconds of each undisturbed call of one process; there may be none.

    Raises:
        MissingValueError: as ``latency_of``.
    """
    return latency_of(record).undisturbed_s


def process_time(record: Record) -> float | None:
    """The median of one process's undisturbed calls, in seconds; None without any.

    Raises:
        MissingValueError: as ``latency_of``.
    """
    times_s = times_of(record)
    return median(times_s) if times_s else None


def log_ratio(ours: LatencyTimes, base: LatencyTimes) -> float | None:
    """The median over the turns of a round of the log ratio of two processes.

    None where there is no turn in which both were undisturbed.
    """
    logs = [math.log(ratio) for ratio in ratios_of_turns(ours, base)]
    return median(logs) if logs else None


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


def _require_ok(record: Record) -> None:
    if record.status != Status.OK:
        raise MissingValueError(f"{record.status.value}: {record.reason}")
