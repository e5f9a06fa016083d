"""Counters of energy: which are found, what two readings say, and why there is none."""

import math
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.machine.energy import EnergyCounter, Register, board_counter, find_packages
from bench.machine.gpu import Gpu
from tests.bench.machine.powercap import write_zone


@given(
    starts=st.lists(st.integers(0, 99), min_size=1, max_size=4),
    steps=st.lists(st.integers(0, 99), min_size=4, max_size=4),
)
def test_what_is_spent_is_what_was_added_wherever_a_register_begins_again(
    starts: list[int], steps: list[int]
) -> None:
    registers = [Register(lambda: None, reach_j=100.0) for _ in starts]
    counter = EnergyCounter("made up", tuple(registers))
    before = tuple(float(start) for start in starts)
    after = tuple(float((start + step) % 100) for start, step in zip(starts, steps, strict=False))
    assert counter.spent_j(before, after) == sum(steps[: len(starts)])


def test_a_counter_that_was_set_back_says_nothing() -> None:
    """Unlike one that begins again where it is known to."""
    counter = EnergyCounter("of a driver", (Register(lambda: 0.0),))
    assert counter.spent_j((3.0,), (5.0,)) == 2.0
    assert counter.spent_j((5.0,), (3.0,)) is None
    assert counter.spent_j(None, (3.0,)) is None
    assert counter.spent_j((3.0,), None) is None


def test_a_counter_with_a_register_that_is_silent_is_silent() -> None:
    counter = EnergyCounter("two", (Register(lambda: 1.0), Register(lambda: None)))
    assert counter.read() is None


def test_packages_are_added_and_nothing_that_is_part_of_them_or_contains_them(
    tmp_path: Path,
) -> None:
    write_zone(tmp_path, "intel-rapl:0", 9_000_000)
    write_zone(tmp_path, "intel-rapl:10", 2_000_000)
    write_zone(tmp_path, "intel-rapl:1", 4_000_000, "psys")
    write_zone(tmp_path, "intel-rapl:0:0", 1_000_000, "core")
    write_zone(tmp_path, "intel-rapl:0:1", 1_000_000, "dram")
    write_zone(tmp_path, "intel-rapl-mmio:0", 9_000_000, "package-0")  # the same once more
    counter = find_packages(tmp_path).counter
    assert counter is not None
    assert counter.name == "RAPL package-0 + package-10"
    assert counter.read() == (9.0, 2.0)
    assert [register.reach_j for register in counter.registers] == [10.0, 10.0]


def test_a_counter_without_a_known_end_does_not_begin_again(tmp_path: Path) -> None:
    write_zone(tmp_path, "intel-rapl:0", 5)
    (tmp_path / "intel-rapl:0" / "max_energy_range_uj").write_text("")
    counter = find_packages(tmp_path).counter
    assert counter is not None
    assert counter.registers[0].reach_j == math.inf


def test_without_a_package_it_is_said_where_one_was_looked_for(tmp_path: Path) -> None:
    write_zone(tmp_path, "intel-rapl:0", 4_000_000, "psys")
    for folder in (tmp_path, tmp_path / "nowhere"):
        found = find_packages(folder)
        assert found.counter is None
        assert f"({folder} has no package of RAPL)" in found.reason
        assert found.remedy == ""


def test_what_only_root_may_read_is_named_with_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One of two that is locked is none: half of a machine is not its energy."""
    write_zone(tmp_path, "intel-rapl:0", 1)
    write_zone(tmp_path, "intel-rapl:1", 1)
    locked = tmp_path / "intel-rapl:1" / "energy_uj"
    monkeypatch.setattr(os, "access", lambda path, mode: path != locked)
    found = find_packages(tmp_path)
    assert found.counter is None
    assert found.reason.startswith("Only root may read the counter of the processor's energy")
    assert str(locked) in found.reason
    assert "CVE-2020-8694" in found.reason
    assert found.remedy.startswith(f"sudo chmod a+r {locked} (")


def test_a_counter_that_gives_no_number_is_silent(tmp_path: Path) -> None:
    write_zone(tmp_path, "intel-rapl:0", 1)
    (tmp_path / "intel-rapl:0" / "energy_uj").write_text("")
    found = find_packages(tmp_path)
    assert found.counter is None
    assert "is silent" in found.reason


def test_a_board_is_one_register_without_an_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Gpu, "total_energy_j", lambda gpu: 12.5)
    counter = board_counter(Gpu(nvml=None, handle=None))
    assert counter.read() == (12.5,)
    assert counter.spent_j((12.5,), (20.0,)) == 7.5
