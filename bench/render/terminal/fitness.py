"""Findings about a machine as a table for the terminal, and as JSON."""

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict

import msgspec
from rich.box import SIMPLE_HEAD
from rich.table import Table
from rich.text import Text

from bench.machine.finding import Finding, Severity
from bench.machine.fitness import is_fit
from bench.results.environment import Environment

STYLES = {
    Severity.OK: "green",
    Severity.UNKNOWN: "dim",
    Severity.WARN: "yellow",
    Severity.UNFIT: "bold red",
}


def render_findings(findings: Sequence[Finding]) -> Table:
    """One row each; under a warning, why it matters and what to do."""
    table = Table(box=SIMPLE_HEAD, pad_edge=False)
    table.add_column("Topic", no_wrap=True)
    table.add_column("", no_wrap=True)
    table.add_column("Found", overflow="fold")
    for finding in findings:
        severity = Text(finding.severity.value, STYLES[finding.severity])
        table.add_row(finding.topic, severity, _explain(finding))
    return table


def _explain(finding: Finding) -> Text:
    text = Text(finding.found)
    if finding.why:
        text.append(f"\n{finding.why}", "dim")
    if finding.remedy:
        text.append(f"\n→ {finding.remedy}")
    return text


def render_verdict(findings: Sequence[Finding]) -> str:
    """The last line: whether to measure here, and how much to fix or to know."""
    counts = Counter(finding.severity for finding in findings)
    warnings = f"{counts[Severity.WARN]} warning{'' if counts[Severity.WARN] == 1 else 's'}"
    if is_fit(findings):
        return f"Fit for measuring, with {warnings}."
    return f"Unfit for measuring: {counts[Severity.UNFIT]} to fix first, and {warnings}."


def render_json(findings: Sequence[Finding], environment: Environment) -> str:
    """The same for programs, with what the machine is; no UUID is in it."""
    content = {
        "is_fit": is_fit(findings),
        "findings": [asdict(finding) for finding in findings],
        "environment": msgspec.to_builtins(environment.without_uuid()),
    }
    return json.dumps(content, indent=2)
