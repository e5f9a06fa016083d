"""The trial for real: its count of verdicts, its neighbour, and how much slower is slower."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from bench.gate import trial
from bench.measuring.probes import operations
from tests.bench.example_records import make_job
from tests.slow_models import base, same, slower_by_5_percent, slower_by_10_percent


def test_the_slow_networks_do_as_much_more_as_they_say() -> None:
    """In multiply-adds, of which the first and the last layer, equal in all, are under 1 %."""
    workload = make_job().workload
    macs = {
        build: operations.measure(build, workload, 0.0).macs
        for build in (base, same, slower_by_5_percent, slower_by_10_percent)
    }
    assert macs[same] == macs[base]
    assert macs[slower_by_5_percent] / macs[base] == pytest.approx(1.05, abs=0.001)
    assert macs[slower_by_10_percent] / macs[base] == pytest.approx(1.10, abs=0.002)


@pytest.fixture
def no_neighbours(monkeypatch: pytest.MonkeyPatch) -> list[tuple[bool, int]]:
    """The neighbours that were asked for, and none that works."""
    asked = []

    @contextmanager
    def neighbour(is_wanted: bool, seed: int) -> Iterator[None]:
        asked.append((is_wanted, seed))
        yield

    monkeypatch.setattr(trial, "neighbour", neighbour)
    return asked


VERDICTS = {"same": "INCONCLUSIVE", "slower-5": "INCONCLUSIVE", "slower-10": "FAIL"}


@pytest.mark.parametrize(
    ("verdicts", "n_wrong"),
    [
        (VERDICTS, 0),
        (VERDICTS | {"same": "PASS"}, 0),
        (VERDICTS | {"same": "FAIL"}, 2),
        (VERDICTS | {"slower-5": "PASS"}, 2),
        (VERDICTS | {"slower-10": "PASS", "slower-5": "PASS"}, 4),
    ],
)
def test_only_wrong_verdicts_are_counted_as_wrong(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    no_neighbours: list[tuple[bool, int]],
    verdicts: dict[str, str],
    n_wrong: int,
) -> None:
    names = {case: name for name, case in trial.CASES.items()}
    monkeypatch.setattr(trial, "compare", lambda case, arguments: verdicts[names[case]])
    assert trial.main(["--runs", "2", "--conditions", "loaded"]) == (1 if n_wrong else 0)
    assert no_neighbours == [(True, 0)] * 3 + [(True, 1)] * 3
    counts = [line for line in capsys.readouterr().out.splitlines() if line.endswith("wrong")]
    assert sum(int(line.split()[-2]) for line in counts) == n_wrong
    assert len(counts) == 3
    for name, verdict in verdicts.items():
        assert any(
            line.startswith(f"{name}, loaded: ") and f"2 {verdict}" in line for line in counts
        )


def test_cases_and_conditions_can_be_selected(
    monkeypatch: pytest.MonkeyPatch, no_neighbours: list[tuple[bool, int]]
) -> None:
    asked = []

    def compare(case: trial.Case, arguments: object) -> str:
        asked.append(case)
        return "INCONCLUSIVE"

    monkeypatch.setattr(trial, "compare", compare)
    options = ["--runs", "1", "--cases", "slower-10", "same"]
    assert trial.main([*options, "--conditions", "quiet"]) == 0
    assert asked == [trial.CASES["slower-10"], trial.CASES["same"]]
    assert no_neighbours == [(False, 0)] * 2


def test_a_comparison_that_gives_no_verdict_ends_the_trial(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    refused = trial.Case("backend:eager", "backend:eager", "FAIL")
    monkeypatch.setitem(trial.CASES, "same", refused)
    options = ["--runs", "1", "--cases", "same", "--conditions", "quiet"]
    assert trial.main(options) == 2
    assert "ended with 2" in capsys.readouterr().err
