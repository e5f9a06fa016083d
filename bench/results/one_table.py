"""What records must have in common to share a table."""

from collections.abc import Iterable, Mapping, Sequence

from bench.errors import UsageError
from bench.registry import SAMPLE_RATE
from bench.results.environment import Environment
from bench.results.record import Record

Traits = Mapping[str, tuple[str, ...]]
"""What a table has one of, in words, and the different values that some records have of it."""


def require_one_run(records: Sequence[Record]) -> None:
    """Values of one table were made in one place, of one kind of workload.

    Raises:
        UsageError: they were not; says what differs.
    """
    _require_one_of_each(traits_of(records))


def require_one_place(records: Iterable[Record]) -> None:
    """Values that were made in different places must not share a table.

    Raises:
        UsageError: records of several machines, releases of torch or versions of the code.
    """
    _require_one_of_each(_traits_of_place(records))


def traits_of(records: Sequence[Record]) -> Traits:
    """Place and kind of workload of some records; empty where no process lived to tell."""
    described = [(record, record.environment) for record in records if record.environment]
    updates = [(r, e) for r, e in described if r.job.workload.phase == "update"]
    timed = [r for r in records if r.job.probe == "latency"]
    works = [record.job.workload for record, _ in described]
    found: dict[str, Iterable[str]] = {
        "devices of the training step": (_update_device(r, e) for r, e in updates),
        "allocators": (_allocator(record) for record in timed),
        "settings of TF32": (r.job.workload.precision for r in records if is_on_gpu(r)),
        "values of n_samples": (_samples(record) for record, _ in described),
    }
    for name in ("batch", "dtype", "threads", "seed", "runtime"):
        found[f"values of {name}"] = [str(getattr(work, name)) for work in works]
    return {**_traits_of_place(records), **_different(found)}


def may_share_a_table(first: Traits, second: Traits) -> bool:
    """Whether the records of both, together, differ in nothing that a table has one of."""
    return all(len({*first[what], *second[what]}) <= 1 for what in first)


def is_on_gpu(record: Record) -> bool:
    """Whether its network ran on a GPU."""
    return record.job.workload.device == "cuda"


def _traits_of_place(records: Iterable[Record]) -> Traits:
    places = [record.environment for record in records if record.environment]
    return _different(
        {
            "machines": (place.machine.identity for place in places),
            "releases of torch": (place.versions["torch"] for place in places),
            "versions of the code": (place.code.identity for place in places),
        }
    )


def _different(values: Mapping[str, Iterable[str]]) -> Traits:
    return {what: tuple(dict.fromkeys(found)) for what, found in values.items()}


def _update_device(record: Record, environment: Environment) -> str:
    gpu, device = environment.machine.gpu, record.job.workload.device
    return f"{device} ({gpu.name})" if device == "cuda" and gpu else device


def _samples(record: Record) -> str:
    """At 8 kHz: networks of several rates share a table of one duration."""
    return str(round(record.job.workload.duration_s * SAMPLE_RATE))


def _allocator(record: Record) -> str:
    return "pages kept" if record.job.workload.keeps_pages else "default"


def _require_one_of_each(traits: Traits) -> None:
    for what, different in traits.items():
        if len(different) > 1:
            raise UsageError(
                f"These records come from different {what}, which can't share a table: "
                f"{'; '.join(different)}. Report on them one at a time."
            )
