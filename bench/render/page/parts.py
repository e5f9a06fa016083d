"""Parts of the page around its table and plot: sections, reasons, where values come from."""

from html import escape

from bench.render.page.data import Table
from bench.render.page.runs import describe_run, write_command
from bench.render.page.section import Section
from bench.render.page.table import render_reasons
from bench.render.provenance import describe_provenance
from bench.results.summary import RunSummary


def list_reasons(table: Table) -> str:
    """A section with why values are missing or in doubt; nothing where none is."""
    if not table.reasons:
        return ""
    return (
        '<section aria-labelledby="reasons-title">\n'
        '<h2 id="reasons-title">Why values are missing or in doubt</h2>\n'
        f"<details><summary>{len(table.reasons)} reasons</summary>\n"
        f"<ol>\n{render_reasons(table)}\n</ol></details>\n</section>"
    )


def render_section(section: Section) -> str:
    """Heading, sentence, chart with its menus above it, and the same as a table that opens."""
    key, title = escape(section.key), escape(section.title)
    chart = (
        f'<div class="controls" id="{key}-menus"></div>\n'
        f'<div class="wide" role="region" tabindex="0" aria-label="{title}, as a chart">\n'
        f'<div class="chart" role="img" aria-labelledby="{key}-title {key}-text">'
        f'<div data-section="{key}"></div></div>\n</div>\n'
        if section.chart is not None
        else ""
    )
    return (
        f'<section id="{key}" aria-labelledby="{key}-title">\n<h2 id="{key}-title">{title}</h2>\n'
        f'<p id="{key}-text">{escape(section.sentence)}</p>\n{chart}'
        f"{_section_table(section)}</section>"
    )


def _section_table(section: Section) -> str:
    if section.table is None:
        return ""
    heads, rows = section.table
    head = "".join(f'<th scope="col">{escape(text)}</th>' for text in heads)
    body = "\n".join(
        f"<tr>{''.join(f'<td>{escape(text)}</td>' for text in row)}</tr>" for row in rows
    )
    title = f"{escape(section.title)}, as a table"
    return (
        f"<details><summary>{title}</summary>\n"
        f'<div class="scroll" role="region" tabindex="0" aria-label="{title}">\n<table>\n'
        f"<thead><tr>{head}</tr></thead>\n<tbody>\n{body}\n</tbody>\n</table>\n</div></details>\n"
    )


def render_run(summary: RunSummary) -> str:
    """Environment, commit, and the command that measures the same again."""
    lines = "\n".join(
        f"<dt>{escape(label)}</dt><dd>{escape(text)}</dd>"
        for label, text in describe_provenance(summary)
    )
    return (
        f"<h3>{escape(describe_run(summary))}</h3>\n"
        f"<p>To measure the same again:</p>\n<code>{escape(write_command(summary))}</code>\n"
        "<details><summary>Machine, versions and settings</summary>\n"
        f"<dl>\n{lines}\n</dl></details>"
    )
