"""reports/operations.md: our counts beside everybody else's, and how they grow."""

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from bench.registry import SAMPLE_RATE, Entry
from bench.render.tables.counter_causes import HEADS, cause_row
from bench.render.tables.markdown import markdown_table
from bench.results.measurements import (
    CounterComparison,
    CounterResult,
    ModuleCounts,
    ScalingCounts,
)
from bench.results.published import TABLE1
from bench.results.record import Record, Status, results_of
from bench.units import format_significant

Counts = Mapping[str, CounterComparison]
NONE = CounterComparison({}, {})
COUNTERS = {
    "torch": "torch's counter / 2",
    "fvcore": "fvcore",
    "ptflops": "ptflops",
    "thop_rules": "thop's rules",
}
RULES = {"thop_rules": "by thop's rules", "transposed_once_rules": "transposed once"}
TOLERANCE = 0.03
SIZES = ("sudormrf-1.0x", "sudormrf-0.5x", "sudormrf-0.25x")
SIZES_FIT = (
    " The paper's values for the three sizes of SuDoRM-RF grow by 0.12 G a block from 0.58 G, "
    "which does not allow for the positions of the outputs: they fit the second rules."
)
GROWTH = {
    "conv-tasnet": "Conv-TasNet's fixed part is negative: its encoder is not padded and loses "
    "frames at the edges.",
    "demucs": "Demucs pads every input with 14,420 zeros (the fixed part), and drops rests of "
    "divisions at each level, so that its count moves in steps.",
}
"""What is known of the growth of single networks."""


class Unit(NamedTuple):
    """What a report's numbers are multiples of."""

    letter: str
    size: float

    def format(self, value: float | None, decimals: int) -> str:
        """A count in this unit, or that there is none."""
        if value is None:
            return "not counted"
        return f"{round(value / self.size, decimals) + 0.0:.{decimals}f}"  # + 0.0: never -0


UNITS = (Unit("G", 1e9), Unit("M", 1e6), Unit("k", 1e3))


def render_operations(entries: Sequence[Entry], records: Sequence[Record]) -> str:
    """The whole report from the records of the probes ``counters`` and ``scaling``."""
    compared = {r.job.model: found for r, found in results_of(CounterComparison, records)}
    counts = _count_alone(records) | compared
    scaling = {r.job.model: found for r, found in results_of(ScalingCounts, records)}
    workload, unit = records[0].job.workload, _fitting_unit(counts.values())
    sections = [
        "# Operations, counted by everybody",
        f"One forward (I) and one training step (B) of {workload.n_samples} samples, batch "
        f"{workload.batch}. In {unit.letter}. MACs are multiply-adds of matmuls (convolutions, "
        "transposed convolutions, linear and recurrent layers); FLOPs are two for each, plus "
        "element-wise work.",
        "## Inference: our MACs beside other counters",
        markdown_table(*_inference_table(entries, counts, unit)),
        "## Why they differ",
        "Shares of our count. A cause stands here where it was computed for the network: from what "
        "a counter says of each module or operator, and what ours says.",
        markdown_table(HEADS, _cause_rows(entries, counts), n_text=3),
        "## Training step",
        markdown_table(*_update_table(entries, counts, unit)),
        "A backward pass multiplies as much as two forwards, less the gradients that nothing "
        "needs, such as the mixture's." + _papers_backward(entries),
        "## Why torch's counter differs in a training step",
        markdown_table(HEADS, _update_cause_rows(entries, counts), n_text=3),
        *_paper_section(entries, counts, unit),
        "## How operations grow with the length",
        markdown_table(*_scaling_table(entries, scaling, unit)),
        "MACs = fixed part + MACs per second × seconds, through the counts at 1 and 3 s at 8 kHz, "
        "compared with the counts at 2 s and at 20 s. "
        + " ".join(GROWTH[name] for name in scaling if name in GROWTH),
        "## How long counting takes",
        _speed(compared.values()),
    ]
    return "\n\n".join(text.rstrip() for text in [*sections, *_failures(records)]) + "\n"


def _count_alone(records: Sequence[Record]) -> dict[str, CounterComparison]:
    """Our counts by module, which stand where the comparison with the other counters failed."""
    return {
        record.job.model: CounterComparison(
            {"ours": CounterResult(found.modules[0].macs, found.modules[0].flops)}, {}
        )
        for record, found in results_of(ModuleCounts, records)
    }


def _fitting_unit(counts: Iterable[CounterComparison]) -> Unit:
    """The largest that the largest count is at least one of."""
    largest = max((_macs(found.inference.get("ours")) or 0 for found in counts), default=0)
    return next((unit for unit in UNITS if largest >= unit.size), UNITS[-1])


def _inference_table(
    entries: Sequence[Entry], counts: Counts, unit: Unit
) -> tuple[list[str], list[list[str]]]:
    heads = ["Model", "MACs", "FLOPs", *COUNTERS.values(), "the paper's I"]
    rows = []
    for entry in entries:
        measured = counts.get(entry.name, NONE).inference
        paper = TABLE1.get(entry.name)
        rows.append(
            [
                entry.display_name,
                unit.format(_macs(measured.get("ours")), 4),
                unit.format(_flops(measured.get("ours")), 4),
                *(unit.format(_macs(measured.get(counter)), 3) for counter in COUNTERS),
                unit.format(paper.operations_inference, 2) if paper else "none",
            ]
        )
    return heads, rows


def _cause_rows(entries: Sequence[Entry], counts: Counts) -> Iterable[list[str]]:
    for counter, title in COUNTERS.items():
        for entry in entries:
            found = counts.get(entry.name, NONE).inference
            yield cause_row(title, entry.display_name, found.get(counter), found.get("ours"))


def _update_cause_rows(entries: Sequence[Entry], counts: Counts) -> Iterable[list[str]]:
    for entry in entries:
        found = counts.get(entry.name, NONE).update
        yield cause_row(
            COUNTERS["torch"], entry.display_name, found.get("torch"), found.get("ours")
        )


def _update_table(
    entries: Sequence[Entry], counts: Counts, unit: Unit
) -> tuple[list[str], list[list[str]]]:
    heads = ["Model", "MACs", "FLOPs", "B / I", "torch's counter / 2", "the paper's B"]
    rows = []
    for entry in entries:
        measured = counts.get(entry.name, NONE)
        paper = TABLE1.get(entry.name)
        forward, step = _macs(measured.inference.get("ours")), _macs(measured.update.get("ours"))
        ratio = f"{step / forward:.3f}" if forward and step else "not counted"
        rows.append(
            [
                entry.display_name,
                unit.format(_macs(measured.update.get("ours")), 4),
                unit.format(_flops(measured.update.get("ours")), 4),
                ratio,
                unit.format(_macs(measured.update.get("torch")), 3),
                unit.format(paper.operations_update, 2) if paper else "none",
            ]
        )
    return heads, rows


def _papers_backward(entries: Sequence[Entry]) -> str:
    """Whose training steps hold no backward pass in the paper: hardly more than a forward."""
    names = [
        entry.display_name
        for entry in entries
        if (paper := TABLE1.get(entry.name))
        and paper.operations_update < 1.5 * paper.operations_inference
    ]
    if not names:
        return ""
    return f" The paper's B of {', '.join(names)} is hardly more than its I: no backward pass."


def _paper_section(entries: Sequence[Entry], counts: Counts, unit: Unit) -> Iterable[str]:
    """How far the paper's numbers are those of a set of rules, for the networks it has."""
    rows = list(_paper_rows(entries, counts, unit))
    if not rows:  # none of the paper's networks
        return
    yield "## As the paper counted"
    heads = ["Model", "the paper's I", "thop's rules", "transposed once", "Reproduced within 3 %"]
    yield markdown_table(heads, rows)
    text = (
        "Both rules add the biases of convolutions to the multiply-adds. thop's rules multiply a "
        "transposed convolution by its output positions. The second rules count it once, and "
        "norms (four for each element), activations and upsampling too."
    )
    yield text + (SIZES_FIT if {entry.name for entry in entries}.issuperset(SIZES) else "")


def _paper_rows(entries: Sequence[Entry], counts: Counts, unit: Unit) -> Iterable[list[str]]:
    for entry in entries:
        measured, paper = counts.get(entry.name), TABLE1.get(entry.name)
        if measured is None or paper is None:
            continue
        by_rule = {words: measured.inference.get(rule) for rule, words in RULES.items()}
        errors = {
            words: macs / paper.operations_inference - 1
            for words, result in by_rule.items()
            if (macs := _macs(result)) is not None
        }
        if not errors:
            continue
        words, error = min(errors.items(), key=lambda item: abs(item[1]))
        yield [
            entry.display_name,
            unit.format(paper.operations_inference, 2),
            *(
                unit.format(_macs(result), 3)
                + (f" ({errors[words]:+.1%})" if words in errors else "")
                for words, result in by_rule.items()
            ),
            f"yes, {words}" if abs(error) <= TOLERANCE else "no",
        ]


def _scaling_table(
    entries: Sequence[Entry], scaling: Mapping[str, ScalingCounts], unit: Unit
) -> tuple[list[str], list[list[str]]]:
    heads = ["Model", f"Fixed part ({unit.letter})", f"Per second ({unit.letter})"]
    heads += ["2 s on the line", "At 20 s, line / count", "Batch 4 / batch 1"]
    rows = []
    for entry in entries:
        found = scaling.get(entry.name)
        if found is None:
            rows.append([entry.display_name, *["not counted"] * (len(heads) - 1)])
            continue
        rows.append(
            [
                entry.display_name,
                unit.format(found.fixed_macs, 4),
                format_significant(found.macs_per_sample * SAMPLE_RATE / unit.size, 4),
                "yes" if found.is_on_a_line else "no",
                f"{1 + found.error_at_checked:.4f}",
                format_significant(found.batch_ratio, 4),
            ]
        )
    return heads, rows


def _speed(counts: Iterable[CounterComparison]) -> str:
    """All networks together, for the counters that counted every one of them."""
    measured = [comparison.inference for comparison in counts]
    sums = {}
    for counter, title in {"ours": "this counter", **COUNTERS}.items():
        times = [found[counter].elapsed_s if counter in found else None for found in measured]
        known = [time for time in times if time is not None]
        if known and len(known) == len(times):
            sums[title] = sum(known)
    if not sums:
        return "No counter counted every network."
    lines = (f"{title} {seconds:.2f} s" for title, seconds in sums.items())
    return (
        f"One forward of each of {len(measured)} networks, in the same process one after another: "
        + ", ".join(lines)
        + ". Ours runs on tensors without data where a network allows it."
    )


def _failures(records: Sequence[Record]) -> Iterable[str]:
    lines = [
        f"- {record.job.model}, {record.job.probe}: {record.status.value}: {record.reason}"
        for record in records
        if record.status != Status.OK
    ]
    for record, comparison in results_of(CounterComparison, records):
        for phase, results in (("I", comparison.inference), ("B", comparison.update)):
            for counter, result in results.items():
                what = f"- {record.job.model}, {counter} ({phase}): "
                if result.reason:
                    lines.append(what + result.reason)
                if result.unknown_operators:
                    names = ", ".join(f"`{name}`" for name in result.unknown_operators)
                    lines.append(f"{what}no formula for {names}; their work is in no count.")
    if lines:
        yield "## What could not be counted"
        yield "\n".join(lines)


def _macs(result: CounterResult | None) -> float | None:
    return None if result is None else result.macs


def _flops(result: CounterResult | None) -> float | None:
    return None if result is None else result.flops
