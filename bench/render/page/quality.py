"""The columns of separation quality: published, and of networks that were trained here."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial

from bench.render.page import methods
from bench.render.page.cells import Cell
from bench.render.page.heads import Head, quality_head
from bench.results import published as paper
from bench.results.quality import EvaluationRecord
from bench.results.summary import ModelSummary, RunSummary

Own = Mapping[tuple[str, str], EvaluationRecord]
Read = Callable[[ModelSummary, RunSummary], Cell]
NOT_PUBLISHED, NOT_TRAINED = "not published", "not trained"


def quality_columns(summaries: Sequence[RunSummary], own: Own) -> Iterator[tuple[Head, Read]]:
    """Those that a network of the runs has a value of.

    ``own`` are evaluations of networks that were trained here, by network and task.
    """
    models = [model for summary in summaries for model in summary.models]
    names = {model.entry.name for model in models}
    if any(model.published for model in models):
        method = methods.PAPERS_QUALITY
        yield quality_head("paper_speech", "speech, paper's", method), speech_cell
        yield quality_head("paper_sounds", "non-speech, paper's", method), sounds_cell
    if names & (paper.TABLE2.keys() - paper.TABLE1.keys()):
        yield quality_head("paper_table2", "Table 2's", methods.TABLE2_QUALITY), table2_cell
    for task in dict.fromkeys(task for name, task in own if name in names):
        head = quality_head(f"own_{task}", f"{task}, own", methods.OWN_QUALITY)
        yield head, partial(own_cell, own, task)


def speech_cell(model: ModelSummary, summary: RunSummary) -> Cell:
    """Table 1's SI-SDRi on speech."""
    row = model.published
    if row is None:
        return Cell(NOT_PUBLISHED, reason="Not in the paper's Table 1.")
    star = "*" if row.si_sdri_speech_is_maximum else ""
    return Cell(f"{row.si_sdri_speech_db:.2f}{star}", row.si_sdri_speech_db)


def sounds_cell(model: ModelSummary, summary: RunSummary) -> Cell:
    """Table 1's SI-SDRi on other sounds."""
    if model.published is None:
        return Cell(NOT_PUBLISHED, reason="Not in the paper's Table 1.")
    value = model.published.si_sdri_nonspeech_db
    return Cell(f"{value:.2f}", value)


def table2_cell(model: ModelSummary, summary: RunSummary) -> Cell:
    """Table 2's SI-SDRi."""
    row = paper.TABLE2.get(model.entry.name)
    if row is None:
        return Cell(NOT_PUBLISHED, reason="Not in the paper's Table 2.")
    return Cell(f"{row.si_sdri_db:.1f}", row.si_sdri_db)


def own_cell(own: Own, task: str, model: ModelSummary, summary: RunSummary) -> Cell:
    """The SI-SDRi of the network as it was trained here."""
    record = own.get((model.entry.name, task))
    if record is None:
        return Cell(NOT_TRAINED, reason="Not trained here.")
    value, low, high = record.si_sdri_mean_db, record.si_sdri_low_db, record.si_sdri_high_db
    half = "" if low is None or high is None else f" ± {(high - low) / 2:.2f}"
    return Cell(f"{value:.2f}{half}", value, low, high)
