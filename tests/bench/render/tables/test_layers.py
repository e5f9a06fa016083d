"""Trees add up: what is shown inside a module, and what it does itself, is the module."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.measuring.probes import layers
from bench.networks.factory import resolve_factory
from bench.registry import REGISTRY, select_entries
from bench.render.tables.layers import Line, render_layers, select_lines
from bench.results.measurements import ModuleRow
from bench.results.workload import Workload

COUNTS = st.integers(0, 1000)


@st.composite
def trees(draw: st.DrawFn) -> list[ModuleRow]:
    """Modules in modules, each doing something itself or nothing."""
    return [row for row, _ in _draw_tree(draw, "", 0)]


def _draw_tree(draw: st.DrawFn, path: str, level: int) -> list[tuple[ModuleRow, int]]:
    n_inside = draw(st.integers(0, 3)) if level < 3 else 0
    prefix = f"{path}." if path else ""
    inside = [_draw_tree(draw, f"{prefix}m{index}", level + 1) for index in range(n_inside)]
    macs, more, n_params = draw(COUNTS), draw(COUNTS), draw(COUNTS)
    heads = [tree[0][0] for tree in inside]
    row = ModuleRow(
        path=path,
        type="T",
        part="other",
        n_params=n_params + sum(head.n_params for head in heads),
        macs=macs + sum(head.macs for head in heads),
        flops=2 * macs + more + sum(head.flops for head in heads),
        own_macs=macs,
        own_flops=2 * macs + more,
        output_bytes=8,
        own_n_params=n_params,
    )
    return [(row, level), *(pair for tree in inside for pair in tree)]


def assert_adds_up(lines: list[Line]) -> None:
    """Every shown module is the sum of its lines, unless none of what is inside it is shown."""
    for line in lines:
        if line.is_itself:
            continue
        inside = [
            other
            for other in lines
            if not other.is_itself
            and other.row.path
            and other.row.path.rpartition(".")[0] == line.row.path
        ]
        itself = [other for other in lines if other.is_itself and other.row == line.row]
        assert len(itself) <= bool(inside)
        if inside:
            parts = inside + itself
            assert sum(part.macs for part in parts) == line.macs
            assert sum(part.flops for part in parts) == line.flops
            assert sum(part.n_params or 0 for part in parts) == line.n_params


@given(rows=trees(), depth=st.integers(0, 4))
def test_every_tree_adds_up_at_every_depth(rows: list[ModuleRow], depth: int) -> None:
    lines = list(select_lines(rows, depth))
    assert_adds_up(lines)
    shown = [line.row.path for line in lines if not line.is_itself]
    assert shown == [row.path for row in rows if not row.path or row.path.count(".") < depth]


@pytest.mark.parametrize("name", ["conv-tasnet", "dprnn", "sudormrf-0.25x"])
def test_the_papers_networks_add_up(name: str) -> None:
    workload = Workload("inference", "cpu", 800, 1, "float32", 1, 0)
    rows = layers.measure(resolve_factory(REGISTRY[name].factory), workload, 0.0).modules
    for depth in (1, 2, 3):
        assert_adds_up(list(select_lines(rows, depth)))


def make_root(own_macs: int, own_n_params: int | None) -> list[ModuleRow]:
    macs = own_macs + 3_000_000
    root = ModuleRow("", "Net", "other", 9, macs, 2 * macs, own_macs, 2 * own_macs, 8, own_n_params)
    child = ModuleRow("a", "Conv1d", "other", 5, 3_000_000, 6_000_000, 3_000_000, 6_000_000, 8, 5)
    return [root, child]


def lines_of(rows: list[ModuleRow]) -> list[list[str]]:
    """The cells of the tree, below its head."""
    (entry,) = select_entries(["nets:mine"])
    text = render_layers([entry], {entry.name: rows}, 2)
    table = [line for line in text.splitlines() if line.startswith("|")][2:]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in table]


def test_what_the_network_does_itself_is_a_line() -> None:
    itself = lines_of(make_root(128_000_000, 4))[1]
    assert itself == ["(itself)", "Net", "4", "128 M", "97.7%", "256 M", ""]


def test_a_module_that_does_nothing_itself_has_no_line() -> None:
    assert [line[0] for line in lines_of(make_root(0, 0))] == ["(all)", "`a`"]


def test_parameters_that_the_records_do_not_hold_are_left_out() -> None:
    """Those of the first release."""
    assert lines_of(make_root(128_000_000, None))[1][2] == ""
