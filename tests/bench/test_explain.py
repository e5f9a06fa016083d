"""The command on real, tiny networks: what it writes, and what it says where it can't."""

import gzip
import json
from pathlib import Path

import pytest

from bench import explain
from bench.results.profile import Profile
from bench.results.record import Status, results_of
from bench.results.store import read_records

NETWORK = "tests.bench.measuring.profiling.networks:Chain"


def call(folder: Path, *arguments: str) -> int:
    return explain.main(["--time", "0.01", "--output", str(folder), *arguments])


def cells(text: str, first: str) -> list[str]:
    (line,) = [line for line in text.splitlines() if line.startswith(f"| {first} |")]
    return [cell.strip() for cell in line.split("|")[1:-1]]


def test_one_command_writes_tables_and_data(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert call(tmp_path, NETWORK, "--phase", "inference") == 0
    (report,) = (tmp_path / "explain").glob("*.md")
    text = report.read_text()
    assert cells(text, "**All**")[3] == cells(text, "(all)")[4]  # multiply-adds
    data = json.loads(report.with_suffix(".json").read_text())["phases"]["inference"]
    macs = [dict(zip(data["columns"], row, strict=True))["macs"] for row in data["rows"]]
    assert data["macs"] == sum(macs) == 8000 * (6 + 3 * 36 + 12)
    assert data["peak_bytes"] == max(live for _, live in data["live_bytes"])
    printed = capsys.readouterr().out
    assert str(report) in printed
    assert "convolution" in printed


def test_a_network_that_fails_leaves_the_others_reports(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Killed in the middle: what was profiled is on disk, and the report says what happened."""
    killed = "tests.bench.measuring.profiling.networks:KilledInThirdCall"
    assert call(tmp_path, NETWORK, killed, "--phase", "inference") == 1
    (path,) = (tmp_path / "records" / "explain").glob("*.jsonl")
    records = read_records(path).records
    assert [record.job.model for record, _ in results_of(Profile, records)] == [NETWORK]
    assert records[-1].status == Status.KILLED
    (report,) = (tmp_path / "explain").glob("*Killed*.md")
    assert "## Inference: not profiled\n\nkilled: " in report.read_text()
    assert killed in capsys.readouterr().err


def test_a_trace_opens_as_chromes(tmp_path: Path) -> None:
    assert call(tmp_path, NETWORK, "--phase", "inference", "--trace") == 0
    (path,) = (tmp_path / "explain").glob("*-inference.trace.json.gz")
    events = json.loads(gzip.decompress(path.read_bytes()))["traceEvents"]
    names = {event.get("name") for event in events}
    assert {"aten::convolution", "bench.module/blocks.1.0", "bench.part/forward"} <= names


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["sudormrf-1x"], "Did you mean 'sudormrf-1.0x'?"),
        ([NETWORK, "--phase", "gpu_inference"], "does not run on --device cpu"),
        ([NETWORK, "--time", "-1"], "--time must be above 0 s"),
        ([NETWORK, "--device", "cuda"], "--device cuda: "),
    ],
)
def test_a_request_that_cant_be_met_writes_no_record(
    arguments: list[str], said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert call(tmp_path, *arguments) == 2
    assert said in capsys.readouterr().err
    assert not (tmp_path / "records").exists()


def test_a_folder_that_cant_be_written_is_found_before_the_run(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "explain").write_text("a file")
    assert call(tmp_path, NETWORK) == 2
    assert "explain can't be written" in capsys.readouterr().err
    assert not (tmp_path / "records").exists()
