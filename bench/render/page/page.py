"""reports/index.html: one file with all networks, a plot, the sections, and where it is all from.

It opens from a disk, without a server and without a network: the library that draws stands in it,
and a policy in its head keeps a browser from loading anything else.
"""

import json
from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path
from string import Template

from bench.render.page.bundle import make_bundle
from bench.render.page.data import Table, make_table, to_json
from bench.render.page.pareto import choose_axes, pareto_spec
from bench.render.page.parts import list_reasons, render_run, render_section
from bench.render.page.quality import Own
from bench.render.page.runs import describe_machine
from bench.render.page.section import Section
from bench.render.page.table import (
    render_axis,
    render_chooser,
    render_filters,
    render_methods,
    render_table,
)
from bench.render.writing import write_texts
from bench.results.summary import RunSummary

NAME = "index.html"
TITLE = "What separation networks cost"
HERE = Path(__file__).parent
SCRIPTS = ("page.js", "plot.js")
SWITCH = (
    '<label><input type="checkbox" role="switch" id="paper"> '
    "The paper's values, and measured over the paper's</label>"
)


def write_page(
    summaries: Sequence[RunSummary], own: Own, sections: Sequence[Section], folder: Path
) -> list[Path]:
    """Write the page of some runs, at least one; returns its path.

    ``own`` are evaluations of networks that were trained here, by network and task.

    Raises:
        UsageError: the package with the library that draws is not installed, or the folder can't
            be written to.
    """
    return write_texts(folder, {NAME: render_page(summaries, own, sections)})


def render_page(summaries: Sequence[RunSummary], own: Own, sections: Sequence[Section]) -> str:
    """The whole file.

    Raises:
        UsageError: the package with the library that draws is not installed.
    """
    table = make_table(summaries, own)
    charts = {section.key: section.chart for section in sections if section.chart is not None}
    data = {**to_json(table), "plot": pareto_spec(table.families), "sections": charts}
    return Template(_read("template.html")).substitute(
        title=TITLE,
        styles=_read("page.css"),
        lead=escape(describe_whole(table, summaries)),
        **_controls(table),
        table=render_table(table),
        sections="\n".join(map(render_section, sections)),
        methods=render_methods(table),
        reasons=list_reasons(table),
        runs="\n".join(map(render_run, summaries)),
        data=to_script(data),
        bundle=make_bundle(),
        script="\n".join(map(_read, SCRIPTS)),
    )


def _read(name: str) -> str:
    return (HERE / name).read_text(encoding="utf-8")


def to_script(value: object) -> str:
    """JSON that can stand in an element of a page, whatever its strings say."""
    text = json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    return text.replace("<", "\\u003c")  # a "<" stands in strings alone


def describe_whole(table: Table, summaries: Sequence[RunSummary]) -> str:
    """How many networks, measured where and when, in a sentence."""
    machines = "; ".join(dict.fromkeys(map(describe_machine, summaries)))
    days = sorted(summary.started_at[:10] for summary in summaries)
    when = days[0] if days[0] == days[-1] else f"{days[0]} to {days[-1]}"
    n = len({row.name for row in table.rows})
    networks = "1 network" if n == 1 else f"{n} networks"
    runs = f" in {len(summaries)} runs" if len(summaries) > 1 else ""
    updates = "; ".join(dict.fromkeys(summary.update_device_name for summary in summaries))
    return (
        f"{networks}, measured{runs} on {machines}, {when}. Inference is on the CPU, the training "
        f"step on {updates}."
    )


def _controls(table: Table) -> Mapping[str, str]:
    """What the reader chooses with, by its name in the template."""
    x, y = choose_axes(table)
    n = len(table.rows)
    return {
        "filters": render_filters(table),
        "switch": SWITCH if table.has_published else "",
        "chooser": render_chooser(table),
        "count": f"{n} of {n} rows",
        "x_axis": render_axis(table, x),
        "y_axis": render_axis(table, y),
        "x_log": "" if x.is_gain else " checked",
        "y_log": "" if y.is_gain else " checked",
    }
