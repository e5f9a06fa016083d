"""The command on made-up measurements: its endings, forms and files."""

import json
from collections.abc import Callable, Generator, Iterable
from pathlib import Path

import pytest

from bench import check, command
from bench.registry import KNOWN, REGISTRY, Entry
from bench.results.environment import Environment
from bench.results.measurements import OperationCount
from bench.results.record import Job, Record, Status
from bench.results.store import RecordFile, read_records
from tests.bench.example_records import ENVIRONMENT, fail, make_job, make_latency, make_record
from tests.bench.example_results import measured

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

    def run_jobs(jobs: Iterable[Job], environment: Environment) -> Generator[Record, None, None]:
        yield from (make_record(job, measured(1.0, job), environment) for job in jobs)

    monkeypatch.setattr(command, "run_jobs", run_jobs)
    monkeypatch.setattr(check, "prepare_measuring", lambda entries, threads: ENVIRONMENT)

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
    file = RecordFile(path)
    file.append(make_latency(1.0, threads=1))
    assert call("--records", str(path), macs="1\nmedian_s = 2") == 1  # the MACs are missing
    file.append(make_record(make_job(probe="operations"), OperationCount(1, 2, {}, "meta")))
    assert call("--records", str(path), macs="1\nmedian_s = 2") == 3


def test_what_was_interrupted_and_measured_later_has_its_value(call: Call, tmp_path: Path) -> None:
    path = tmp_path / "records.jsonl"
    counted = make_record(make_job(probe="operations"), OperationCount(1, 2, {}, "meta"))
    for record in (fail(counted, Status.INTERRUPTED, "Ctrl-C."), counted):
        RecordFile(path).append(record)
    assert call("--records", str(path)) == 0


def test_a_round_that_failed_is_not_made_up_for_by_another(call: Call, tmp_path: Path) -> None:
    path = tmp_path / "records.jsonl"
    file = RecordFile(path)
    file.append(make_record(make_job(probe="operations"), OperationCount(1, 2, {}, "meta")))
    for number in range(5):
        file.append(make_latency(1.0, threads=1, round_index=number))
    assert call("--records", str(path), macs="1\nmedian_s = 2") in (0, 3)
    file.append(fail(make_latency(1.0, threads=1, round_index=5), Status.SEGFAULT, "Bad."))
    assert call("--records", str(path), macs="1\nmedian_s = 2") == 1


def test_stored_records_without_the_value_fail(
    call: Call, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "records.jsonl"
    failed = fail(make_record(make_job(probe="operations")), Status.OOM, "No room.")
    RecordFile(path).append(failed)
    with path.open("a") as file:
        file.write("torn {\n")
    assert call("--records", str(path)) == 1
    printed = capsys.readouterr()
    assert "no value: oom: No room." in printed.out
    assert "line 3, is left out" in printed.err


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


@pytest.mark.parametrize("limit", ["macs = 1e12", "median_s = 1e3"])
def test_a_network_of_two_sources_that_returns_seven_fails(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    limit: str,
) -> None:
    """For real: whatever a budget limits, it holds for a network that keeps its contract."""
    entry = Entry("seven", "Seven", "tests.fault_models:seven_sources", n_src=2)
    for table in (REGISTRY, KNOWN):
        monkeypatch.setitem(table, "seven", entry)
    budgets = tmp_path / "budgets.toml"
    budgets.write_text(f"[[budget]]\nmodels = 'seven'\nsamples = 400\n{limit}\n")
    options = ["--budgets", str(budgets), "--output", str(tmp_path / "out"), "--time", "0"]
    assert check.main(options) == 1
    said = capsys.readouterr().out
    assert "bad_shape: The network returned 7 sources; expected 2." in said
