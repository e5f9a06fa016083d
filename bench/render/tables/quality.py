"""reports/quality.md: the table of all evaluations."""

from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import groupby
from operator import attrgetter
from typing import Any

from bench.registry import REGISTRY
from bench.render.tables.markdown import markdown_table, plain
from bench.results.published import TABLE1
from bench.results.quality import EvaluationRecord
from bench.results.ranking import Step
from bench.units import format_si

HEADS = [
    "Separator",
    "SI-SDRi (dB)",
    "95 % interval",
    "Median",
    "Without leaking classes",
    "Trained on",
    "Training steps",
    "Processor time",
    "MACs of training",
    "The paper's, on {corpus}",
]
ORDER_HEADS = ["Separator", "Next below", "Difference (dB)", "95 % interval", "In this order"]
ORDER = """\
Neighbours in the order of their means, by differences on the same mixtures. The intervals are for
other voices or classes and other mixtures, and not for another training of the same networks."""
PAPER_CORPORA = {"speech": "WSJ0-2mix", "sounds": "ESC-50"}
EXPLANATION = """\
SI-SDRi: mean over the sources of a mixture, then over mixtures; what the estimates gain over the
mixture. The interval is for other voices or classes than those of the test, and for other mixtures:
mixtures with a label in common count as dependent. *Mixture* is the
lower bound, what doing nothing gains; *ideal ratio mask* (Hann window of 32 ms, hop 8 ms) is what a
mask made from the sources themselves gains, the usual upper bound of masking, which networks in the
time domain can pass.

**Training steps, processor time and multiply-adds say how much each network was trained. Most
trainings here are short: their values say how far a network came with that much, not how good
it can be.** The paper's values are of other corpora and full trainings: they are not compared.
*Without leaking classes*: without mixtures of classes of which takes of one recording session are
known to be in training and test. *Trained on another corpus; voices may overlap*: nothing makes
sure that the voices or recordings of the test set were not in that training, so the value may be
too good. Several trainings of one network are told apart by a digest of their weights, where they
were not given names of their own."""


def render_quality(records: Iterable[EvaluationRecord], steps: Sequence[Step] = ()) -> str:
    """The table of all evaluations, a section for each set of mixtures, with the order in it."""
    ordered = sorted(records, key=lambda one: (*one.mixtures, -one.si_sdri_mean_db))
    sections = ["# Separation quality, own evaluations", EXPLANATION]
    for _, group in groupby(ordered, key=attrgetter("mixtures")):
        evaluations = list(group)
        first = evaluations[0]
        heads = [head.format(corpus=PAPER_CORPORA[first.task]) for head in HEADS]
        sources = "" if first.n_src == 2 else f" of {first.n_src} sources"
        together = "Pairs" if first.n_src == 2 else "Sets"
        rows = map(_row, evaluations, _row_names(evaluations))
        sections += [
            f"## {first.corpus}, {first.split}: {first.n_mixtures} mixtures{sources}",
            f"{_count_labels(evaluations)}{together} of labels: {first.n_pairs}. "
            f"Digest of the mixtures: `{first.mixtures_digest}`.",
            markdown_table(heads, rows),
            *_order([step for step in steps if step.better.mixtures == first.mixtures]),
        ]
    return "\n\n".join(sections) + "\n"


def _count_labels(records: Iterable[EvaluationRecord]) -> str:
    """How many voices or classes there are, where a record says it."""
    known = {record.n_labels for record in records if record.n_labels is not None}
    return f"Labels: {max(known)}. " if known else ""


def _order(steps: Sequence[Step]) -> list[str]:
    """Which neighbours in the table are in an order that the mixtures leave no doubt about."""
    if not steps:
        return []
    rows = [
        [
            plain(display_name(step.better)),
            plain(display_name(step.worse)),
            f"{step.difference_db:.2f}",
            f"{step.low_db:.2f} to {step.high_db:.2f}",
            "yes" if step.is_certain else "**no**: not told apart",
        ]
        for step in steps
    ]
    return [ORDER, markdown_table(ORDER_HEADS, rows, n_text=2)]


def display_name(record: EvaluationRecord) -> str:
    """What a row is called: the name that the user gave, or else that of the network."""
    entry = REGISTRY.get(record.separator)
    name = record.name or (entry.display_name if entry else record.separator)
    return {"reference": f"{name} (authors' weights)", "estimates": f"{name} (files)"}.get(
        record.kind, name
    )


def _row_names(records: Sequence[EvaluationRecord]) -> list[str]:
    """Their names, with digests where several have the same."""
    names = [plain(display_name(record)) for record in records]
    times = Counter(names)
    return [
        name if times[name] == 1 else f"{name}, {record.digest or 'weights not recorded'}"
        for name, record in zip(names, records, strict=True)
    ]


def _row(record: EvaluationRecord, name: str) -> list[str]:
    without = record.si_sdri_without_leaks_db
    leaks = record.n_without_leaks < record.n_mixtures
    return [
        name,
        f"**{record.si_sdri_mean_db:.2f}**",
        format_interval(record),
        f"{record.si_sdri_median_db:.2f}",
        f"{without:.2f} ({record.n_without_leaks})" if leaks and without is not None else "as all",
        _trained_on(record),
        *_training_cells(record),
        _published(record),
    ]


def format_interval(record: EvaluationRecord) -> str:
    """The ends of the interval, in dB, or why there is none."""
    if record.n_labels is None:
        return "none: no scores"
    if record.si_sdri_low_db is None or record.si_sdri_high_db is None:
        return f"none: {record.n_labels} labels"
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
        f"trained on {_trained_on(record)} for {steps} training steps, {time} of processor time, "
        f"{macs} multiply-adds"
    )


def _published(record: EvaluationRecord) -> str:
    paper = TABLE1.get(record.separator)
    if paper is None or record.kind != "network" or record.n_src != 2:
        return "–"
    value = paper.si_sdri_speech_db if record.task == "speech" else paper.si_sdri_nonspeech_db
    return f"{value:.2f}"
