"""Records for tests: made up, complete, and different in every figure."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from bench.plan import Effort, Settings, plan_next
from bench.registry import NULL, TABLE1, Entry
from bench.results.record import Job, Phase, ProbeName, Record, Status, Workload

ENVIRONMENT: dict[str, Any] = {
    "machine": {
        "cpu": "Example CPU",
        "n_cpus": 4,
        "n_available_cpus": 2,
        "memory_bytes": 8_000_000_000,
        "architecture": "x86_64",
        "system": "Linux 6.1",
        "gpu": None,
    },
    "versions": {"python": "3.11.7", "torch": "2.13.0", "asteroid": "not installed"},
    "code": {"commit": "0123456789abcdef0123456789abcdef01234567", "is_modified": False},
    "torch": {
        "cuda_build": None,
        "cudnn": None,
        "cudnn_benchmark": False,
        "cudnn_allow_tf32": True,
        "matmul_precision": "highest",
        "mkldnn": True,
        "cpu_capability": "AVX2",
        "threads": 2,
        "flushes_denormals": False,
    },
    "state": {"load_average": [0.1, 0.2, 0.3], "governor": "performance", "gpu": None},
    "variables": {"OMP_NUM_THREADS": "2"},
}
GPU = {
    "name": "Example GPU",
    "memory_bytes": 24_000_000_000,
    "compute_capability": "9.0",
    "n_visible": 1,
}
SETTINGS = Settings(
    update_device="cpu",
    n_samples=8000,
    batch=1,
    dtype="float32",
    threads=2,
    seed=0,
    effort=Effort(3, 3, 1000.0, 0.0, budget_s=0.5, deadline_s=60.0),
)


PARTS_S = {name: [0.1] for name in ("zero_grad", "forward", "loss", "backward", "optimiser")}


def environment(**sections: Mapping[str, Any]) -> dict[str, Any]:
    """The example environment with fields of some sections replaced."""
    changed = {name: ENVIRONMENT[name] | dict(fields) for name, fields in sections.items()}
    return ENVIRONMENT | changed


def make_job(
    model: str = "dprnn",
    probe: ProbeName = "latency",
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
    job: Job,
    measurement: Mapping[str, Any] | None = None,
    environment: Mapping[str, Any] = ENVIRONMENT,
) -> Record:
    """A record that ended well."""
    return Record(
        job=job,
        status=Status.OK,
        reason="",
        measurement={} if measurement is None else measurement,
        environment=environment,
        started_at="2026-01-02T03:04:05+00:00",
        elapsed_s=1.25,
    )


def fail(record: Record, status: Status, reason: str) -> Record:
    """The same cell, not measured."""
    return replace(record, status=status, reason=reason, measurement={})


def measured(scale: float, job: Job) -> dict[str, Any]:
    """What a job's probe would have found: figures that grow with ``scale`` and the phase."""
    scale *= 3 if job.workload.phase == "update" else 1
    fields: dict[ProbeName, dict[str, Any]] = {
        "parameters": {
            "n_params": int(1_000_003 * scale),
            "n_trainable_params": int(1_000_003 * scale),
            "n_buffer_elements": 0,
            "weight_bytes": int(4_000_012 * scale),
        },
        "operations": {
            "macs": int(1_234_567_891 * scale),
            "flops": int(2_469_135_793 * scale),
            "unknown_operators": {},
            "counted_on": "meta",
        },
        "memory": {
            "floor_rss_bytes": 200_000_000,
            "peak_rss_bytes": int(300_000_007 * scale),
            "growth_rss_bytes": int(100_000_001 * scale),
            "memory_profiler_bytes": int(290_000_003 * scale),
            "peak_allocated_bytes": 4 * int(22_500_003 * scale),
            "weight_bytes": int(4_000_012 * scale),
            "gradient_bytes": int(4_000_008 * scale),
            "optimiser_bytes": int(8_000_016 * scale),
            "activation_bytes": int(74_000_000 * scale),
            "minimum_bytes": int(22_500_003 * scale),
        },
        "latency": {
            "first_time_s": 0.9 * scale,
            "warmup_times_s": [],
            "is_warmup_stable": False,
            "times_s": [(0.1 + 0.001 * job.round) * scale, 0.05 * scale, 7.0 * scale],
            "stopped_by": "budget",
            "contention": {"is_contended": [False] * 3, "reasons": []},
            **({"parts_s": PARTS_S} if job.workload.phase == "update" else {}),
        },
    }
    return fields[job.probe]


def complete_run(entries: Sequence[Entry] = TABLE1, settings: Settings = SETTINGS) -> list[Record]:
    """A run in which all went well: network number k costs k times the first."""
    scales = {entry.name: float(scale) for scale, entry in enumerate(entries, start=1)}
    scales[NULL.name] = 1e-5
    records: list[Record] = []
    while jobs := plan_next(entries, settings, records):
        records += [make_record(job, measured(scales[job.model], job)) for job in jobs]
    return records
