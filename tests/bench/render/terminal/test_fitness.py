"""Findings as text for people and for programs: nothing lost, nothing wider than a terminal."""

import json
from dataclasses import replace
from io import StringIO

import msgspec
import pytest
from rich.console import Console

from bench.machine.finding import Finding, Severity, ok
from bench.render.terminal.fitness import render_findings, render_json, render_verdict
from bench.results.environment import Environment
from tests.bench.example_records import GPU, environment

GOOD = ok("swap", "0 B in use")
WARNING = Finding("governor", Severity.WARN, "[powersave]", "It is slow.", "Fix it.")
FAULT = Finding("load", Severity.UNFIT, "others use " + 20 * "many " + "processors", "W.", "End it")


def test_a_table_holds_every_word_in_80_columns() -> None:
    output = StringIO()
    Console(file=output, width=80).print(render_findings([GOOD, WARNING, FAULT]))
    lines = output.getvalue().splitlines()
    assert max(map(len, lines)) <= 80
    words = output.getvalue().split()
    for finding in (GOOD, WARNING, FAULT):
        for text in (finding.topic, finding.severity, finding.found, finding.why, finding.remedy):
            assert set(text.split()) <= set(words)


@pytest.mark.parametrize(
    ("findings", "verdict"),
    [
        ([GOOD], "Fit for measuring, with 0 warnings."),
        ([GOOD, WARNING], "Fit for measuring, with 1 warning."),
        ([FAULT, WARNING, WARNING], "Unfit for measuring: 1 to fix first, and 2 warnings."),
    ],
)
def test_the_verdict(findings: list[Finding], verdict: str) -> None:
    assert render_verdict(findings) == verdict


def test_json_holds_the_findings_and_the_verdict() -> None:
    on_gpu = environment(machine={"gpu": replace(GPU, uuid="GPU-of-someone")})
    text = render_json([GOOD, FAULT], on_gpu)
    content = json.loads(text)
    assert content["is_fit"] is False
    assert [Finding(**finding) for finding in content["findings"]] == [GOOD, FAULT]
    assert msgspec.convert(content["environment"], Environment) == on_gpu
    assert "someone" not in text
    assert json.loads(render_json([GOOD, WARNING], on_gpu))["is_fit"] is True
