"""Peaks of known size: 100 MiB are reported as 100 +- 2 MiB by each of the two instruments."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch

from bench.measure.contract import CellError
from bench.measure.isolate import run_jobs
from bench.measure.probes import memory
from bench.results.record import Record, Status
from tests.bench.example_records import make_job

MIB = 2**20
ROOT = Path(__file__).parents[4]
on_linux = pytest.mark.skipif(
    not Path("/proc/self/clear_refs").exists(), reason="this kernel does not reset peaks"
)


@pytest.fixture(scope="module")
def records() -> Iterator[Mapping[str, Record]]:
    """Of real processes: a network, and one that holds 100 MiB more during its forward."""
    jobs = [
        replace(
            make_job(
                name, "memory", factory=f"tests.fault_models:{name}", n_samples=400, threads=1
            ),
            budget_s=0.0,
        )
        for name in ("healthy", "allocates_100_mib")
    ]
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(ROOT)
        yield {record.job.model: record for record in run_jobs(jobs)}


@on_linux
@pytest.mark.parametrize("field", ["growth_rss_bytes", "peak_allocated_bytes"])
def test_100_mib_are_100_mib(records: Mapping[str, Record], field: str) -> None:
    without, with_block = (records[name].measurement for name in ("healthy", "allocates_100_mib"))
    assert abs(with_block[field] - 100 * MIB) <= 2 * MIB
    assert without[field] <= 2 * MIB
    assert abs(with_block[field] - without[field] - 100 * MIB) <= 2 * MIB


@on_linux
def test_the_peak_is_floor_and_growth(records: Mapping[str, Record]) -> None:
    for record in records.values():
        found = record.measurement
        assert found["peak_rss_bytes"] == found["floor_rss_bytes"] + found["growth_rss_bytes"]
        assert found["floor_rss_bytes"] > 20 * MIB  # Python and torch themselves


@on_linux
@pytest.mark.parametrize("n_mib", [5, 64])
def test_the_allocators_peak_is_exact_and_not_the_sum(n_mib: int) -> None:
    def run() -> None:
        for _ in range(3):
            first = torch.empty(n_mib * MIB, dtype=torch.uint8)
            second = torch.empty(n_mib * MIB, dtype=torch.uint8)
            del first, second

    assert memory.measure_peak_allocated(run) == 2 * n_mib * MIB


def test_what_was_held_before_does_not_count() -> None:
    held = [torch.empty(8 * MIB, dtype=torch.uint8)]
    assert memory.measure_peak_allocated(held.clear) == 0


@on_linux
def test_a_peak_of_the_past_is_forgotten() -> None:
    torch.ones(64 * MIB, dtype=torch.uint8)
    found = memory.measure_peak_resident(lambda: None)
    assert found["growth_rss_bytes"] <= 2 * MIB


def test_the_resident_set_is_read_in_bytes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "PROCESS_STATUS", tmp_path / "status")
    (tmp_path / "status").write_text("Name:\tpython\nVmHWM:\t    2048 kB\nVmRSS:\t    1024 kB\n")
    assert memory.read_resident_bytes("VmRSS") == MIB
    assert memory.read_resident_bytes("VmHWM") == 2 * MIB
    with pytest.raises(KeyError, match="VmSwap"):
        memory.read_resident_bytes("VmSwap")


def test_a_kernel_without_the_switch_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(memory, "CLEAR_REFS", tmp_path / "absent" / "clear_refs")
    with pytest.raises(CellError, match="does not reset the peak of a process") as refused:
        memory.reset_peak()
    assert refused.value.status == Status.UNSUPPORTED


def test_a_peak_below_the_floor_is_no_negative_growth(monkeypatch: pytest.MonkeyPatch) -> None:
    """The kernel's two counters are not read in the same instant."""
    sizes = SimpleNamespace(VmRSS=100, VmHWM=90)
    monkeypatch.setattr(memory, "reset_peak", lambda: None)
    monkeypatch.setattr(memory, "read_resident_bytes", lambda field: getattr(sizes, field))
    assert memory.measure_peak_resident(lambda: None)["growth_rss_bytes"] == 0
