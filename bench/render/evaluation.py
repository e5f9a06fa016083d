"""All artefacts of an evaluation, written from its record and scores."""

from collections.abc import Sequence
from pathlib import Path

from bench.errors import UsageError
from bench.files import write_whole
from bench.results.quality import (
    EVALUATIONS,
    EvaluationRecord,
    append_evaluation,
    read_evaluations,
)
from bench.results.ranking import rank_networks
from bench.results.scores import MixtureScore, QualitySummary


def write_evaluation(
    output: Path,
    stem: str,
    record: EvaluationRecord,
    scores: Sequence[MixtureScore],
    summary: QualitySummary,
) -> list[Path]:
    """Write the record, the scores, their figure and the table of all evaluations; the paths.

    Raises:
        UsageError: the folder can't be written to.
    """
    # Here, so that commands start without waiting for matplotlib.
    from bench.render.figures.scores import write_scores_figure
    from bench.render.tables.quality import display_name, render_quality
    from bench.render.tables.scores_csv import render_scores

    records, folder = output / EVALUATIONS, output / "quality"
    rows, table = folder / f"{stem}.csv", output / "quality.md"
    title = f"{display_name(record)} on {record.corpus}, {record.split}"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        write_whole(rows, render_scores(record, scores).encode())
        append_evaluation(records, record)  # after its scores, without which it has no interval
        figures = write_scores_figure(scores, summary, title, folder / stem)
        evaluations = read_evaluations(records)
        steps = rank_networks(evaluations, folder)
        write_whole(table, render_quality(evaluations, steps).encode())
    except OSError as error:
        raise UsageError(f"Reports can't be written to {output}: {error.strerror}.") from error
    return [records, rows, *figures, table]
