"""What ``import bench`` gives, and what it leaves for later."""

import subprocess
import sys
from pathlib import Path

import pytest

import bench

ROOT = Path(__file__).parents[2]


def loaded_by(code: str) -> set[str]:
    """The packages that a fresh Python has after some code."""
    report = "\nimport sys\nprint(*{name.partition('.')[0] for name in sys.modules})"
    fresh = subprocess.run(
        [sys.executable, "-c", code + report], cwd=ROOT, capture_output=True, text=True, check=True
    )
    return set(fresh.stdout.split())


HEAVY = {"torch", "pandas", "numpy", "matplotlib", "rich", "msgspec", "psutil"}


def test_importing_it_loads_nothing_heavy() -> None:
    assert loaded_by("import bench").isdisjoint(HEAVY)


@pytest.mark.parametrize(
    ("name", "without"),
    [("measure", {"torch", "pandas"}), ("load", {"torch"}), ("count", {"pandas"})],
)
def test_each_name_loads_what_it_needs(name: str, without: set[str]) -> None:
    """The process that has others measure never holds torch."""
    assert loaded_by(f"import bench\nbench.{name}").isdisjoint(without)


def test_its_names_are_there_and_no_others() -> None:
    assert {"count", "measure", "Options", "load"} <= set(dir(bench))
    assert all(callable(getattr(bench, name)) for name in bench.__all__)
    with pytest.raises(AttributeError, match="module 'bench' has no attribute 'speed'"):
        bench.speed  # noqa: B018
