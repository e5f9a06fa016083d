"""Tables for papers: the values of the summary, a cell below each head, and LaTeX takes them."""

import re
import shutil
import subprocess
from collections.abc import Callable, Iterable
from functools import cache
from pathlib import Path

import pytest
from pylatexenc.latexwalker import LatexWalker

from bench.registry import FAMILY, KNOWN, TABLE1, TABLE2, Entry
from bench.render.tables.latex import DAGGER
from bench.render.tables.papers import (
    render_family_tex,
    render_table1_tex,
    render_table2_tex,
    render_zoo_tex,
    value_cell,
)
from bench.render.tables.runtimes import render_runtimes_tex
from bench.results.form_summary import summarize_forms
from bench.results.record import Record, Status
from bench.results.statistics import Interval
from bench.results.summary import RunSummary, Value, summarize
from tests.bench.committed_runs import newest_table1
from tests.bench.example_records import (
    complete_run,
    complete_run_on_gpu,
    fail,
    make_job,
    make_record,
    make_rounds,
)
from tests.bench.example_results import measured
from tests.bench.made_up_forms import FORM, rounds

REPORTS = Path(__file__).parents[4] / "reports"
OWN = r"nets/my_file.py:build(n_blocks=8,x='a\b')@16000"
ZOO = (KNOWN["sudormrf-1.0x"], KNOWN["sepformer"], KNOWN["htdemucs"])


def own_run() -> list[Record]:
    jobs = [
        make_job(OWN, probe, phase, factory=OWN, round_index=index)
        for probe, n_rounds in (("operations", 1), ("memory", 1), ("latency", 3))
        for phase in ("inference", "update")
        for index in range(n_rounds)
    ]
    return [make_record(job, measured(1.0, job)) for job in jobs]


def hurt_run() -> list[Record]:
    """Cells of all kinds: failed, a range, a number in doubt, and numbers."""
    noisy = make_rounds([[0.1], [0.2]] * 3, make_job("demucs"))
    wide = make_rounds([[t] * 5 for t in (0.85, 1.0, 1.15, 0.92, 1.08)], make_job("dprnn"))
    kept = [
        record
        for record in complete_run()
        if record.job.probe != "latency"
        or record.job.workload.phase != "inference"
        or record.job.model not in ("demucs", "dprnn")
    ]
    return [
        fail(record, Status.NON_FINITE, "NaN among 50 % of them.")
        if record.job.model == "two-step-tdcn" and record.job.probe == "memory"
        else record
        for record in [*kept, *noisy, *wide]
    ]


def of(entries: Iterable[Entry]) -> RunSummary:
    return summarize(complete_run(tuple(entries)))


FORMS = [*rounds(0.1, dtype="float32"), *rounds(0.04, FORM, runtime="onnxruntime", dtype="int8")]
MAKERS: dict[str, Callable[[], str]] = {
    "table1": lambda: render_table1_tex(of(TABLE1)),
    "table1-gpu": lambda: render_table1_tex(summarize(complete_run_on_gpu())),
    "table1-hurt": lambda: render_table1_tex(summarize(hurt_run())),
    "table1-own": lambda: render_table1_tex(summarize([*complete_run(TABLE1[:2]), *own_run()])),
    "own": lambda: render_table1_tex(summarize(own_run())),
    "committed": lambda: render_table1_tex(newest_table1(REPORTS)),
    "table2": lambda: render_table2_tex(of(TABLE2)),
    "zoo": lambda: render_zoo_tex(of(ZOO)),
    "family": lambda: render_family_tex(of(FAMILY)),
    "runtimes": lambda: render_runtimes_tex(summarize_forms(FORMS), FORMS),
}


TABLES = {name: cache(make) for name, make in MAKERS.items()}


def body_of(text: str) -> list[list[str]]:
    """The cells of each row, the heads first, as LaTeX."""
    inside = text[text.index(r"\toprule") : text.index(r"\bottomrule")]
    lines = [line for line in inside.splitlines() if line.endswith(r"\\")]
    rows = [re.split(r"(?<!\\)&", line.removesuffix(r"\\")) for line in lines]
    return [[cell.strip() for cell in row] for row in rows]


def row_of(text: str, name: str) -> dict[str, str]:
    """The cells of a network by the words of their heads."""
    heads, *rows = body_of(text)
    plain = [re.sub(r"\\shortstack\[.\]|\\\\|[{}]", " ", head) for head in heads]
    (row,) = (row for row in rows if row[0] == name)
    return {" ".join(head.split()): cell for head, cell in zip(plain, row, strict=True)}


@pytest.mark.parametrize("name", TABLES)
def test_every_row_has_a_cell_for_each_head(name: str) -> None:
    heads, *rows = body_of(TABLES[name]())
    assert rows
    spanning = [row for row in rows if row[0].startswith(r"\multicolumn")]
    assert {len(row) for row in rows if row not in spanning} == {len(heads)}
    assert all(f"{{{len(heads)}}}" in row[0] for row in spanning)


@pytest.mark.parametrize("name", TABLES)
def test_a_parser_of_latex_reads_it(name: str) -> None:
    nodes, _, _ = LatexWalker(TABLES[name](), tolerant_parsing=False).get_latex_nodes()
    assert nodes


@pytest.mark.parametrize("name", TABLES)
def test_it_begins_with_what_it_needs_and_where_it_comes_from(name: str) -> None:
    beginning, _, _ = TABLES[name]().partition(r"\begingroup")
    assert all(line.startswith("% ") for line in beginning.splitlines())
    for words in ("booktabs", "siunitx", "Made by: python -m bench.", "Processor", "commit "):
        assert words in beginning, words


def test_values_are_those_of_the_summary() -> None:
    """The example: network number k takes 0.101 s times k, within some percent."""
    summary = of(TABLE1)
    text = render_table1_tex(summary)
    row = row_of(text, "DPRNN")
    interval = summary.models[2].values["latency_s_inference"].interval
    assert interval is not None
    half = (interval.high - interval.low) / 2
    assert row["Time I (s)"] == rf"\num{{0.303 \pm {half:.3f}}}"
    assert row["Ratio I"].startswith(r"\num{0.6")
    assert row["MACs I (G)"] == r"\num{3.70}"
    assert row_of(text, "SuDoRM-RF 1.0x")["Ratio I"] == r"\num{1}"
    assert DAGGER not in text
    assert "In doubt" not in text


def test_each_network_of_the_paper_has_the_papers_values_below() -> None:
    _, *rows = body_of(TABLES["table1"]())
    names = [row[0] for row in rows]
    assert names[1::2] == [r"\quad published"] * len(TABLE1)
    assert rows[1][3:] == [
        *(rf"\num{{{value}}}" for value in ("5.05", "5.23", "5.30", "0.65", "0.88", "0.90")),
        "",
        r"\num{0.33}",
        "",
    ]


def test_ranges_doubts_and_failures_are_said() -> None:
    text = TABLES["table1-hurt"]()
    assert row_of(text, "Demucs")["Time I (s)"] == rf"\num{{0.10}}--\num{{0.20}}{DAGGER}"
    in_doubt = row_of(text, "DPRNN")["Time I (s)"]
    assert in_doubt.startswith(r"\num{0.99 \pm 0.1")
    assert in_doubt.endswith(DAGGER)
    failed = row_of(text, "Two-Step TDCN")
    assert {failed["Memory I (GB)"], failed["Memory B (GB)"]} == {r"non\_finite"}
    assert r"\dag~In doubt" in text
    _, _, reasons = text.partition(r"\endgroup")
    assert "% - Two-Step TDCN, " in reasons
    assert "NaN among 50 % of them." in reasons


@pytest.mark.parametrize(
    ("value", "cell"),
    [
        (Value(0.374, interval=Interval(0.337, 0.411, 0.95)), r"\num{0.374 \pm 0.037}"),
        (Value(1234.0), r"\num{1234}"),
        (Value(None, Status.OOM, "Full."), "oom"),
        (Value(None, span=(1.001, 1.002)), rf"$\approx$\,\num{{1.00}}{DAGGER}"),
        (Value(4.2e-5), "42.0 \\ensuremath{\\mu}s"),
    ],
)
def test_a_cell(value: Value, cell: str) -> None:
    assert value_cell(value, unit="s") == cell


def test_table2_is_named_by_its_parts() -> None:
    heads, *rows = body_of(TABLES["table2"]())
    assert heads[:4] == ["$K_E$", "$C$", "$B$", "$Q$"]
    assert next(row[:4] for row in rows) == ["21", "128", "16", "4"]
    assert len(rows) == len(TABLE2)


def test_names_of_ones_own_are_escaped() -> None:
    (name,) = (row[0] for row in body_of(TABLES["own"]())[1:])
    assert r"my\_file.py:build(n\_blocks=8" in name
    assert r"\textbackslash{}b" in name


ENGINE = next((name for name in ("pdflatex", "lualatex", "xelatex") if shutil.which(name)), None)
WIDE_ENOUGH = ("table1", "table1-gpu", "table1-hurt", "committed", "table2", "zoo")
"""Those that fit between the margins of a paper of two columns."""
DOCUMENT = r"""\documentclass{article}
\usepackage[paper=letterpaper,textwidth=7.16in,textheight=9.5in]{geometry}
\usepackage{booktabs}
\usepackage{siunitx}
\pagestyle{empty}
\begin{document}
%s
\end{document}
"""


@pytest.mark.skipif(ENGINE is None, reason="no TeX engine is installed")
def test_latex_typesets_every_table_and_those_of_papers_fit(tmp_path: Path) -> None:
    assert ENGINE is not None
    for name, render in TABLES.items():
        (tmp_path / f"{name}.tex").write_text(render(), encoding="utf-8")
    floats = [
        rf"\begin{{table}}\centering\message{{<{name}>}}\input{{{name}}}\end{{table}}\clearpage"
        for name in TABLES
    ]
    (tmp_path / "paper.tex").write_text(DOCUMENT % "\n".join(floats), encoding="utf-8")
    command = [ENGINE, "-interaction=nonstopmode", "-halt-on-error", "paper.tex"]
    run = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, errors="replace")
    assert run.returncode == 0, run.stdout[-3000:]
    assert (tmp_path / "paper.pdf").read_bytes().startswith(b"%PDF")
    for part in run.stdout.split("<")[1:]:
        name, _, said = part.partition(">")
        if name in WIDE_ENOUGH:
            assert "Overfull" not in said, f"{name}: {said}"
