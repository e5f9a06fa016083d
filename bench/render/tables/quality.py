"""What evaluations found: scores of mixtures as CSV, and the table of all evaluations."""

import csv
import io
from collections.abc import Iterable, Sequence
from itertools import groupby
from operator import attrgetter
from typing import Any

from bench.registry import REGISTRY
from bench.render.tables.markdown import markdown_table
from bench.results.published import TABLE1
from bench.results.quality import EvaluationRecord, MixtureScore
from bench.units import format_si

HEADS = [
    "Separator",
    "SI-SDRi (dB)",
    "95 % interval",
    "Median",
    "Without leaking classes",
    "Trained on",
    "Update steps",
    "Processor time",
    "MACs of training",
    "The paper's, on {corpus}",
]
PAPER_CORPORA = {"speech": "WSJ0-2mix", "sounds": "ESC-50"}
EXPLANATION = """\
SI-SDRi: mean over the sources of a mixture, then over mixtures; what the estimates gain over the
mixture. The interval is a bootstrap of the mean that draws whole pairs of labels. *Mixture* is the
lower line, what doing nothing gains; *ideal ratio mask* (Hann window of 32 ms, hop 8 ms) is what a
mask made from the sources themselves gains, an upper line for orientation and no bound.

**Update steps, processor time and multiply-adds say how much each network was trained. Most
trainings here are short: their figures say how far a network came with that much, not how good
it can be.** The paper's figures are of other corpora and full trainings: they are not compared.
*Without leaking classes*: without mixtures of classes of which takes of one recording session are
known to be in training and test. *Trained on another corpus; voices may overlap*: nothing makes
sure that the voices or recordings of the test set were not in that training, so the figure may be
too good."""


def render_scores(scores: Sequence[MixtureScore]) -> str:
    """One row for each mixture, nothing rounded."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(MixtureScore._fields)
    for score in scores:
        writer.writerow(score._replace(labels=" ".join(score.labels)))  # type: ignore[arg-type]
    return text.getvalue()


def render_quality(records: Iterable[EvaluationRecord]) -> str:
    """The table of all evaluations, a section for each set of mixtures."""
    ordered = sorted(records, key=lambda one: (*one.mixtures, -one.si_sdri_mean_db))
    sections = ["# Separation quality, own evaluations", EXPLANATION]
    for _, group in groupby(ordered, key=attrgetter("mixtures")):
        evaluations = list(group)
        first = evaluations[0]
        heads = [head.format(corpus=PAPER_CORPORA[first.task]) for head in HEADS]
        sections += [
            f"## {first.corpus}, {first.split}: {first.n_mixtures} mixtures",
            f"Pairs of labels: {first.n_pairs}. Digest of the mixtures: `{first.mixtures_digest}`.",
            markdown_table(heads, map(_row, evaluations)),
        ]
    return "\n\n".join(sections) + "\n"


def _row(record: EvaluationRecord) -> list[str]:
    without = record.si_sdri_without_leaks_db
    leaks = record.n_without_leaks < record.n_mixtures
    return [
        _display(record),
        f"**{record.si_sdri_mean_db:.2f}**",
        _interval(record),
        f"{record.si_sdri_median_db:.2f}",
        f"{without:.2f} ({record.n_without_leaks})" if leaks and without is not None else "as all",
        _trained_on(record),
        *_training_cells(record),
        _published(record),
    ]


def _display(record: EvaluationRecord) -> str:
    entry = REGISTRY.get(record.separator)
    name = entry.display_name if entry else record.separator
    return {"reference": f"{name} (authors' weights)", "estimates": f"{name} (files)"}.get(
        record.kind, name
    )


def _interval(record: EvaluationRecord) -> str:
    if record.si_sdri_low_db is None or record.si_sdri_high_db is None:
        return "none: one pair"
    return f"{record.si_sdri_low_db:.2f} to {record.si_sdri_high_db:.2f}"


def _trained_on(record: EvaluationRecord) -> str:
    if record.kind in ("mixture", "oracle"):
        return "none"
    mark = " (trained on another corpus; voices may overlap)" if record.is_of_other_corpus else ""
    return (record.trained_on or "unknown") + mark


def _training_cells(record: EvaluationRecord) -> list[str]:
    if record.kind in ("mixture", "oracle"):
        return ["none"] * 3
    training: dict[str, Any] = dict(record.training or {})
    step, cpu_s, macs = (training.get(key) for key in ("step", "cpu_s", "macs"))
    return [
        "unknown" if step is None else f"{step:,}",
        "unknown" if cpu_s is None else f"{cpu_s / 3600:.2f} h",
        "unknown" if macs is None else format_si(macs, ""),
    ]


def describe_training(record: EvaluationRecord) -> str:
    """On what a network was evaluated and trained, and how much, in a few words."""
    steps, time, macs = _training_cells(record)
    return (
        f"evaluated on {record.n_mixtures} mixtures of {record.corpus}, "
        f"trained on {_trained_on(record)} for {steps} update steps, {time} of processor time, "
        f"{macs} multiply-adds"
    )


def _published(record: EvaluationRecord) -> str:
    paper = TABLE1.get(record.separator)
    if paper is None or record.kind != "network":
        return "–"
    figure = paper.si_sdri_speech_db if record.task == "speech" else paper.si_sdri_nonspeech_db
    return f"{figure:.2f}"
