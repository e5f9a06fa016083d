"""From readings of a machine to what makes it unfit for measuring: a pure function.

Thresholds are in the functions; what a machine does not tell is a finding of its own, never "ok".
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from bench.machine.energy import PackageSearch
from bench.machine.finding import Finding, Severity, ok, unknown
from bench.machine.gpu_fitness import find_gpu_faults
from bench.machine.malloc_fitness import find_malloc_fault
from bench.machine.thread_fitness import NEIGHBOUR_COSTS, find_thread_faults
from bench.machine.trial import Trial
from bench.results.contention import Contention
from bench.results.environment import Environment, GpuReading, MachineState
from bench.units import format_si

BUSY_SHARE = 0.25  # of all processors: from here on unfit, below it a warning
LOW_MEMORY_BYTES = 4e9  # a training step of the largest network, with some to spare
NO_MEMORY_BYTES = 1e9  # not even Python, torch and a small network beside the system
SWAP_BYTES = 64e6  # less is what every long-running system puts away


@dataclass(frozen=True)
class Readings:
    """What is known of a machine before a run."""

    environment: Environment  # as a measuring process describes it
    state: MachineState
    load: Contention  # of a moment in which this program only waited
    variables: Mapping[str, str]  # of the environment that programs are started with
    trial: Trial
    missing_extras: Sequence[str]  # of this project's packages
    other_run: str | None  # that measures on this machine now
    unwritable: str | None  # why nothing can be written to the output folder
    packages: PackageSearch  # for the counter of their energy
    can_reset_peak: bool  # /proc/self/clear_refs takes a 5


def find_faults(readings: Readings) -> list[Finding]:
    """Everything that was looked at, in the order in which a reader would look."""
    machine, state = readings.environment.machine, readings.state
    return [
        _load(readings.load),
        _steal(readings.load),
        _governor(state.governor),
        _boost(state.is_boost_on),
        _heat(state.n_thermal_throttles),
        _virtual(machine.is_virtual),
        _quota(machine.quota_cpus, machine.n_cpus),
        *find_thread_faults(
            readings.variables, machine.n_available_cpus, readings.load, readings.trial
        ),
        find_malloc_fault(state.allocator, readings.variables, readings.trial),
        _memory(state.memory_available_bytes),
        _swap(state.swap_used_bytes),
        _preloaded(state.preloaded),
        _peak(readings.can_reset_peak),
        *find_gpu_faults(readings.state.gpu, readings.environment),
        _energy(readings.packages, readings.state.gpu),
        _other_run(readings.other_run),
        _packages(readings.missing_extras),
        _output(readings.unwritable),
    ]


def is_fit(findings: Sequence[Finding]) -> bool:
    """Whether to measure here; warnings allow it."""
    return all(finding.severity != Severity.UNFIT for finding in findings)


def _load(load: Contention) -> Finding:
    if load.n_busy_cpus is None or load.n_cpus is None:
        return unknown("load")
    found = f"others use {load.n_busy_cpus:.1f} of {load.n_cpus} processors"
    if not load.others_are_busy:
        return ok("load", found)
    return Finding(
        "load",
        Severity.UNFIT if load.n_busy_cpus > BUSY_SHARE * load.n_cpus else Severity.WARN,
        found,
        NEIGHBOUR_COSTS,
        "End what runs beside the benchmark (top shows it), use --threads 1, or "
        "export OMP_WAIT_POLICY=PASSIVE.",
    )


def _steal(load: Contention) -> Finding:
    if load.steal_s is None:
        return unknown("steal")
    found = f"{1000 * load.steal_s:.0f} ms taken in {1000 * load.wall_s:.0f} ms"
    if not load.is_stolen_from:
        return ok("steal", found)
    return Finding(
        "steal",
        Severity.UNFIT,
        found,
        "The hypervisor gives this machine's processors to others while a clock runs.",
        "Measure later, or on a machine with processors of its own.",
    )


def _governor(governor: str | None) -> Finding:
    if governor is None:
        return unknown("governor")
    if governor == "performance":
        return ok("governor", governor)
    return Finding(
        "governor",
        Severity.WARN,
        governor,
        "The clock follows the load, so the first calls of a process are slower.",
        "sudo cpupower frequency-set --governor performance",
    )


def _boost(is_on: bool | None) -> Finding:
    if is_on is None:
        return unknown("turbo")
    if not is_on:
        return ok("turbo", "off")
    return Finding(
        "turbo",
        Severity.WARN,
        "on",
        "The clock depends on heat and on how many processors are busy.",
        "echo 1 | sudo tee /sys/devices/system/cpu/intel_pstate/no_turbo (Intel) or "
        "echo 0 | sudo tee /sys/devices/system/cpu/cpufreq/boost",
    )


def _heat(n_throttles: int | None) -> Finding:
    if n_throttles is None:
        return unknown("heat")
    if n_throttles == 0:
        return ok("heat", "never slowed since boot")
    return Finding(
        "heat",
        Severity.WARN,
        f"slowed {n_throttles} times since boot",
        "A processor that gets hot lowers its clock in the middle of a measurement.",
        "Improve the cooling; lower the highest clock: sudo cpupower frequency-set --max 2GHz",
    )


def _other_run(run: str | None) -> Finding:
    if run is None:
        return ok("other runs", "none")
    return Finding(
        "other runs",
        Severity.UNFIT,
        f"{run} is measuring now",
        "Two runs at once measure each other; a second one is refused.",
        "Wait for its end, or end it.",
    )


def _virtual(is_virtual: bool | None) -> Finding:
    if is_virtual is None:
        return unknown("hypervisor")
    if not is_virtual:
        return ok("hypervisor", "none")
    return Finding(
        "hypervisor",
        Severity.WARN,
        "this is a virtual machine",
        "Neighbours share caches, memory and the clock, and no counter here shows it.",
        "Compare networks of one run by their ratios; repeat the run at another time.",
    )


def _quota(quota_cpus: float | None, n_cpus: int | None) -> Finding:
    if quota_cpus is None or (n_cpus is not None and quota_cpus >= n_cpus):
        return ok("quota", "all processors")
    return Finding(
        "quota",
        Severity.WARN,
        f"{quota_cpus:g} of {n_cpus or 'an unknown number of'} processors",
        "Threads that use it up stand still for the rest of each period (often 100 ms).",
        "Keep --threads at or below the quota, or start the container with more (--cpus).",
    )


def _memory(available_bytes: int | None) -> Finding:
    if available_bytes is None:
        return unknown("memory")
    found = f"{format_si(available_bytes, 'B')} available"
    if available_bytes >= LOW_MEMORY_BYTES:
        return ok("memory", found)
    return Finding(
        "memory",
        Severity.UNFIT if available_bytes < NO_MEMORY_BYTES else Severity.WARN,
        found,
        "The kernel ends a process that needs more, and drops its caches before that.",
        "End what holds memory (ps aux --sort=-rss shows it).",
    )


def _swap(used_bytes: int | None) -> Finding:
    if used_bytes is None:
        return unknown("swap")
    found = f"{format_si(used_bytes, 'B')} in use"
    if used_bytes <= SWAP_BYTES:
        return ok("swap", found)
    return Finding(
        "swap",
        Severity.WARN,
        found,
        "Memory was short; a page that comes back from disk costs as much as a forward.",
        "sudo swapoff --all (with enough free memory)",
    )


def _preloaded(libraries: Sequence[str]) -> Finding:
    if not libraries:
        return ok("LD_PRELOAD", "not set")
    return Finding(
        "LD_PRELOAD",
        Severity.WARN,
        ", ".join(libraries),
        "Another malloc or OpenMP changes times and peak memory; the record names it.",
        "unset LD_PRELOAD",
    )


def _peak(can_reset: bool) -> Finding:
    if can_reset:
        return ok("peak memory", "the kernel's high-water mark can be reset")
    return Finding(
        "peak memory",
        Severity.WARN,
        "/proc/self/clear_refs can't be written",
        "Peak memory on the CPU is read from the kernel, so its cells will say unsupported.",
        "Measure on Linux, in a container whose /proc is its own and writable.",
    )


def _energy(packages: PackageSearch, gpu: GpuReading | None) -> Finding:
    """Which counters of energy can be read; without any, --energy says why."""
    names = [packages.counter.name] if packages.counter else []
    names += ["NVML total energy"] if gpu and gpu.total_energy_j is not None else []
    if packages.remedy:
        return Finding(
            "energy",
            Severity.WARN,
            f"{' and '.join(names) or 'no counter'} can be read. {packages.reason}",
            "Only bench.run --energy and the energy of trainings need it.",
            packages.remedy,
        )
    if not names:
        return Finding("energy", Severity.UNKNOWN, packages.reason)
    return ok("energy", f"{' and '.join(names)} can be read")


def _packages(missing: Sequence[str]) -> Finding:
    if not missing:
        return ok("packages", "all optional ones are there")
    return Finding(
        "packages",
        Severity.WARN,
        f"without the extra{'s' if len(missing) > 1 else ''} {', '.join(missing)}",
        "What needs them is not measured (asteroid: Conv-TasNet and DPRNN) or not written (page).",
        f"pip install 'separation-bench[{','.join(missing)}]'",
    )


def _output(problem: str | None) -> Finding:
    if problem is None:
        return ok("output", "the folder can be written")
    return Finding(
        "output",
        Severity.UNFIT,
        problem,
        "Records are written one by one while a run goes on.",
        "Choose another folder with --output.",
    )
