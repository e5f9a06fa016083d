"""A machine without a fault, and how a test gives it one."""

from dataclasses import replace
from typing import Any

from bench.machine.energy import EnergyCounter, PackageSearch
from bench.machine.finding import Severity
from bench.machine.fitness import Readings
from bench.machine.trial import Trial
from bench.results.contention import Contention
from bench.results.environment import Environment, GpuReading, MachineState
from tests.bench.example_records import GPU as SEEN_BY_TORCH
from tests.bench.example_records import environment

IDLE = Contention(
    wall_s=0.5,
    threads=1,
    n_cpus=4,
    wait_s=0.0,
    involuntary_switches=0,
    others_cpu_s=0.01,
    steal_s=0.0,
    pressure_s=0.0,
    n_others_running=0,
)
MACHINE = {
    "n_cpus": 4,
    "n_available_cpus": 4,
    "quota_cpus": None,
    "is_virtual": False,
    "gpu": SEEN_BY_TORCH,
}
STATE = MachineState(
    governor="performance",
    is_boost_on=False,
    n_thermal_throttles=0,
    memory_available_bytes=16_000_000_000,
    swap_used_bytes=0,
    allocator="libc",
    gpu=GpuReading(
        name="Example GPU",
        n_other_processes=0,
        memory_used_bytes=500_000_000,
        throttle_reasons=("idle",),
        is_persistent=True,
    ),
)


def described(cuda_build: str | None = "12.8", **changed: Any) -> Environment:
    """What a measuring process says of the fit machine, with some of its machine replaced."""
    return environment(machine=MACHINE | changed, torch={"cuda_build": cuda_build})


TRIAL = Trial(
    network="Network",
    threads=4,
    thread_gain=3.6,
    time_ratio=1.02,
    page_faults=6054.0,
    kept_page_faults=0.0,
)
COSTLY = replace(TRIAL, time_ratio=1.42)
KEPT = {"MALLOC_MMAP_MAX_": "0", "MALLOC_TRIM_THRESHOLD_": "1099511627776"}
FAILED = Trial("Network", threads=4, problem="The kernel did it.")
PACKAGES = PackageSearch(EnergyCounter("RAPL package-0", ()))
LOCKED = PackageSearch(None, "Only root may.", "sudo chmod a+r energy_uj")
FIT = Readings(
    environment=described(),
    state=STATE,
    load=IDLE,
    variables={"OMP_NUM_THREADS": "4", "MKL_NUM_THREADS": "many"},
    trial=TRIAL,
    missing_extras=(),
    other_run=None,
    unwritable=None,
    packages=PACKAGES,
    can_reset_peak=True,
)
OK, UNKNOWN, WARN, UNFIT = Severity.OK, Severity.UNKNOWN, Severity.WARN, Severity.UNFIT


def machine(**fields: Any) -> Readings:
    return replace(FIT, environment=described(**fields))


def state(**fields: Any) -> Readings:
    return replace(FIT, state=replace(STATE, **fields))


def gpu(**fields: Any) -> Readings:
    assert STATE.gpu is not None
    return state(gpu=replace(STATE.gpu, **fields))


def unusable(problem: str, **fields: Any) -> Readings:
    """A GPU that torch says something about."""
    return replace(FIT, environment=replace(described(**fields), problems={"cuda": problem}))


DESKTOP = {
    "n_other_processes": 3,
    "other_processes_bytes": 900_000_000,
    "n_other_graphics": 3,
    "other_graphics_bytes": 900_000_000,
    "other_graphics_share": 0.03,
    "memory_used_bytes": 1_400_000_000,
    "busy_share": 0.04,
}
"""A laptop's GPU with a screen on it: what a compositor, an X server and a browser hold."""


def load(**fields: Any) -> Readings:
    return replace(FIT, load=replace(IDLE, **fields))


def told(trial: Trial = TRIAL, **variables: str) -> Readings:
    return replace(FIT, variables=variables, trial=trial)


def told_one_processor(**variables: str) -> Readings:
    readings = machine(n_cpus=1, n_available_cpus=1)
    return replace(readings, variables=variables, trial=Trial("Network", 1, time_ratio=1.0))
