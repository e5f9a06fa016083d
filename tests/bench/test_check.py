"""The command on made-up measurements: its endings, forms and files."""

import json
from collections.abc import Callable, Generator, Iterable
from pathlib import Path

import pytest

from bench import check, command
from bench.results.measurements import LatencyTimes
from bench.results.record import Job, Record, Status
from bench.results.store import read_records
from tests.bench.example_records import fail, make_job, make_record, measured

Call = Callable[..., int]
BUDGETS = """
[[budget]]
models = "dprnn"
macs = {macs}
"""


@pytest.fixture
def call(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Call:
    """The command on a budget of so many MACs, in an environment without GitHub."""
    for variable in ("GITHUB_ACTIONS", "GITHUB_STEP_SUMMARY"):
        monkeypatch.delenv(variable, raising=False)

    def run_jobs(jobs: Iterable[Job]) -> Generator[Record, None, None]:
        yield from (make_record(job, measured(1.0, job)) for job in jobs)

    monkeypatch.setattr(command, "run_jobs", run_jobs)

    def call(*arguments: str, macs: object = 2e9) -> int:
        path = tmp_path / "budgets.toml"
        path.write_text(BUDGETS.format(macs=macs))
        return check.main(["--budgets", str(path), "--output", str(tmp_path / "out"), *arguments])

    return call


@pytest.mark.parametrize(("macs", "code", "verdict"), [(2e9, 0, "PASS"), (1e9, 1, "FAIL")])
def test_a_run_ends_with_its_verdict_and_keeps_its_records(
    call: Call,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    macs: float,
    code: int,
    verdict: str,
) -> None:
    assert call("--format", "json", macs=macs) == code
    printed = json.loads(capsys.readouterr().out)
    assert printed["verdict"] == printed["checks"][0]["verdict"] == verdict
    (path,) = (tmp_path / "out" / "records").iterdir()
    assert [record.job.probe for record in read_records(path).records] == ["operations"]


def test_an_open_verdict_has_a_code_of_its_own(call: Call, tmp_path: Path) -> None:
    path = tmp_path / "records.jsonl"
    append_record(path, make_record(make_job(threads=1), LatencyTimes((1.0,))))
    assert call("--records", str(path), macs="1\nmedian_s = 2") == 1  # the MACs are missing
    append_record(path, make_record(make_job("dprnn", "operations"), {"macs": 1}))
    assert call("--records", str(path), macs="1\nmedian_s = 2") == 3


def test_stored_records_without_the_figure_fail(
    call: Call, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "records.jsonl"
    append_record(path, fail(make_record(make_job("dprnn", "operations")), Status.OOM, "No room."))
    with path.open("a") as file:
        file.write("torn {\n")
    assert call("--records", str(path)) == 1
    printed = capsys.readouterr()
    assert "no figure: oom: No room." in printed.out
    assert "line 2, is left out" in printed.err


@pytest.mark.parametrize(
    ("macs", "records"), [("nan", None), ("[", None), (1, "nowhere.jsonl"), (1, "budgets.toml")]
)
def test_what_can_not_be_checked_is_an_error_and_no_verdict(
    call: Call,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    macs: object,
    records: str | None,
) -> None:
    arguments = ["--records", str(tmp_path / records)] if records else []
    assert call(*arguments, macs=macs) == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    assert "error: " in printed.err


def test_github_has_its_annotation_and_summary(
    call: Call,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(tmp_path / "summary.md"))
    assert call("--format", "junit", macs=1) == 1
    printed = capsys.readouterr()
    assert printed.out.startswith("<?xml")
    assert "::error title=" in printed.err
    assert "| FAIL | dprnn | inference macs |" in (tmp_path / "summary.md").read_text()
