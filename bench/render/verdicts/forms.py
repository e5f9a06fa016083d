"""A gate's verdicts as text, Markdown or JSON; JUnit is in a file of its own."""

import json
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import asdict

from bench.render.tables.markdown import markdown_table
from bench.render.verdicts.junit import render_junit
from bench.results.verdict import Check, Verdict, overall


def render_text(checks: Sequence[Check], title: str) -> str:
    """A line for each check, then one for all."""
    width = max(len(check.name) for check in checks)
    lines = [f"{check.verdict:<12}  {check.name:<{width}}  {check.reason}" for check in checks]
    return "\n".join([*lines, f"{title}: {conclude(checks)}"])


def render_markdown(checks: Sequence[Check], title: str) -> str:
    """A heading with the verdict for all, and a table."""
    rows = [[check.verdict, check.model, check.quantity, check.reason] for check in checks]
    table = markdown_table(["Verdict", "Network", "Metric", "Reason"], rows, n_text=4)
    return f"### {title}: {conclude(checks)}\n\n{table}\n"


def render_json(checks: Sequence[Check], title: str) -> str:
    """All fields, not rounded, in SI base units."""
    fields = {"title": title, "verdict": overall(checks), "checks": [asdict(c) for c in checks]}
    return json.dumps(fields, indent=1, allow_nan=False)


def conclude(checks: Sequence[Check]) -> str:
    """Such as "FAIL (1 FAIL, 20 PASS)"."""
    counts = Counter(check.verdict for check in checks)
    parts = ", ".join(f"{counts[verdict]} {verdict}" for verdict in Verdict if counts[verdict])
    return f"{overall(checks)} ({parts})"


RENDERERS: dict[str, Callable[[Sequence[Check], str], str]] = {
    "text": render_text,
    "markdown": render_markdown,
    "json": render_json,
    "junit": render_junit,
}
"""The forms that ``--format`` names."""
