"""Records for tests: made up, complete, and different in every value."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from bench.plan import Effort, Settings
from bench.registry import NULL, TABLE1, Entry
from bench.results.environment import (
    Code,
    Environment,
    GpuDevice,
    Machine,
    MachineState,
    TorchSetup,
)
from bench.results.measurements import (
    LatencyTimes,
    Result,
)
from bench.results.probes import PROBES
from bench.results.record import Job, Record, Status
from bench.results.workload import Phase, Workload
from bench.rounds import plan_next
from tests.bench.example_results import measured

ENVIRONMENT = Environment(
    machine=Machine(
        cpu="Example CPU",
        n_cpus=4,
        n_available_cpus=2,
        memory_bytes=8_000_000_000,
        architecture="x86_64",
        system="Linux 6.1",
    ),
    versions={"python": "3.11.7", "torch": "2.13.0", "asteroid": "not installed"},
    code=Code(commit="0123456789abcdef0123456789abcdef01234567", is_modified=False),
    torch=TorchSetup(
        cuda_build=None,
        cudnn=None,
        cudnn_benchmark=False,
        cudnn_allow_tf32=True,
        matmul_precision="highest",
        mkldnn=True,
        cpu_capability="AVX2",
        threads=2,
        flushes_denormals=False,
    ),
    variables={"OMP_NUM_THREADS": "2"},
)
STATE = MachineState(load_average=(0.1, 0.2, 0.3), governor="performance")
GPU = GpuDevice(
    name="Example GPU", memory_bytes=24_000_000_000, compute_capability="9.0", n_visible=1
)
SETTINGS = Settings(
    update_device="cpu",
    n_samples=8000,
    batch=1,
    dtype="float32",
    threads=2,
    seed=0,
    effort=Effort(3, 10_000.0, 0.0, budget_s=0.5, deadline_s=60.0),
)


def environment(**sections: Mapping[str, Any]) -> Environment:
    """The example environment with fields of some sections replaced."""
    changed: dict[str, Any] = {}
    for name, fields in sections.items():
        section = getattr(ENVIRONMENT, name)
        is_mapping = isinstance(section, Mapping)
        changed[name] = {**section, **fields} if is_mapping else replace(section, **fields)
    return replace(ENVIRONMENT, **changed)


def make_job(
    model: str = "dprnn",
    probe: str = "latency",
    phase: Phase = "inference",
    *,
    factory: str = "tests.fault_models:healthy",
    round_index: int = 0,
    **workload: Any,
) -> Job:
    fields: dict[str, Any] = {
        "phase": phase,
        "device": "cpu",
        "n_samples": 8000,
        "batch": 1,
        "dtype": "float32",
        "threads": 2,
        "seed": 0,
        "keeps_pages": PROBES[probe].keeps_pages,
    }
    return Job(
        model=model,
        factory=factory,
        workload=Workload(**(fields | workload)),
        probe=probe,
        round=round_index,
        budget_s=0.5,
        deadline_s=60.0,
    )


def make_record(
    job: Job, result: Result | None = None, environment: Environment | None = ENVIRONMENT
) -> Record:
    """A record that ended well."""
    return Record(
        job=job,
        status=Status.OK,
        reason="",
        result=result or measured(1.0, job),
        environment=environment,
        started_at="2026-01-02T03:04:05+00:00",
        elapsed_s=1.25,
        state=STATE,
    )


def make_latency(*times_s: float, round_index: int = 0, **job: Any) -> Record:
    """A record of some calls."""
    return make_record(make_job(round_index=round_index, **job), LatencyTimes(times_s))


def make_rounds(
    times_s: Sequence[Sequence[float]], job: Job | None = None, **measured: Any
) -> list[Record]:
    """A record of each round's calls, of one network; nothing else ran unless ``measured`` says."""
    job = job or make_job()
    return [
        make_record(replace(job, round=index), LatencyTimes(tuple(times), **measured))
        for index, times in enumerate(times_s)
    ]


def fail(record: Record, status: Status, reason: str) -> Record:
    """The same cell, not measured."""
    return replace(record, status=status, reason=reason, result=None)


def complete_run(entries: Sequence[Entry] = TABLE1, settings: Settings = SETTINGS) -> list[Record]:
    """A run in which all went well: network number k costs k times the first."""
    scales = {entry.name: float(scale) for scale, entry in enumerate(entries, start=1)}
    scales[NULL.name] = 1e-5
    records: list[Record] = []
    while jobs := plan_next(entries, settings, records):
        records += [make_record(job, measured(scales[job.model], job)) for job in jobs]
    return records


def complete_run_on_gpu(entries: Sequence[Entry] = TABLE1) -> list[Record]:
    """The same with the training step, and inference besides, on a GPU."""
    described = environment(machine={"gpu": GPU})
    records = complete_run(entries, SETTINGS.on("cuda"))
    return [replace(record, environment=described) for record in records]
