"""Memory at hand: the machine's, cut to what control groups leave."""

from pathlib import Path

import pytest

from bench.machine.free_memory import free_memory_bytes


@pytest.fixture(autouse=True)
def available(tmp_path: Path) -> None:
    """The machine has 10 KiB."""
    write(tmp_path / "proc", meminfo="MemTotal: 20 kB\nMemAvailable: 10 kB")


def write(folder: Path, **files: object) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        (folder / name.replace("__", ".")).write_text(f"{text}\n")


def in_group(root: Path, line: str) -> None:
    write(root / "proc/self", cgroup=line)


def test_without_groups_it_is_what_the_kernel_has(tmp_path: Path) -> None:
    assert free_memory_bytes(tmp_path) == 10_240


@pytest.mark.parametrize(
    ("limit", "used", "inactive", "free"),
    [
        (4000, 1000, 0, 3000),
        (4000, 1000, 500, 3500),
        (4000, 5000, 0, 0),
        (40_000, 1000, 0, 10_240),
        ("max", 1000, 0, 10_240),
    ],
)
def test_a_group_of_version_2_limits_it(
    tmp_path: Path, limit: object, used: int, inactive: int, free: int
) -> None:
    in_group(tmp_path, "0::/user/job")
    stat = f"anon 1\ninactive_file {inactive}"
    group = tmp_path / "sys/fs/cgroup/user/job"
    write(group, memory__max=limit, memory__current=used, memory__stat=stat)
    assert free_memory_bytes(tmp_path) == free


def test_the_narrowest_of_the_groups_around_counts(tmp_path: Path) -> None:
    in_group(tmp_path, "0::/user/job")
    group = tmp_path / "sys/fs/cgroup/user"
    write(group, memory__max=3000, memory__current=1000)
    write(group / "job", memory__max=5000, memory__current=100)
    assert free_memory_bytes(tmp_path) == 2000


def test_in_a_container_the_limit_stands_at_the_top(tmp_path: Path) -> None:
    in_group(tmp_path, "0::/")
    write(tmp_path / "sys/fs/cgroup", memory__max=3000, memory__current=500)
    assert free_memory_bytes(tmp_path) == 2500


def test_a_group_of_version_1_limits_it(tmp_path: Path) -> None:
    in_group(tmp_path, "9:cpu,cpuacct:/job\n4:memory:/job")
    group = tmp_path / "sys/fs/cgroup/memory/job"
    write(group, memory__limit_in_bytes=3000, memory__usage_in_bytes=1000)
    write(group, memory__stat="total_inactive_file 200")
    assert free_memory_bytes(tmp_path) == 2200


def test_a_kernel_that_says_nothing(tmp_path: Path) -> None:
    (tmp_path / "proc/meminfo").unlink()
    assert free_memory_bytes(tmp_path) is None
