"""The numbers of docs/performance.md are those of the committed profiles."""

import json
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import pytest

from bench.results.costs import section_of
from bench.units import format_si, format_significant

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs" / "performance.md").read_text(encoding="utf-8")
Row = Mapping[str, Any]


def profile(model: str, phase: str) -> dict[str, Any]:
    """One phase of a committed profile, with a mapping for each row."""
    text = (ROOT / "reports" / "explain" / f"{model}.json").read_text(encoding="utf-8")
    found: dict[str, Any] = json.loads(text)["phases"][phase]
    rows = [dict(zip(found["columns"], row, strict=True)) for row in found["rows"]]
    return found | {"rows": rows}


def line_of(row: Row) -> str:
    """The line of the page's table that a row of SuDoRM-RF belongs to."""
    module, operator = row["module"], row["operator"]
    if row["part"] in ("loss", "optimiser", "zero_grad"):
        return "Loss, Adam, zero_grad"
    if operator == "":
        return "Between operators"
    section = section_of(module) if module else ""
    if section in ("encoder", "bottleneck", "decoder"):
        return "Encoder, bottleneck, decoder"
    if section == "masks" or operator.startswith("_softmax") or not module:
        return "Masks, applied"
    kinds = {
        "convolution": "Depth-wise convolutions" if ".levels." in module else "Point-wise products",
        "native_group_norm": "Normalisation",
        "upsample_nearest1d": "Upsampling",
        "_prelu_kernel": "PReLU",
    }
    return kinds.get(operator.removesuffix("_backward"), "Sums of levels and residuals, other")


def sum_up(rows: Iterable[Row], line: Callable[[Row], str]) -> dict[str, tuple[float, float]]:
    """Seconds and the floor of each line, the longest first."""
    found: dict[str, tuple[float, float]] = {}
    for row in rows:
        time_s, floor_s = found.get(line(row), (0.0, 0.0))
        found[line(row)] = time_s + row["time_s"], floor_s + row["floor_s"]
    return dict(sorted(found.items(), key=lambda item: -item[1][0]))


def table(phase: str) -> list[str]:
    """The lines of the page's table of one phase of SuDoRM-RF 1.0x."""
    found = profile("sudormrf-1.0x", phase)
    lines = []
    for name, (time_s, floor_s) in sum_up(found["rows"], line_of).items():
        floor = format_si(floor_s, "s") if floor_s else ""
        times = format_significant(time_s / floor_s, 2) if floor_s else ""
        share = f"{time_s / found['step_s']:.0%}"
        lines.append(f"| {name} | {format_si(time_s, 's')} | {share} | {floor} | {times} |")
    return lines


@pytest.mark.parametrize("phase", ["inference", "update"])
def test_where_time_goes(phase: str) -> None:
    for line in table(phase):
        assert line in PAGE


def test_where_the_memory_of_dprnn_goes() -> None:
    """What autograd keeps for the recurrent layers, of the peak."""
    found = profile("dprnn", "update")
    rows = found["rows"]
    kept = sum(
        n_bytes
        for n_bytes, made_by, _ in found["saved"]
        if made_by is not None and rows[made_by]["operator"] == "mkldnn_rnn_layer"
    )
    assert f"{found['peak_bytes']:,} bytes" in PAGE
    share = f"{kept / found['peak_bytes']:.0%}"
    assert f"{format_si(kept, 'B')} ({share}) are what recurrent layers keep" in PAGE
