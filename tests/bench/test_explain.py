"""The command on real, tiny networks: what it writes, and what it says where it can't."""

import gzip
import json
import subprocess
from pathlib import Path

import pytest

from bench import explain
from bench.gate.graft import N_ROUNDS
from bench.results.profile import Profile
from bench.results.record import Status, results_of
from bench.results.store import read_records

NETWORK = "tests.bench.measuring.profiling.networks:Chain"


AUTHOR = ("-c", "user.name=A", "-c", "user.email=a@example.org")
OWN_NETWORK = """
from torch import nn


class Own(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv1d(1, 2, {n_taps}, padding="same")

    def forward(self, mixture):
        return self.conv(mixture)
"""


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
    assert cells(text, "**All**")[3] == cells(text, "(all)")[5]  # multiply-adds
    data = json.loads(report.with_suffix(".json").read_text())["phases"]["inference"]
    macs = [dict(zip(data["columns"], row, strict=True))["macs"] for row in data["rows"]]
    assert data["macs"] == sum(macs) == 8000 * (6 + 3 * 36 + 12)
    assert data["peak_bytes"] == max(live for _, live in data["live_bytes"])
    printed = capsys.readouterr().out
    assert str(report) in printed
    assert "convolution" in printed


def test_stored_records_are_rendered_again_and_the_same(tmp_path: Path) -> None:
    assert call(tmp_path / "first", NETWORK, "--phase", "update") == 0
    (records,) = (tmp_path / "first" / "records" / "explain").glob("*.jsonl")
    assert call(tmp_path / "second", NETWORK, "--records", str(records)) == 0
    first, second = (tmp_path / name / "explain" for name in ("first", "second"))
    for path in first.glob("*.*"):
        assert path.read_bytes() == (second / path.name).read_bytes()
    assert len({path.suffix for path in second.iterdir()}) == 5


def test_two_networks_are_compared(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    wider = "tests.bench.measuring.profiling.networks:Wider"
    assert call(tmp_path, NETWORK, wider, "--phase", "inference") == 0
    (report,) = (tmp_path / "explain").glob("*-and-*.md")
    assert "1.01 M → 3.74 M" in report.read_text()  # 8000 samples of 126 and 468
    assert "What costs more in" in capsys.readouterr().out


@pytest.mark.thorough
def test_two_revisions_of_a_network_are_compared(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A user's own repository, whose network has three taps in the second revision."""
    repository = tmp_path / "own"
    repository.mkdir()
    monkeypatch.chdir(repository)
    for n_taps in (1, 3):
        (repository / "own_networks.py").write_text(OWN_NETWORK.format(n_taps=n_taps))
        for command in (["init", "-q"], ["add", "."], [*AUTHOR, "commit", "-qm", "A revision"]):
            subprocess.run(["git", *command], check=True)
    options = ["--model", "own_networks:Own", "--phase", "inference"]
    assert call(tmp_path, "HEAD~1", "HEAD", *options) == 0
    (report,) = (tmp_path / "explain").glob("*HEAD-1-and-HEAD.md")
    (whole,) = [line for line in report.read_text().splitlines() if "the whole step" in line]
    assert "16.0 k → 48.0 k" in whole  # multiply-adds: 8000 samples, two filters
    (path,) = (tmp_path / "records" / "explain").glob("*.jsonl")
    assert len(read_records(path).records) == 2 * N_ROUNDS


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
        (["HEAD", "--model", NETWORK], "REV1 REV2"),
        (["HEAD", "no-such-revision", "--model", NETWORK], "no-such-revision"),
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
