"""The command on made-up rounds: who takes part, and what the table says of it."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from bench import pages
from bench.measuring.conductor import Player
from bench.results.measurements import LatencyTimes
from bench.results.record import Record, Status
from bench.results.store import read_records
from tests.bench.example_records import ENVIRONMENT, fail, make_record
from tests.bench.example_results import measured

Call = Callable[..., int]


@pytest.fixture
def broken() -> set[str]:
    """The networks that fail."""
    return set()


@pytest.fixture
def call(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, broken: set[str]) -> Call:
    """The command; with the default malloc everything takes half as long again."""

    def measure_round(players: Sequence[Player]) -> Iterator[Record]:
        for player in players:
            slow_down = 1.0 if player.job.workload.keeps_pages else 1.5
            result = measured(slow_down, player.job)
            assert isinstance(result, LatencyTimes)
            faults = tuple(int(1000 * (slow_down - 1)) for _ in result.times_s)
            record = make_record(player.job, replace(result, page_faults=faults))
            yield fail(record, Status.OOM, "Full.") if player.job.model in broken else record

    monkeypatch.setattr(pages, "measure_round", measure_round)
    monkeypatch.setattr(pages, "prepare_measuring", lambda entries, threads: ENVIRONMENT)
    return lambda *arguments: pages.main(["--output", str(tmp_path), *arguments])


def test_each_network_has_a_process_of_both_kinds_in_each_round(call: Call, tmp_path: Path) -> None:
    sizes = [f"sudormrf-{size}x" for size in ("1.0", "0.5", "0.25")]
    assert call("--models", *sizes, "--threads", "2") == 0
    (path,) = (tmp_path / "records" / "pages").glob("*.jsonl")
    jobs = [record.job for record in read_records(path).records]
    cells = {(job.model, job.round, job.workload.keeps_pages) for job in jobs}
    assert len(cells) == len(jobs) == 3 * 3 * 2
    assert {job.workload.threads for job in jobs} == {2}


def test_the_table_says_what_the_default_costs(call: Call, tmp_path: Path) -> None:
    assert call("--models", "sudormrf-0.5x") == 0
    (row,) = [line for line in (tmp_path / "pages.md").read_text().splitlines() if "0.5x" in line]
    cells = [cell.strip() for cell in row.split("|")]
    assert any(cell.startswith("1.5") for cell in cells)
    assert "500" in cells
    assert "0" in cells


def test_a_network_that_fails_is_named_and_the_others_have_their_rows(
    call: Call, tmp_path: Path, broken: set[str], capsys: pytest.CaptureFixture[str]
) -> None:
    broken.add("demucs")
    assert call("--models", "demucs", "dprnn") == 1
    assert "demucs: oom: Full." in capsys.readouterr().err
    text = (tmp_path / "pages.md").read_text()
    assert "| DPRNN |" in text
    assert "| Demucs |" not in text
