"""The values that flow: a Job says what to measure, a Record what came of it.

Everything stored is raw: SI base units, no rounding. Files are JSON Lines, one record a line.

Schema versions:
    1  the first.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any, Literal, Self

SCHEMA = 1

Phase = Literal["inference", "update"]
ProbeName = Literal[
    "parameters", "operations", "memory", "latency", "layers", "scaling", "counters", "streaming"
]


class Status(StrEnum):
    """How the measurement of one cell ended. Anything but ``OK`` comes with a reason."""

    OK = "ok"
    OOM = "oom"  # the allocator refused, on the CPU or the GPU
    KILLED = "killed"  # a signal from outside: most often the kernel, out of memory
    SEGFAULT = "segfault"
    TIMEOUT = "timeout"  # the deadline passed and the process group was killed
    NON_FINITE = "non_finite"  # NaN or Inf among the estimates or in the loss
    BAD_SHAPE = "bad_shape"  # estimates are not [batch, n_src, time]
    MISSING_DEPENDENCY = "missing_dependency"
    UNSUPPORTED = "unsupported"  # this machine can't measure it
    SKIPPED = "skipped"  # known beforehand to be impossible
    ERROR = "error"  # any other exception
    INTERRUPTED = "interrupted"


class CellError(Exception):
    """A cell can't be measured: its status and a sentence that says why."""

    def __init__(self, status: Status, reason: str) -> None:
        super().__init__(reason)
        self.status = status


class RecordError(ValueError):
    """A line of a record file that can't be read: says what is wrong with it."""


@dataclass(frozen=True)
class Workload:
    """What a network is asked to do.

    ``phase`` is one forward without gradients (``inference``, the paper's I) or one whole
    training step (``update``, the paper's B).
    """

    phase: Phase
    device: str  # "cpu" or "cuda"
    n_samples: int
    batch: int
    dtype: str  # "float32", "float64", "bfloat16" or "float16"
    threads: int
    seed: int


@dataclass(frozen=True)
class Job:
    """One cell to measure, in one fresh process."""

    model: str
    factory: str  # "package.module:function", called without arguments
    workload: Workload
    probe: ProbeName
    round: int  # latency is measured in several rounds over all models, from 0
    budget_s: float  # time to spend on repeating
    deadline_s: float  # after which the process group is killed
    n_src: int | None = None  # that the network must return; None: as many as it likes

    @property
    def cell(self) -> tuple[str, str, Workload, str, int]:
        """What is measured, whatever time it may take."""
        return self.model, self.factory, self.workload, self.probe, self.round


@dataclass(frozen=True)
class Record:
    """What came of one job: its status, the raw measurement, and where it was made."""

    job: Job
    status: Status
    reason: str  # a sentence unless the status is ok
    measurement: Mapping[str, Any]
    environment: Mapping[str, Any]
    started_at: str  # ISO 8601, UTC
    elapsed_s: float  # of the whole process, start-up included
    stderr_tail: str = ""  # the end of what the process printed, when it did not end well
    schema: int = SCHEMA

    def to_json(self) -> str:
        """One line of a record file."""
        return json.dumps(asdict(self), allow_nan=False)

    @classmethod
    def from_json(cls, line: str) -> Self:
        """The record that a line holds.

        Raises:
            RecordError: not JSON, of another schema, or with a field missing or unknown.
        """
        try:
            fields = json.loads(line)
        except json.JSONDecodeError as error:
            raise RecordError(f"not JSON ({error.msg} at column {error.colno})") from error
        except (ValueError, RecursionError) as error:
            raise RecordError(f"not JSON of a record ({error})") from error
        if not isinstance(fields, dict) or "schema" not in fields:
            raise RecordError("not a record: it has no field `schema`")
        if fields["schema"] != SCHEMA:
            raise RecordError(
                f"written with schema {fields['schema']}, and this version reads schema {SCHEMA}"
            )
        try:
            job = fields.pop("job")
            workload = Workload(**job.pop("workload"))
            status = Status(fields.pop("status"))
            _check_kinds(fields)
            return cls(job=Job(workload=workload, **job), status=status, **fields)
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise RecordError(f"not a whole record: {error}") from error


FIELD_KINDS: dict[str, type | tuple[type, ...]] = {
    "reason": str,
    "measurement": dict,
    "environment": dict,
    "started_at": str,
    "elapsed_s": (int, float),
    "stderr_tail": str,
}


def _check_kinds(fields: Mapping[str, Any]) -> None:
    for name, kind in FIELD_KINDS.items():
        if name in fields and not isinstance(fields[name], kind):
            raise TypeError(f"its field {name!r} is {type(fields[name]).__name__}")
