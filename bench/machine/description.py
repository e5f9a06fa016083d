"""The machine and the code, as far as they can be described without torch."""

import hashlib
import os
import platform
import subprocess
from collections.abc import Callable, MutableMapping
from contextlib import suppress
from functools import cache
from importlib import metadata
from pathlib import Path

import psutil

from bench.machine.attempt import attempt
from bench.machine.kernel_files import read_number, read_numbers, read_text
from bench.results.environment import Code, GpuDevice, Machine

CGROUP_QUOTA = Path("/sys/fs/cgroup/cpu.max")
CPU_INFO = Path("/proc/cpuinfo")
SYSTEM = Path("/sys/devices/system")
PACKAGES = ("torch", "numpy", "asteroid", "asteroid-filterbanks")
OF_THE_ZOO = ("bs-roformer", "demucs", "speechbrain")
SOURCES = ("bench", "models", "baselines")


def available_cpus() -> int:
    """Processors this process may use: its affinity, cut to the cgroup's quota; at least 1."""
    if hasattr(os, "sched_getaffinity"):
        n_cpus = len(os.sched_getaffinity(0))
    else:
        n_cpus = os.cpu_count() or 1
    quota, period = _cgroup_quota()
    return max(1, min(n_cpus, int(quota // period))) if quota else n_cpus


def _cgroup_quota() -> tuple[int | None, int]:
    """Microseconds of processor time for each period of microseconds; None is no limit."""
    try:
        quota, period = CGROUP_QUOTA.read_text().split()
        return (None if quota == "max" else int(quota)), int(period)
    except (OSError, ValueError):
        return None, 1


def describe_machine(
    gpu: GpuDevice | None = None, problems: MutableMapping[str, str] | None = None
) -> Machine:
    """Hardware and operating system, which last. What changes while it runs is in ``state.py``.

    What can't be read is None, and ``problems`` gains why.
    """
    problems = {} if problems is None else problems
    quota, period = _cgroup_quota()
    return Machine(
        cpu=_cpu_name(),
        n_cpus=os.cpu_count(),
        n_available_cpus=available_cpus(),
        memory_bytes=attempt(problems, "memory_bytes", lambda: psutil.virtual_memory().total),
        architecture=platform.machine(),
        system=f"{platform.system()} {platform.release()}",
        gpu=gpu,
        quota_cpus=quota / period if quota else None,
        is_smt_on=_is_smt_on(),
        n_numa_nodes=len(list((SYSTEM / "node").glob("node[0-9]*"))) or None,
        is_virtual=_is_virtual(),
        cpu_frequency_min_hz=_frequency_limit("min", min),
        cpu_frequency_max_hz=_frequency_limit("max", max),
    )


def _cpu_name() -> str:
    return _cpu_fields().get("model name") or platform.processor() or platform.machine()


def _cpu_fields() -> dict[str, str]:
    """The last processor's lines of /proc/cpuinfo."""
    lines = (read_text(CPU_INFO) or "").splitlines()
    fields = dict(line.split(":", 1) for line in lines if ":" in line)
    return {key.strip(): value.strip() for key, value in fields.items()}


def _is_virtual() -> bool | None:
    """Whether a hypervisor announces itself to the processor's user (x86 only)."""
    flags = _cpu_fields().get("flags")
    return None if flags is None else "hypervisor" in flags.split()


def _is_smt_on() -> bool | None:
    """Whether two or more of the processors share a core, as far as the kernel sees."""
    active = read_number(SYSTEM / "cpu/smt/active")
    return None if active is None else active == 1


def _frequency_limit(end: str, choose: Callable[[list[int]], int]) -> float | None:
    """The lowest or the highest clock that the hardware has; the kernel counts in kHz."""
    limits = read_numbers(SYSTEM / "cpu", f"cpu[0-9]*/cpufreq/cpuinfo_{end}_freq")
    return 1e3 * choose(limits) if limits else None


def describe_versions() -> dict[str, str]:
    """Versions of Python and of the packages that a value depends on; absent ones are named.

    Those of the zoo alone only where they are there.
    """
    versions = {"python": platform.python_version()}
    for package in PACKAGES:
        try:
            versions[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            versions[package] = "not installed"
    for package in OF_THE_ZOO:
        with suppress(metadata.PackageNotFoundError):
            versions[package] = metadata.version(package)
    return versions


@cache
def describe_code() -> Code:
    """The commit of this project's code, whether its sources differ from it, and their hash."""
    root = Path(__file__).parents[2]
    commit = _git(root, "rev-parse", "HEAD")
    changes = _git(root, "status", "--porcelain", "--", *SOURCES)
    return Code(commit or "unknown", bool(changes), _hash_sources(root))


def _hash_sources(root: Path) -> str:
    """Of the names and contents of all modules, so that equal hashes mean equal code."""
    digest = hashlib.sha256()
    for path in sorted(path for package in SOURCES for path in (root / package).rglob("*.py")):
        digest.update(f"{path.relative_to(root)}\0{path.stat().st_size}\0".encode())
        digest.update(path.read_bytes())
    return digest.hexdigest()


def _git(root: Path, *arguments: str) -> str:
    """What git answers, or nothing where this is no repository or there is no git."""
    command = ["git", "-C", str(root), *arguments]
    # A plain install may lie in a repository of the user's, which says nothing about this code.
    not_above = os.environ | {"GIT_CEILING_DIRECTORIES": str(root.parent)}
    try:
        run = subprocess.run(
            command, env=not_above, capture_output=True, text=True, check=True, timeout=30
        )
    except (OSError, subprocess.SubprocessError):
        return ""
    return run.stdout.strip()
