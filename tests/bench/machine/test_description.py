"""What the machine is: read from made-up files, and sane for the real one."""

import os
import platform
import re
import socket
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from bench.machine import description as machine
from bench.results.environment import Code
from tests.bench.example_records import GPU


@pytest.fixture
def quota(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "cpu.max"
    monkeypatch.setattr(machine, "CGROUP_QUOTA", path)
    return path


@pytest.fixture
def six_processors(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda process: set(range(6)), raising=False)


@pytest.mark.usefixtures("six_processors")
@pytest.mark.parametrize(
    ("content", "n_cpus"),
    [
        ("max 100000\n", 6),
        ("200000 100000\n", 2),
        ("150000 100000\n", 1),
        ("50000 100000\n", 1),
        ("900000 100000\n", 6),
        ("nonsense\n", 6),
        ("", 6),
    ],
)
def test_processors_are_cut_to_the_quota(quota: Path, content: str, n_cpus: int) -> None:
    quota.write_text(content)
    assert machine.available_cpus() == n_cpus


@pytest.mark.usefixtures("six_processors", "quota")
def test_without_a_cgroup_the_affinity_counts() -> None:
    assert machine.available_cpus() == 6


@pytest.mark.usefixtures("quota")
def test_without_affinity_all_processors_count(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(os, "sched_getaffinity", raising=False)
    monkeypatch.setattr(os, "cpu_count", lambda: 5)
    assert machine.available_cpus() == 5
    monkeypatch.setattr(os, "cpu_count", lambda: None)
    assert machine.available_cpus() == 1


def test_this_machine() -> None:
    described = machine.describe_machine()
    assert described.n_cpus is not None
    assert 1 <= described.n_available_cpus <= described.n_cpus
    assert (described.memory_bytes or 0) > 100 * 2**20
    assert described.cpu.strip()
    assert described.architecture
    assert described.system
    assert described.gpu is None
    assert machine.describe_machine(GPU).gpu == GPU


def test_nothing_names_the_host() -> None:
    """Records are published."""
    host = socket.gethostname()
    values = vars(machine.describe_machine()).values()
    names = [value for value in values if isinstance(value, str)]
    assert names
    assert all(not re.search(rf"\b{re.escape(host)}\b", name) for name in names)


@pytest.mark.parametrize(
    ("content", "name"),
    [
        (
            "processor\t: 0\nmodel name\t: Fast: CPU @ 3 GHz\n\nprocessor\t: 1\n",
            "Fast: CPU @ 3 GHz",
        ),
        ("processor\t: 0\nBogoMIPS\t: 50\n", None),
        (None, None),
    ],
)
def test_the_processors_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: str | None, name: str | None
) -> None:
    monkeypatch.setattr(machine, "CPU_INFO", tmp_path / "cpuinfo")
    if content is not None:
        (tmp_path / "cpuinfo").write_text(content)
    assert machine.describe_machine().cpu == (name or platform.processor() or platform.machine())


@pytest.fixture
def system(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(machine, "SYSTEM", tmp_path)
    monkeypatch.setattr(machine, "CPU_INFO", tmp_path / "cpuinfo")
    return tmp_path


@pytest.mark.usefixtures("quota")
def test_lasting_facts_of_the_hardware(system: Path, quota: Path) -> None:
    files = {
        "cpuinfo": "processor : 0\nflags : fpu hypervisor sse\n",
        "cpu/smt/active": "1\n",
        "cpu/cpu0/cpufreq/cpuinfo_min_freq": "800000\n",
        "cpu/cpu1/cpufreq/cpuinfo_min_freq": "400000\n",
        "cpu/cpu0/cpufreq/cpuinfo_max_freq": "3000000\n",
        "cpu/cpu1/cpufreq/cpuinfo_max_freq": "5000000\n",
        "node/node0/cpulist": "0\n",
        "node/node1/cpulist": "1\n",
        "node/possible": "0-1\n",
    }
    for name, content in files.items():
        (system / name).parent.mkdir(parents=True, exist_ok=True)
        (system / name).write_text(content)
    quota.write_text("150000 100000\n")
    described = machine.describe_machine()
    assert described.quota_cpus == 1.5
    assert described.is_smt_on is True
    assert described.is_virtual is True
    assert described.n_numa_nodes == 2
    assert described.cpu_frequency_min_hz == 4e8
    assert described.cpu_frequency_max_hz == 5e9


@pytest.mark.usefixtures("system", "quota")
def test_what_the_machine_does_not_tell_is_none() -> None:
    described = machine.describe_machine()
    hidden = "quota_cpus is_smt_on is_virtual n_numa_nodes cpu_frequency_min_hz".split()
    assert [getattr(described, name) for name in hidden] == [None] * 5


@pytest.mark.parametrize(("flags", "is_virtual"), [("fpu hypervisor", True), ("fpu sse", False)])
def test_a_hypervisor_is_a_flag_of_its_own(system: Path, flags: str, is_virtual: bool) -> None:
    (system / "cpuinfo").write_text(f"processor : 0\nflags : {flags}\n")
    assert machine.describe_machine().is_virtual is is_virtual


def test_versions_name_what_is_absent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine, "PACKAGES", ("pytest", "package-that-nobody-has"))
    assert machine.describe_versions() == {
        "python": platform.python_version(),
        "pytest": pytest.__version__,
        "package-that-nobody-has": "not installed",
    }


@pytest.mark.parametrize(
    ("answers", "described"),
    [
        (("abc123", ""), Code("abc123", is_modified=False)),
        (("abc123", " M bench/run.py"), Code("abc123", is_modified=True)),
        (("", ""), Code("unknown", is_modified=False)),
    ],
)
def test_the_code(
    monkeypatch: pytest.MonkeyPatch, answers: tuple[str, str], described: Code
) -> None:
    commit, changes = answers
    monkeypatch.setattr(
        machine, "_git", lambda root, command, *rest: commit if command == "rev-parse" else changes
    )
    machine.describe_code.cache_clear()
    try:
        assert replace(machine.describe_code(), sources_sha256=None) == described
    finally:
        machine.describe_code.cache_clear()


def test_sources_have_equal_hashes_when_names_and_contents_are_equal(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def hash_of(*modules: tuple[str, str]) -> object:
        for path, content in modules:
            (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / path).write_text(content)
        machine.describe_code.cache_clear()
        return machine.describe_code().sources_sha256

    monkeypatch.setattr(machine, "__file__", str(tmp_path / "bench" / "measuring" / "machine.py"))
    try:
        first = hash_of(("bench/a.py", "x = 1"), ("models/b.py", ""))
        assert hash_of(("README.md", "not code")) == first
        assert hash_of(("bench/a.py", "x = 2")) != first
        assert hash_of(("bench/a.py", "x = 1")) == first
        assert hash_of(("bench/c.py", "")) != first
    finally:
        machine.describe_code.cache_clear()


def test_without_git_the_commit_is_unknown(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    machine.describe_code.cache_clear()
    try:
        assert machine.describe_code().commit == "unknown"
    finally:
        machine.describe_code.cache_clear()


def test_a_repository_that_it_is_installed_into_is_not_its_own(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    identity = ("-c", "user.name=A", "-c", "user.email=a@example.org")
    for command in (("init",), (*identity, "commit", "--allow-empty", "--message", "theirs")):
        subprocess.run(["git", *command], cwd=tmp_path, check=True, capture_output=True)
    for root, is_own in ((tmp_path, True), (tmp_path / "site-packages", False)):
        monkeypatch.setattr(machine, "__file__", str(root / "bench" / "machine" / "description.py"))
        root.mkdir(exist_ok=True)
        machine.describe_code.cache_clear()
        try:
            assert (machine.describe_code().commit != "unknown") == is_own
        finally:
            machine.describe_code.cache_clear()
