"""Table 1 as CSV: raw values in SI units, nothing rounded."""

import csv
import io

from bench.render.columns import Column, table1_columns
from bench.render.doubts import explain
from bench.results.metrics import METRICS
from bench.results.summary import ModelSummary, RunSummary


def render_csv(summary: RunSummary) -> str:
    """One row for each network: every value, its status and reason, and the paper's value."""
    compared = {column.metric: column for column in table1_columns(summary.update_device)}
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
    for metric in METRICS:
        value = model.values[metric.name]
        row[metric.name] = "" if value.value is None else value.value
        row[f"{metric.name}_status"] = value.status.value
        row[f"{metric.name}_reason"] = explain(value)
        if metric.name in compared:
            published = compared[metric.name].published_value(paper)
            row[f"{metric.name}_paper"] = "" if published is None else published
    return row
