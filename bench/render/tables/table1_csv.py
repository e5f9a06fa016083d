"""Table 1 as CSV: raw values in SI units, nothing rounded."""

import csv
import io

from bench.render.columns import Column, table1_columns
from bench.results.summary import QUANTITIES, ModelSummary, Summary


def render_csv(summary: Summary) -> str:
    """One row for each network: every figure, its status and reason, and the paper's value."""
    compared = {column.quantity: column for column in table1_columns(summary.update_device)}
    rows = [_row(model, compared) for model in summary.models]
    text = io.StringIO()
    writer = csv.DictWriter(text, fieldnames=list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


def _row(model: ModelSummary, compared: dict[str, Column]) -> dict[str, object]:
    paper = model.published
    row: dict[str, object] = {
        "model": model.entry.name,
        "paper_si_sdri_speech_db": paper.si_sdri_speech_db if paper else "",
        "paper_si_sdri_nonspeech_db": paper.si_sdri_nonspeech_db if paper else "",
    }
    for quantity in QUANTITIES:
        figure = model.figures[quantity.name]
        row[quantity.name] = "" if figure.value is None else figure.value
        row[f"{quantity.name}_status"] = figure.status.value
        row[f"{quantity.name}_reason"] = figure.reason
        if quantity.name in compared:
            published = compared[quantity.name].published_value(paper)
            row[f"{quantity.name}_paper"] = "" if published is None else published
    return row
