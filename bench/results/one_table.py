"""What records must have in common to share a table."""

from collections import Counter
from collections.abc import Iterable, Sequence

from bench.errors import UsageError
from bench.registry import SAMPLE_RATE
from bench.results.environment import Environment
from bench.results.record import Record


def require_one_run(records: Sequence[Record]) -> None:
    """Values of one table were made in one place, of one kind of workload.

    Raises:
        UsageError: they were not; says what differs.
    """
    require_one_place(records)
    described = [(record, record.environment) for record in records if record.environment]
    updates = [(r, e) for r, e in described if r.job.workload.phase == "update"]
    _require_one("devices of the training step", (_update_device(r, e) for r, e in updates))
    timed = [r for r in records if r.job.probe == "latency"]
    _require_one("allocators", (_allocator(record) for record in timed))
    _require_one("settings of TF32", (r.job.workload.precision for r in records if is_on_gpu(r)))
    _require_one("values of n_samples", (_samples(record) for record, _ in described))
    for name in ("batch", "dtype", "threads", "seed", "runtime"):
        _require_one(
            f"values of {name}", (str(getattr(r.job.workload, name)) for r, _ in described)
        )


def require_one_place(records: Iterable[Record]) -> None:
    """Values that were made in different places must not share a table.

    Raises:
        UsageError: records of several machines, releases of torch or versions of the code.
    """
    places = [record.environment for record in records if record.environment]
    _require_one("machines", (place.machine.identity for place in places))
    _require_one("releases of torch", (place.versions["torch"] for place in places))
    _require_one("versions of the code", (place.code.identity for place in places))


def is_on_gpu(record: Record) -> bool:
    """Whether its network ran on a GPU."""
    return record.job.workload.device == "cuda"


def _update_device(record: Record, environment: Environment) -> str:
    gpu, device = environment.machine.gpu, record.job.workload.device
    return f"{device} ({gpu.name})" if device == "cuda" and gpu else device


def _samples(record: Record) -> str:
    """At 8 kHz: networks of several rates share a table of one duration."""
    return str(round(record.job.workload.duration_s * SAMPLE_RATE))


def _allocator(record: Record) -> str:
    return "pages kept" if record.job.workload.keeps_pages else "default"


def _require_one(what: str, values: Iterable[str]) -> None:
    different = Counter(values)
    if len(different) > 1:
        raise UsageError(
            f"These records come from different {what}, which can't share a table: "
            f"{'; '.join(different)}. Report on them one at a time."
        )
