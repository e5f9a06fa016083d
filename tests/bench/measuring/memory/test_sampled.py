"""memory-profiler in a process of ours: one run, nothing left behind, and no need of it."""

import sys
from pathlib import Path

import psutil
import pytest
import torch

from bench.measuring.memory.sampled import measure_sampled

MIB = 2**20
pytestmark = pytest.mark.skipif(
    not Path("/proc/self/stat").exists(), reason="memory is measured on Linux only"
)


def test_it_runs_once_and_leaves_no_process() -> None:
    before = {process.pid for process in psutil.Process().children(recursive=True)}
    runs: list[str] = []
    found = measure_sampled(lambda: runs.append("run"))
    assert runs == ["run"]
    assert int(found.values["memory_profiler_bytes"]) > 20 * MIB
    assert {process.pid for process in psutil.Process().children(recursive=True)} == before


def test_what_is_still_held_at_the_end_is_seen() -> None:
    """The last sample is taken after the run, so that no luck is needed."""
    held: list[torch.Tensor] = []

    def hold() -> None:
        held.append(torch.ones(100 * MIB, dtype=torch.uint8))

    without, with_block = (
        int(measure_sampled(run).values["memory_profiler_bytes"]) for run in (lambda: None, hold)
    )
    assert abs(with_block - without - 100 * MIB) <= 2 * MIB


def test_an_error_of_the_run_comes_through_and_leaves_no_process() -> None:
    before = {process.pid for process in psutil.Process().children(recursive=True)}

    def fail() -> None:
        raise RuntimeError("The network's own.")

    with pytest.raises(RuntimeError, match=r"The network's own\."):
        measure_sampled(fail)
    assert {process.pid for process in psutil.Process().children(recursive=True)} <= before


def test_without_the_package_the_run_still_happens(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "memory_profiler", None)
    runs: list[str] = []
    found = measure_sampled(lambda: runs.append("run"))
    assert runs == ["run"]
    assert "pip install 'separation-bench[crosscheck]'" in found.notes["memory_profiler_bytes"]
    assert not found.values
