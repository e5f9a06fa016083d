"""Verdicts in each form, read back by that form's own rules."""

import json
from pathlib import Path
from xml.etree import ElementTree as Xml

import pytest

from bench.errors import UsageError
from bench.render.verdicts.forms import RENDERERS, conclude
from bench.render.verdicts.github import append_step_summary, render_annotations
from bench.results.verdict import FORMS, Check, Verdict, overall

CHECKS = (
    Check("dprnn", "macs", Verdict.PASS, "42, budget 42", value=42.0, limit=42.0),
    Check("own:net", "time", Verdict.FAIL, "10% <slower> | \x1b[31m&\nnot 5%", 0.1, 0.07, 0.12),
    Check("demucs", "time", Verdict.INCONCLUSIVE, "not settled"),
)
P, F, O = Verdict.PASS, Verdict.FAIL, Verdict.INCONCLUSIVE  # noqa: E741


@pytest.mark.parametrize(
    ("verdicts", "worst"),
    [((P, P), P), ((P, O), O), ((O, F, P), F), ((P, F), F)],
)
def test_the_worst_verdict_is_that_of_all(verdicts: tuple[Verdict, ...], worst: Verdict) -> None:
    assert overall(Check("m", "q", verdict, "") for verdict in verdicts) == worst


def test_every_form_has_a_renderer() -> None:
    assert tuple(RENDERERS) == FORMS


def test_text_has_a_line_for_each_and_one_for_all() -> None:
    lines = RENDERERS["text"](CHECKS[::2], "gate").splitlines()
    assert [line.split()[0] for line in lines] == ["PASS", "INCONCLUSIVE", "gate:"]
    assert lines[-1] == "gate: INCONCLUSIVE (1 PASS, 1 INCONCLUSIVE)"
    assert lines[0].index("42, budget 42") == lines[1].index("not settled")


def test_markdown_keeps_a_row_a_row() -> None:
    rows = RENDERERS["markdown"](CHECKS, "gate").strip().splitlines()[2:]
    assert len(rows) == 2 + len(CHECKS)
    for row in rows:
        assert row.replace("\\|", "").count("|") == 5


def test_json_holds_every_field_as_it_is() -> None:
    read = json.loads(RENDERERS["json"](CHECKS, "gate"))
    assert read["verdict"] == "FAIL"
    checks = [Check(**fields) for fields in read["checks"]]
    assert checks == list(CHECKS)
    assert overall(checks) == Verdict.FAIL


def test_junit_counts_what_it_holds() -> None:
    suite = Xml.fromstring(RENDERERS["junit"](CHECKS, "gate"))
    assert (suite.get("tests"), suite.get("failures"), suite.get("skipped")) == ("3", "1", "1")
    failure = suite.find(".//testcase[@classname='own:net']/failure")
    assert failure is not None
    assert "<slower> | \N{REPLACEMENT CHARACTER}[31m&" in (failure.get("message") or "")
    assert suite.find(".//testcase[@classname='demucs']/skipped") is not None


def test_github_is_told_what_did_not_pass_in_one_line_each() -> None:
    """Percent signs and line ends are escaped, as GitHub's toolkit does; and more in titles."""
    error, warning = render_annotations(CHECKS, "a, b").splitlines()
    title = "a%2C b%3A own%3Anet time"
    assert error == f"::error title={title}::10%25 <slower> | \x1b[31m&%0Anot 5%25"
    assert warning == "::warning title=a%2C b%3A demucs time::not settled"


def test_github_is_warned_of_a_probable_slow_down_by_the_title() -> None:
    reason = "HEAD +4.0% [-1.0%, +9.2%] against v1; not settled, probably slower"
    check = Check("dprnn", "time", O, reason, 0.04, -0.01, 0.092, 0.05, is_probably_slower=True)
    (warning,) = render_annotations([check], "gate").splitlines()
    title = "title=gate%3A dprnn time%2C probably slower"
    assert warning == f"::warning {title}::{reason.replace('%', '%25')}"


def test_the_step_summary_grows(tmp_path: Path) -> None:
    path = tmp_path / "summary.md"
    for title in ("first", "second"):
        append_step_summary(CHECKS, title, path)
    text = path.read_text()
    assert text.index(f"### first: {conclude(CHECKS)}") < text.index("### second")
    with pytest.raises(UsageError, match="GITHUB_STEP_SUMMARY"):
        append_step_summary(CHECKS, "third", tmp_path)
