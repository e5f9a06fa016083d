"""The scores of one evaluation as CSV: a row for each mixture, nothing rounded."""

import csv
import io
from collections.abc import Sequence

from bench.render.tables.quality import display_name
from bench.results.quality import EvaluationRecord
from bench.results.scores import MixtureScore, SourceScore

HEADS = [
    "name",  # of the row in quality.md
    "digest",  # of the weights
    "corpus",
    "split",
    "mixture",  # its number, from 0
    "snr_db",
    "input_db",
    "output_db",
    "improvement_db",
]
SOURCE_HEADS = ["label", "estimate", "input_db", "output_db", "improvement_db"]
"""Of each source; ``estimate`` is the number, from 1, of the one that stands for it."""


def render_scores(record: EvaluationRecord, scores: Sequence[MixtureScore]) -> str:
    """Means over the sources of each mixture, then each source in its order."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    numbers = range(1, record.n_src + 1)
    writer.writerow(HEADS + [f"source{n}_{head}" for n in numbers for head in SOURCE_HEADS])
    about = [display_name(record), record.digest or "", record.corpus, record.split]
    for score in scores:
        means = [score.input_db, score.output_db, score.improvement_db]
        sources = [cell for source in score.sources for cell in _cells(source)]
        writer.writerow([*about, score.number, score.snr_db, *means, *sources])
    return text.getvalue()


def _cells(source: SourceScore) -> list[str | int | float]:
    return [
        source.label,
        source.estimate,
        source.input_db,
        source.output_db,
        source.improvement_db,
    ]
