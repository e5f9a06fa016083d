"""The command on made-up runs: what it refuses, and what it says where nothing was measured."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import nullcontext
from pathlib import Path

import pytest

from bench import designs, repeatability
from bench.designs import run_design
from bench.measuring.conductor import Player
from bench.results.record import Record, Status
from bench.results.store import read_records
from tests.bench.example_records import ENVIRONMENT, fail, make_record
from tests.bench.example_results import measured

OWN = "tests.fault_models:healthy"
Call = Callable[..., int]


class Clock:
    """Stands still but for what the made-up rounds take."""

    now_s = 0.0

    def __call__(self) -> float:
        return self.now_s


@pytest.fixture
def broken() -> set[str]:
    """The networks that fail."""
    return set()


@pytest.fixture
def call(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, broken: set[str]) -> Call:
    """The command in two runs of each kind, with measuring replaced by made-up records."""
    clock = Clock()

    def measure_round(players: Sequence[Player], waits_for_quiet: bool = True) -> Iterator[Record]:
        clock.now_s += 10.0
        for player in players:
            record = make_record(player.job, measured(1.5, player.job), player.environment)
            is_broken = player.job.model in broken
            yield fail(record, Status.TIMEOUT, "Slow.") if is_broken else record

    monkeypatch.setattr(designs, "measure_round", measure_round)
    monkeypatch.setattr(run_design, "__defaults__", (clock,))
    monkeypatch.setattr(repeatability, "prepare_measuring", lambda entries, threads: ENVIRONMENT)
    monkeypatch.setattr(repeatability, "neighbour", lambda is_wanted, seed: nullcontext())
    options = ["--runs", "2", "--time", "40", "--output", str(tmp_path / "out")]
    return lambda *arguments: repeatability.main([*options, *arguments])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--runs", "1"], "--runs must be at least 2, not 1."),
        (["--time", "0"], "--time must be above 0 s and finite, not 0."),
        (["--time", "nan"], "--time must be above 0 s and finite, not nan."),
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
    for design in ("turns", "processes"):
        for condition in ("quiet", "loaded"):
            assert f"| {OWN} / SuDoRM-RF 1.0x | {design} | {condition} |" in text


def test_a_network_that_always_fails_leaves_a_sentence_beside_the_others_rows(
    call: Call, tmp_path: Path, broken: set[str], capsys: pytest.CaptureFixture[str]
) -> None:
    broken.add("conv-tasnet")
    assert call("--models", "conv-tasnet", "dprnn") == 1
    assert "conv-tasnet: timeout: Slow." in capsys.readouterr().err
    text = (tmp_path / "out" / "repeatability.md").read_text()
    assert "| DPRNN / SuDoRM-RF 1.0x | turns | quiet |" in text
    assert "Conv-TasNet / SuDoRM-RF 1.0x, turns, quiet: fewer than two runs" in text


def test_where_all_fail_the_records_stay_and_a_sentence_says_so(
    call: Call, tmp_path: Path, broken: set[str], capsys: pytest.CaptureFixture[str]
) -> None:
    broken |= {"dprnn", "sudormrf-1.0x"}
    assert call("--models", "dprnn") == 1
    assert "Nothing could be measured" in capsys.readouterr().err
    files = list((tmp_path / "out" / "records").rglob("*.jsonl"))
    assert sorted(len(read_records(path).records) for path in files) == [4] * 4 + [8] * 4
    assert not (tmp_path / "out" / "repeatability.md").exists()


def test_a_run_of_one_round_has_no_interval(call: Call, tmp_path: Path) -> None:
    assert call("--models", "dprnn", "--time", "10", "--designs", "turns") == 0
    text = (tmp_path / "out" / "repeatability.md").read_text()
    rows = [line for line in text.splitlines() if line.startswith("| DPRNN")]
    assert len(rows) == 2
    assert all("| one round |" in row for row in rows)
    assert "inf" not in text.partition("| Ratio")[2]


def test_stored_runs_give_the_same_report_and_nothing_is_measured(
    call: Call, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert call("--models", "dprnn") == 0
    report = tmp_path / "out" / "repeatability.md"
    first = report.read_text()
    report.unlink()
    (folder,) = (tmp_path / "out" / "records" / "repeatability").iterdir()
    monkeypatch.setattr(repeatability, "measure_runs", None)
    assert call("--models", "dprnn", "--records", str(folder)) == 0
    assert report.read_text() == first


def test_a_folder_without_runs_is_refused(
    call: Call, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert call("--records", str(tmp_path)) == 2
    assert "There are no records of quiet or loaded runs" in capsys.readouterr().err
