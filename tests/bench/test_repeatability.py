"""The command on made-up runs: what it refuses, and what it says where nothing was measured."""

from collections.abc import Callable, Generator, Iterable
from contextlib import nullcontext
from pathlib import Path

import pytest

from bench import command, repeatability
from bench.results.environment import Environment
from bench.results.record import Job, Record, Status
from bench.results.store import read_records
from tests.bench.example_records import ENVIRONMENT, fail, make_record, measured

OWN = "tests.fault_models:healthy"
Call = Callable[..., int]


@pytest.fixture
def broken() -> set[str]:
    """The networks that fail."""
    return set()


@pytest.fixture
def call(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, broken: set[str]) -> Call:
    """The command in two runs of two rounds, with measuring replaced by made-up records."""

    def run_jobs(jobs: Iterable[Job], environment: Environment) -> Generator[Record, None, None]:
        for job in jobs:
            record = make_record(job, measured(1.5, job), environment)
            yield fail(record, Status.TIMEOUT, "Slow.") if job.model in broken else record

    monkeypatch.setattr(command, "run_jobs", run_jobs)
    monkeypatch.setattr(repeatability, "prepare_measuring", lambda entries, threads: ENVIRONMENT)
    monkeypatch.setattr(repeatability, "burner", lambda is_wanted: nullcontext())
    options = ["--runs", "2", "--rounds", "2", "--output", str(tmp_path / "out")]
    return lambda *arguments: repeatability.main([*options, *arguments])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--runs", "1"], "--runs must be at least 2, not 1."),
        (["--rounds", "0"], "--rounds must be at least 1, not 0."),
        (["--base", "all"], "--base must name one network, and 'all' names 7."),
    ],
)
def test_what_gives_no_spread_is_refused_before_anything_is_measured(
    call: Call,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    arguments: list[str],
    message: str,
) -> None:
    assert call(*arguments) == 2
    assert message in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_networks_of_ones_own_are_named_by_their_path(call: Call, tmp_path: Path) -> None:
    assert call("--models", OWN) == 0
    text = (tmp_path / "out" / "repeatability.md").read_text()
    for condition in ("quiet", "loaded"):
        assert f"| {OWN} / SuDoRM-RF 1.0x | {condition} |" in text


def test_a_network_that_always_fails_leaves_a_sentence_beside_the_others_rows(
    call: Call, tmp_path: Path, broken: set[str], capsys: pytest.CaptureFixture[str]
) -> None:
    broken.add("conv-tasnet")
    assert call("--models", "conv-tasnet", "dprnn") == 1
    assert "conv-tasnet: timeout: Slow." in capsys.readouterr().err
    text = (tmp_path / "out" / "repeatability.md").read_text()
    assert "| DPRNN / SuDoRM-RF 1.0x | quiet |" in text
    assert "Conv-TasNet / SuDoRM-RF 1.0x, quiet: fewer than two runs" in text


def test_where_all_fail_the_records_stay_and_a_sentence_says_so(
    call: Call, tmp_path: Path, broken: set[str], capsys: pytest.CaptureFixture[str]
) -> None:
    broken |= {"dprnn", "sudormrf-1.0x"}
    assert call("--models", "dprnn") == 1
    assert "Nothing could be measured" in capsys.readouterr().err
    files = list((tmp_path / "out" / "records").rglob("*.jsonl"))
    assert [len(read_records(path).records) for path in files] == [4] * 4
    assert not (tmp_path / "out" / "repeatability.md").exists()
