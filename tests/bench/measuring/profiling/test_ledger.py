"""Whose a stretch of time or an allocation is, on spans made by hand."""

from collections.abc import Sequence

import pytest
from torch import nn

from bench.counting.origins import Origins
from bench.measuring.profiling.ledger import add_up_times, follow_memory
from bench.measuring.profiling.rows import make_rows
from bench.measuring.profiling.spans import MODULE, PART, STEP, Allocation, Span
from bench.measuring.profiling.trace import OperatorRun, Trace
from bench.results.measurements import Kind, Tally
from bench.results.profile import BETWEEN, Place
from bench.results.record import CellError


def run(name: str, module: str, part: str = "forward", kind: Kind = "elementwise") -> OperatorRun:
    return OperatorRun(f"aten::{name}", Place(part, module, name, ""), Tally(kind, calls=1))


def traced(*runs: OperatorRun) -> Trace:
    return Trace(Origins(nn.Identity()), list(runs))


def span(name: str, start: int, end: int, *inside: Span | Allocation, **more: int) -> Span:
    return Span(name, start, end, inside=list(inside), **more)


def forward(*inside: Span | Allocation, end: int = 100) -> Span:
    return span(STEP, 0, end, span(f"{PART}forward", 0, end, *inside))


TRACE = traced(run("conv", "a"), run("add", ""))
SPANS = forward(
    span(
        f"{MODULE}a",
        10,
        60,
        span("aten::conv1d", 20, 50, span("aten::conv", 25, 45, span("aten::_conv", 30, 40))),
    ),
    span("aten::add", 70, 90),
)


def test_time_goes_to_operators_and_to_what_lies_between_them() -> None:
    seconds = add_up_times(TRACE, SPANS, on_device=False)
    ns = {place: round(1e9 * s) for place, s in seconds.items()}
    assert ns == {
        Place("forward", "a", "conv", ""): 20,
        Place("forward", "a", BETWEEN, ""): 30,  # the composite operator and the module itself
        Place("forward", "", "add", ""): 20,
        Place("forward", "", BETWEEN, ""): 30,
    }
    assert sum(ns.values()) == 100


def test_on_a_device_it_is_the_time_of_the_kernels() -> None:
    launch = Span("aten::conv", 25, 45, device_ns=7, inside=[Span("aten::_c", 30, 40, device_ns=5)])
    step = forward(launch, span("aten::add", 70, 90, device_ns=3))
    seconds = add_up_times(TRACE, step, on_device=True)
    found = {place.operator: round(1e9 * s) for place, s in seconds.items()}
    assert found == {"conv": 12, "add": 3, BETWEEN: 0}


def test_autograds_own_time_goes_to_the_module_of_its_node() -> None:
    trace = traced(run("conv", "a"), run("conv_backward", "a", "backward"))
    trace.origins._by_node[7] = 0
    node = span("autograd::engine::evaluate_function: X", 50, 90, sequence=7)
    node.inside.append(span("aten::conv_backward", 60, 80))
    step = span(
        STEP,
        0,
        100,
        span(f"{PART}forward", 0, 40, span("aten::conv", 0, 40)),
        span(f"{PART}backward", 40, 100, node),
    )
    seconds = add_up_times(trace, step, on_device=False)
    assert round(1e9 * seconds[Place("backward", "a", BETWEEN, "")]) == 20
    assert round(1e9 * seconds[Place("backward", "", BETWEEN, "")]) == 20
    assert round(1e9 * sum(seconds.values())) == 100


def test_an_operator_inside_another_is_part_of_it() -> None:
    """Even where the next one that is due has its name."""
    trace = traced(run("mean", "a"), run("sum", "b"))
    step = forward(span("aten::mean", 0, 30, span("aten::sum", 10, 20)), span("aten::sum", 40, 60))
    seconds = add_up_times(trace, step, on_device=False)
    assert round(1e9 * seconds[Place("forward", "b", "sum", "")]) == 20


def test_what_computes_nothing_may_be_missing_and_is_not_counted_then() -> None:
    copy = run("clone", "dropout", kind="movement")
    trace = traced(copy, run("add", ""), copy)
    seconds = add_up_times(trace, forward(span("aten::add", 0, 20)), on_device=False)
    assert round(1e9 * seconds[Place("forward", "", "add", "")]) == 20
    rows, _ = make_rows(trace, [seconds])
    calls = {row.place.operator: row.calls for row in rows if row.calls}
    assert calls == {"add": 1, "clone": 1}


@pytest.mark.parametrize("spans", [[span("aten::conv", 0, 10)], []], ids=len)
def test_another_step_is_refused(spans: Sequence[Span]) -> None:
    with pytest.raises(CellError, match=r"operator \d of 2, aten::\w+ \(forward, "):
        add_up_times(TRACE, forward(*spans), on_device=False)


@pytest.mark.parametrize(("name", "real"), [("add", "add_"), ("bmm", "mm")])
def test_the_same_work_by_another_name_has_the_name_that_it_runs_by(name: str, real: str) -> None:
    trace = traced(run(name, "a", kind="matmul"))
    seconds = add_up_times(trace, forward(span(f"aten::{real}", 0, 20)), on_device=False)
    rows, _ = make_rows(trace, [seconds])
    assert {row.place.operator: row.calls for row in rows if row.calls} == {real: 1}


def test_an_operator_too_many_is_refused() -> None:
    again = [*SPANS.inside[0].inside, span("aten::add", 92, 95)]  # type: ignore[union-attr]
    with pytest.raises(CellError, match="aten::add runs once more in the network itself"):
        add_up_times(TRACE, forward(*again), on_device=False)


def test_memory_is_followed_from_operator_to_operator() -> None:
    """conv takes 100 and a workspace of 40 that it gives back; 100 are free after add began."""
    step = forward(
        span(
            "aten::conv",
            0,
            50,
            Allocation(1, 0xA, 100),
            span("aten::_conv", 10, 40, Allocation(11, 0xB, 40), Allocation(30, 0xB, -40)),
        ),
        Allocation(55, 0xEE, -999),  # was there before
        span("aten::add", 60, 90, Allocation(61, 0xC, 70)),
        Allocation(95, 0xA, -100),
        Allocation(96, 0xA, 8),  # the address again
    )
    memory = follow_memory(TRACE, step, (4, 2), before_bytes=1000)
    assert memory.rows == (4, 2)
    assert memory.live_bytes == (1100, 1140, 1100, 1170, 1070, 1078)
    assert memory.peak_bytes == 1170
    lives = [(block.n_bytes, block.born, block.died) for block in memory.blocks]
    assert lives == [(100, 0, 1), (40, 0, 0), (70, 1, None), (8, 1, None)]
    assert memory.alive_after(3) == [0, 2]
    assert list(memory.fullest_change_of_each_operator()) == [(0, 1), (1, 3)]
