"""comparison.md: whole tables, values as in Table 1, and columns that follow the order of runs."""

import re
from collections.abc import Sequence
from dataclasses import replace

import pytest
from markdown_it import MarkdownIt

from bench.errors import UsageError
from bench.registry import TABLE1
from bench.render.run_columns import SideBySide
from bench.render.tables.side_by_side import describe_distance, render_side_by_side
from bench.results.record import Record, Status
from bench.results.summary import RunSummary, Value, summarize
from bench.results.timing import Doubt, DoubtKind
from tests.bench.example_records import (
    SETTINGS,
    complete_run,
    complete_run_on_gpu,
    environment,
    fail,
    make_job,
    make_record,
    make_rounds,
)
from tests.bench.made_up_runs import (
    NETWORKS,
    make_run,
    nowhere,
    of_commit,
    on_machine,
    with_values,
)
from tests.bench.render.tables.test_table1 import Table, tables

TIME = "latency_s_inference"


def render(*runs: RunSummary) -> str:
    return render_side_by_side(SideBySide.of(runs))


def table_below(text: str, title: str) -> Table:
    """The first table below a heading."""
    return next(tables(text.partition(f"# {title}\n\n")[2]))


def column(table: Table, head: str) -> list[str]:
    """The cells below a head."""
    index = table[0].index(head)
    return [row[index] for row in table[1:]]


def elsewhere(records: Sequence[Record], cpu: str = "Other") -> RunSummary:
    place = environment(machine={"cpu": cpu})
    return summarize([replace(record, environment=place) for record in records])


A, B, C = on_machine("A"), on_machine("B", factor=2.0), on_machine("C", factor=0.5)
DEAD = [fail(record, Status.OOM, "Full.") for record in make_run()]
OWN = make_rounds([[0.5, 0.5]] * 3, make_job("my.networks:small", factory="my.networks:small"))


@pytest.mark.parametrize(
    "others",
    [
        pytest.param([B], id="complete"),
        pytest.param([B, C], id="three runs"),
        pytest.param([elsewhere(DEAD)], id="all failed"),
        pytest.param([summarize(nowhere(DEAD))], id="nothing known"),
        pytest.param([elsewhere(OWN)], id="own network"),
        pytest.param([elsewhere(make_run(NETWORKS[:1]))], id="one network"),
        pytest.param([summarize(complete_run_on_gpu(NETWORKS))], id="on a GPU"),
        pytest.param([A], id="the same twice"),
    ],
)
@pytest.mark.parametrize("is_first", [True, False])
def test_tables_are_well_formed_and_no_cell_is_blank(
    others: list[RunSummary], is_first: bool
) -> None:
    text = render(A, *others) if is_first else render(*others, A)
    found = list(tables(text))
    assert len(found) >= 2
    for heads, *rows in found:
        assert rows
        assert all(len(row) == len(heads) for row in rows)
        assert all(cell for row in (heads, *rows) for cell in row)
    assert not re.search(r"\b(nan|None|inf)\b", text)


def test_only_failures_of_one_network_on_both_sides() -> None:
    dead = [record for record in DEAD if record.job.model == NETWORKS[0].name]
    text = render(summarize(dead), elsewhere(dead))
    assert column(table_below(text, "Time I (s)"), "Other") == ["oom"]
    assert column(table_below(text, "Time I (s)"), "Other / Example") == ["none"]
    assert "Kendall" not in text


def test_values_are_as_in_table_1_and_ratios_have_joined_intervals() -> None:
    """Of three rounds 1 % apart half an interval is 2.5 %, and of two of them 3.5 %."""
    table = table_below(render(A, B), "Time I (s)")
    assert table[0] == ["Model", "A", "B", "B / A"]
    assert [row[0] for row in table[1:]] == [entry.display_name for entry in NETWORKS]
    assert column(table, "A") == ["0.101 ± 2 %", "0.202 ± 2 %", "0.303 ± 2 %"]
    assert column(table, "B") == ["0.202 ± 2 %", "0.404 ± 2 %", "0.606 ± 2 %"]
    assert column(table, "B / A") == ["2.00 ± 3 %"] * 3


def test_counts_and_memory_have_ratios_without_intervals() -> None:
    text = render(A, B)
    for title in (
        "Params (M)",
        "MACs I (G)",
        "MACs B (G)",
        "Memory I (GB)",
        "Memory B on cpu (GB)",
    ):
        assert column(table_below(text, title), "B / A") == ["1"] * 3


def test_counts_that_hardly_differ_have_the_digits_that_tell_them_apart() -> None:
    other = with_values(B, "n_params", [Value(1_000_004.0), Value(2_000_006.0), Value(6e6)])
    table = table_below(render(A, other), "Params (M)")
    assert column(table, "B / A") == ["1.000001", "1", "2.00"]


def test_the_order_of_the_runs_is_that_of_the_columns() -> None:
    def values(*runs: RunSummary) -> list[dict[str, list[str]]]:
        found = list(tables(render(*runs)))
        return [
            {h: column(t, h) for h in t[0] if " / " not in h} for t in found if t[0][0] == "Model"
        ]

    assert values(A, B, C) == values(C, A, B) == values(B, C, A)
    assert table_below(render(C, A, B), "Time I (s)")[0] == [
        "Model",
        "C",
        "A",
        "B",
        "A / C",
        "B / C",
    ]
    assert column(table_below(render(C, A, B), "Time I (s)"), "B / C") == ["4.00 ± 3 %"] * 3


def test_exchanged_runs_have_one_over_the_ratio() -> None:
    assert column(table_below(render(B, A), "Time I (s)"), "A / B") == ["0.500 ± 3 %"] * 3


def test_a_range_has_a_range_of_ratios() -> None:
    noisy = [replace(r, job=replace(r.job, round=0)) for r in make_run() if r.job.round == 0]
    table = table_below(render(A, elsewhere(noisy, "B")), "Time I (s)")
    assert all(cell.endswith(", noisy") for cell in column(table, "B"))
    assert all(re.fullmatch(r"[\d.]+ to [\d.]+, noisy", cell) for cell in column(table, "B / A"))
    assert column(table, "A") == ["0.101 ± 2 %", "0.202 ± 2 %", "0.303 ± 2 %"]


def test_doubts_mark_values_and_their_ratios_and_are_explained_by_run() -> None:
    doubt = Doubt(DoubtKind.WIDE_INTERVAL, share=0.12)
    values = [replace(model.values[TIME], doubts=(doubt,)) for model in B.models]
    text = render(A, with_values(B, TIME, values))
    table = table_below(text, "Time I (s)")
    assert column(table, "B")[0] == "0.202† ± 2 %"
    assert column(table, "B / A")[0] == "2.00† ± 3 %"
    assert column(table, "A")[0] == "0.101 ± 2 %"
    notes = text.partition("## What could not be measured, or not well\n\n")[2]
    assert notes.startswith(
        "### In B\n\n- Every network, Time I: Noisy: an interval of ± 12 %.\n\n## Where"
    )


def test_failures_are_explained_by_run() -> None:
    records = [
        fail(r, Status.OOM, "Full | of <b>it</b>.") if r.job.model == NETWORKS[2].name else r
        for r in make_run()
    ]
    text = render(A, elsewhere(records))
    name = NETWORKS[2].display_name
    assert f"### In Other\n\n- {name}, everything: oom: Full | of &lt;b&gt;it&lt;/b&gt;." in text
    assert column(table_below(text, "Time I (s)"), "Other")[2] == "oom"
    assert column(table_below(text, "Time I (s)"), "Other / A") == ["1.00 ± 3 %"] * 2 + ["none"]
    assert "### In A" not in text
    within = table_below(text, "Time I, ratio to SuDoRM-RF 1.0x")
    assert column(within, "Other") == ["0.500 ± 0.0 %", "1", "oom"]


def test_networks_that_not_all_runs_have_are_named() -> None:
    text = render(A, elsewhere(make_run(TABLE1[4:7]), "B"))
    assert "- only in A: Two-Step TDCN\n- only in B: SuDoRM-RF 0.25x\n" in text
    table = table_below(text, "Time I (s)")
    assert column(table, "A") == ["0.101 ± 2 %", "0.202 ± 2 %", "0.303 ± 2 %", "not in this run"]
    assert [cell == "none" for cell in column(table, "B / A")] == [True, False, False, True]
    assert "only in" not in render(A, B)


def test_ratios_within_runs_are_paired_and_say_by_how_much_they_moved() -> None:
    table = table_below(render(A, B), "Time I, ratio to SuDoRM-RF 1.0x")
    assert table[0] == ["Model", "A", "B", "B / A"]
    assert [row[1:] for row in table[1:]] == [
        ["0.500 ± 0.0 %", "0.500 ± 0.0 %", "1.00 ± 0.0 %"],
        ["1", "1", "1"],
        ["1.50 ± 0.0 %", "1.50 ± 0.0 %", "1.00 ± 0.0 %"],
    ]


def test_a_ratio_within_a_run_without_a_pair_is_not_known() -> None:
    """Rounds of the two networks that are not the same ones."""
    ours = make_rounds([[0.1, 0.1]] * 3, make_job(NETWORKS[0].name))
    moved = [replace(r, job=replace(r.job, round=r.job.round + 9)) for r in ours]
    base = make_rounds([[0.2, 0.2]] * 3, make_job("sudormrf-1.0x"))
    table = table_below(render(A, elsewhere([*moved, *base])), "Time I, ratio to SuDoRM-RF 1.0x")
    assert column(table, "Other") == ["not known", "1", "not in this run"]
    assert column(table, "Other / A") == ["none", "1", "none"]


@pytest.mark.parametrize(
    ("took_turns", "words"),
    [
        ((True, True), "to another: of calls next to each other in time. The"),
        ((True, False), "in time; in B of two processes of one round, since each ran alone. The"),
        ((False, False), "to another: in all runs of two processes of one round"),
    ],
)
def test_what_ratios_within_are_of_is_said(took_turns: tuple[bool, bool], words: str) -> None:
    runs = (replace(run, took_turns=took) for run, took in zip((A, B), took_turns, strict=True))
    assert words in render(*runs)


def test_ratios_to_two_bases_are_not_divided() -> None:
    text = render(A, elsewhere(make_run(NETWORKS[2:]), "B"))
    table = table_below(text, "Time I, ratio to the base network")
    assert table[0][2] == f"B, to {NETWORKS[2].display_name}"
    assert column(table, "B / A") == ["none"] * 3


def test_training_steps_of_two_devices_are_compared_by_the_allocators_peak() -> None:
    gpu = summarize(complete_run_on_gpu(NETWORKS))
    text = render(A, gpu)
    table = table_below(text, "Memory B on cpu and cuda, of torch's allocator (GB)")
    assert table[0][1:3] == ["A", "Example"]
    metric = "peak_allocated_bytes_update"
    assert [float(cell) for cell in column(table, "A")] == pytest.approx(
        [(model.values[metric].value or 0) / 1e9 for model in A.models], rel=6e-3
    )
    on_gpu = table_below(text, "Time I on the GPU (ms)")
    assert column(on_gpu, "A") == ["not in this run"] * 3
    assert column(on_gpu, "Example")[0] == "101 ± 2 %"
    assert column(on_gpu, "Example / A") == ["none"] * 3
    assert "of torch's allocator" not in render(A, B)
    assert "on the GPU" not in render(A, B)


def test_the_first_section_says_what_differs_and_no_other_fact() -> None:
    text = render(A, B)
    (heads, *rows) = table_below(text, "What differs")
    assert text.index("## What differs") < text.index("## Values")
    assert heads == ["What", "A", "B"]
    assert [row[0] for row in rows] == ["Began", "Machine: processor"]


@pytest.mark.parametrize(
    ("runs", "words"),
    [
        ((A, B), "on different machines"),
        ((A, B, A), "on different machines or at different times"),
        ((A, of_commit("f" * 40), of_commit("e" * 40)), "machines or at different times"),
        ((A, A), "at different times, on one machine or on several of one description"),
        ((A, summarize(nowhere(make_run()))), "a machine that nobody described"),
    ],
)
def test_how_far_apart_runs_were_made_is_said(runs: Sequence[RunSummary], words: str) -> None:
    assert describe_distance(runs).endswith(words)
    assert f"measured apart, {describe_distance(runs)}:" in render(*runs)


def test_names_of_others_are_no_markup() -> None:
    """A reader of Markdown sees a network and a machine by their names, and no HTML of theirs."""
    network, cpu = "nets.py:a|b<script>x</script>*_y_", "Прóцессор | <i>№1</i>"
    runs = [
        make_rounds([[0.5, 0.5]] * 3, make_job(network, factory=network)),
        make_rounds([[0.2, 0.2]] * 3, make_job(network, factory=network)),
    ]
    text = render(elsewhere(runs[0], cpu), elsewhere(runs[1], "漢 | CPU*"))
    page = MarkdownIt("commonmark").enable("table").render(text)
    assert "<script" not in page
    assert "<i>" not in page
    assert "<em>" not in page
    seen = "nets.py:a|b&lt;script&gt;x&lt;/script&gt;*_y_"
    assert page.count(f'<td style="text-align:left">{seen}</td>') == 1
    assert '<th style="text-align:right">Прóцессор | &lt;i&gt;№1&lt;/i&gt;</th>' in page
    assert '<th style="text-align:right">漢 | * / Прóцессор | &lt;i&gt;№1&lt;/i&gt;</th>' in page


def test_runs_of_other_probes_have_nothing_to_compare() -> None:
    records = [make_record(make_job(probe="layers"))]
    with pytest.raises(UsageError, match="nothing that Table 1 has a column for"):
        SideBySide.of([summarize(records), elsewhere(records)])


def test_what_no_run_has_makes_no_table() -> None:
    counts = [record for record in make_run() if record.job.probe == "operations"]
    text = render(summarize(counts), elsewhere(counts))
    assert [line for line in text.splitlines() if line.startswith("### M")] == [
        "### MACs I (G)",
        "### MACs B (G)",
    ]
    assert "### Time" not in text
    assert "Kendall" not in text


def test_another_length_is_another_run() -> None:
    short = summarize(complete_run(NETWORKS, replace(SETTINGS, n_samples=4000)))
    text = render(summarize(complete_run(NETWORKS)), short)
    assert "# Runs side by side: 8000 samples; 4000 samples\n" in text
