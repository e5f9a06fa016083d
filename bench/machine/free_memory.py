"""Memory that a new process can have: what the kernel says, cut to the limits of control groups."""

import re
from pathlib import Path

from bench.machine.kernel_files import read_number, read_text

ROOT = Path("/")
FILES = {
    "": ("memory.max", "memory.current", "inactive_file"),
    "memory": ("memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file"),
}
"""By controller (none: version 2): the limit, what is used, and of that what can be let go."""


def free_memory_bytes(root: Path = ROOT) -> int | None:
    """Bytes that this process and its children can still take; None where the kernel is silent."""
    available = memory_sizes(root).get("MemAvailable")
    return None if available is None else max(0, min([available, *_free_in_groups(root)]))


def memory_sizes(root: Path = ROOT) -> dict[str, int]:
    """Bytes of the kinds of memory and swap that the kernel lists, by its names."""
    meminfo = read_text(root / "proc/meminfo") or ""
    return {name: int(kib) * 1024 for name, kib in re.findall(r"(\w+): +(\d+) kB", meminfo)}


def _free_in_groups(root: Path) -> list[int]:
    """What is left in each control group of this process, and in those around it."""
    free = []
    for line in (read_text(root / "proc/self/cgroup") or "").splitlines():
        _, controllers, path = line.split(":", 2)
        if controllers in FILES:
            group = root / "sys/fs/cgroup" / controllers
            folders = [group, *(group.joinpath(*parts) for parts in _prefixes(path))]
            free += [left for folder in folders if (left := _left(folder, controllers)) is not None]
    return free


def _prefixes(path: str) -> list[tuple[str, ...]]:
    parts = tuple(part for part in path.split("/") if part not in ("", ".."))
    return [parts[:length] for length in range(1, len(parts) + 1)]


def _left(folder: Path, controller: str) -> int | None:
    """None where the group has no limit, or is not to be seen from here."""
    limit_file, used_file, reclaimable = FILES[controller]
    limit, used = read_number(folder / limit_file), read_number(folder / used_file)
    if limit is None or used is None:
        return None
    rows = (line.split() for line in (read_text(folder / "memory.stat") or "").splitlines())
    kept = sum(int(row[1]) for row in rows if row[0] == reclaimable)
    return limit - used + kept
