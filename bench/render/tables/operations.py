"""reports/operations.md: our counts beside everybody else's, and how they grow."""

from collections.abc import Iterable, Mapping, Sequence

from bench.registry import SAMPLE_RATE, Entry
from bench.render.tables.markdown import markdown_table
from bench.results.measurements import CounterComparison, CounterResult, ScalingCounts
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

CAUSES = {
    ("torch", "demucs"): "the LSTM runs as one operator that it has no formula for: counted as 0.",
    ("torch", "dprnn"): "the LSTMs run as operators that it has no formula for: counted as 0.",
    ("fvcore", "demucs"): "`aten::lstm` has no handle: counted as 0 (fvcore lists it).",
    ("fvcore", "dprnn"): "`aten::lstm` has no handle: counted as 0 (listed); asteroid's filterbank "
    "is scripted code that its tracing does not look into.",
    ("fvcore", "conv-tasnet"): "asteroid's filterbank is scripted code that its tracing does not "
    "look into, and the last residual convolution, never used, is not in the traced graph.",
    ("fvcore", ""): "norms are counted too, five for each element.",
    ("ptflops", ""): "biases, norms and activations are counted too, one or more for each element; "
    "in recurrent layers, the work of the gates.",
    ("thop_rules", "dprnn"): "biases are counted too.",
    ("thop_rules", ""): "a transposed convolution is multiplied by its output positions, a factor "
    "of its stride too many; biases are counted too.",
}
"""Why a counter's figure differs from ours, for one network or (with an empty name) for all."""

RULES = {"thop_rules": "by thop's rules", "transposed_once_rules": "transposed once"}
EQUAL, NOT_COUNTED = "equal to ours.", "not counted (the reason is at the end)."
TOLERANCE = 0.03
UNREPRODUCED = {
    "demucs": "not known; as if the LSTM took 1.3 times its steps (padding, or a rule for LSTMs)",
    "dprnn": "not known; as if the LSTMs took 1.16 times their steps (segments, or a rule)",
}


def render_operations(entries: Sequence[Entry], records: Sequence[Record]) -> str:
    """The whole report from the records of the probes ``counters`` and ``scaling``."""
    counts = {r.job.model: found for r, found in results_of(CounterComparison, records)}
    scaling = {r.job.model: found for r, found in results_of(ScalingCounts, records)}
    workload = records[0].job.workload
    sections = [
        "# Operations, counted by everybody",
        f"One forward (I) and one update step (B) of {workload.n_samples} samples, batch "
        f"{workload.batch}. In G. MACs are multiply-adds of matrix products (convolutions, "
        "transposed convolutions, linear and recurrent layers); FLOPs are two for each, plus "
        "element-wise work.",
        "## Inference: our MACs beside other counters",
        markdown_table(*_inference_table(entries, counts)),
        "## Why they differ",
        "\n".join(_causes(entries, counts)),
        "## Update step",
        markdown_table(*_update_table(entries, counts)),
        "torch's counter multiplies the weight gradient of a grouped convolution by its groups "
        "(512 for a depth-wise one) and counts recurrent layers as 0. B is three times I, less "
        "the gradient that the first layer's input does not need. The paper's B is hardly more "
        "than its I, so it does not count a backward pass (but for Demucs, where it does).",
        "## As the paper counted",
        markdown_table(*_paper_table(entries, counts)),
        "Both rules add biases to the multiply-adds. thop's rules multiply a transposed "
        "convolution by its output positions. The paper's figures for the three sizes of "
        "SuDoRM-RF grow by 0.12 G a block from 0.58 G, which leaves no room for that factor: they "
        "fit transposed convolutions counted once, with norms (four for each element), "
        "activations and upsampling counted too.",
        "## How operations grow with the length",
        markdown_table(*_scaling_table(entries, scaling)),
        "MACs = fixed part + MACs per second × seconds, through the counts at 1 and 3 s at 8 kHz, "
        "compared with the counts at 2 s and at 20 s. A negative fixed part is the frames that an "
        "unpadded encoder loses at the edges. Demucs pads every input with 14,420 zeros (the fixed "
        "part), and drops rests of divisions at each level, so that its count moves in steps.",
        "## How long counting takes",
        _speed(counts.values()),
    ]
    return "\n\n".join([*sections, *_failures(records)]) + "\n"


def _inference_table(entries: Sequence[Entry], counts: Counts) -> tuple[list[str], list[list[str]]]:
    heads = ["Model", "MACs", "FLOPs", *COUNTERS.values(), "the paper's I"]
    rows = []
    for entry in entries:
        measured = counts.get(entry.name, NONE)
        paper = TABLE1.get(entry.name)
        rows.append(
            [
                entry.display_name,
                _giga(measured.inference.get("ours"), 4),
                _giga_flops(measured.inference.get("ours")),
                *(_giga(measured.inference.get(counter)) for counter in COUNTERS),
                f"{paper.operations_inference / 1e9:.2f}" if paper else "none",
            ]
        )
    return heads, rows


def _causes(entries: Sequence[Entry], counts: Counts) -> Iterable[str]:
    """A line for each counter and cause, with the networks that it is about."""
    for counter, title in COUNTERS.items():
        by_cause: dict[str, list[str]] = {}
        for entry in entries:
            difference = _difference(counts.get(entry.name, NONE), counter)
            if difference is None or difference == 0:
                cause = EQUAL if difference == 0 else NOT_COUNTED
                text = entry.display_name
            else:
                cause = CAUSES.get((counter, entry.name)) or CAUSES.get((counter, ""), "not known.")
                text = f"{entry.display_name} ({difference:+.1%})"
            by_cause.setdefault(cause, []).append(text)
        for cause, networks in by_cause.items():
            yield f"- **{title}**, {', '.join(networks)}: {cause}"


def _difference(measured: CounterComparison, counter: str) -> float | None:
    theirs, ours = _macs(measured.inference.get(counter)), _macs(measured.inference.get("ours"))
    return None if theirs is None or not ours else theirs / ours - 1


def _update_table(entries: Sequence[Entry], counts: Counts) -> tuple[list[str], list[list[str]]]:
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
                _giga(measured.update.get("ours"), 4),
                _giga_flops(measured.update.get("ours")),
                ratio,
                _giga(measured.update.get("torch")),
                f"{paper.operations_update / 1e9:.2f}" if paper else "none",
            ]
        )
    return heads, rows


def _paper_table(entries: Sequence[Entry], counts: Counts) -> tuple[list[str], list[list[str]]]:
    heads = ["Model", "the paper's I", "thop's rules", "transposed once", "Reproduced within 3 %"]
    rows = []
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
        verdict = f"yes, {words}" if abs(error) <= TOLERANCE else "no"
        if verdict == "no":
            verdict += f": {UNREPRODUCED.get(entry.name, 'not known')}"
        rows.append(
            [
                entry.display_name,
                f"{paper.operations_inference / 1e9:.2f}",
                *(
                    _giga(result) + (f" ({errors[words]:+.1%})" if words in errors else "")
                    for words, result in by_rule.items()
                ),
                verdict,
            ]
        )
    return heads, rows


def _scaling_table(
    entries: Sequence[Entry], scaling: Mapping[str, ScalingCounts]
) -> tuple[list[str], list[list[str]]]:
    heads = ["Model", "Fixed part (G)", "Per second (G)", "2 s on the line"]
    heads += ["At 20 s, line / count", "Batch 4 / batch 1"]
    rows = []
    for entry in entries:
        found = scaling.get(entry.name)
        if found is None:
            rows.append([entry.display_name, *["not counted"] * (len(heads) - 1)])
            continue
        rows.append(
            [
                entry.display_name,
                f"{found.fixed_macs / 1e9:.4f}",
                format_significant(found.macs_per_sample * SAMPLE_RATE / 1e9, 4),
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
    lines = (f"{title} {seconds:.2f} s" for title, seconds in sums.items())
    return (
        f"One forward of each of {len(measured)} networks, in the same process one after another: "
        + ", ".join(lines)
        + ". Ours runs on tensors without data, so that Demucs needs none of its 1.7 GB."
    )


def _failures(records: Sequence[Record]) -> Iterable[str]:
    lines = [
        f"- {record.job.model}, {record.job.probe}: {record.status.value}: {record.reason}"
        for record in records
        if record.status != Status.OK
    ]
    lines += [
        f"- {record.job.model}, {counter}: {result.reason}"
        for record, comparison in results_of(CounterComparison, records)
        for counter, result in [*comparison.inference.items(), *comparison.update.items()]
        if result.reason
    ]
    if lines:
        yield "## What could not be counted"
        yield "\n".join(lines)


def _macs(result: CounterResult | None) -> float | None:
    return None if result is None else result.macs


def _giga(result: CounterResult | None, decimals: int = 3) -> str:
    macs = _macs(result)
    return "not counted" if macs is None else f"{macs / 1e9:.{decimals}f}"


def _giga_flops(result: CounterResult | None) -> str:
    flops = None if result is None else result.flops
    return "not counted" if flops is None else f"{flops / 1e9:.4f}"
