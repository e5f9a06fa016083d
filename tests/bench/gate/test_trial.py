"""The trial for real: its count of verdicts, its burner, and how much slower is slower."""

from collections.abc import Iterator

import pytest

from bench.gate import trial
from bench.measure.probes import operations
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


@pytest.mark.parametrize(
    ("verdicts", "code"),
    [
        (["PASS", "INCONCLUSIVE", "FAIL", "INCONCLUSIVE"] * 2, 0),
        (["PASS", "FAIL", "FAIL", "FAIL"] * 2, 1),  # the same code fails
        (["PASS", "PASS", "FAIL", "PASS"] * 2, 1),  # the slower one passes
    ],
)
def test_only_wrong_verdicts_are_counted_as_wrong(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    verdicts: list[str],
    code: int,
) -> None:
    answers: Iterator[str] = iter(verdicts)
    asked = []

    def compare(base: str, head: str, arguments: object) -> str:
        asked.append((base, head))
        return next(answers)

    monkeypatch.setattr(trial, "compare", compare)
    assert trial.main(["--runs", "2", "--slower", "a:b", "a:c"]) == code
    once = [("HEAD", "HEAD")] * 2 + [("model:a:b", "model:a:c")] * 2
    assert asked == once * 2
    assert "the same code, beside a burner: " in capsys.readouterr().out


def test_a_comparison_that_gives_no_verdict_ends_the_trial(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert trial.main(["--runs", "1", "--revision", "backend:eager"]) == 2
    assert "ended with 2" in capsys.readouterr().err
