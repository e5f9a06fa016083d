"""The file itself: it stands alone, says what the rows say, and nothing in a record is markup."""

import importlib
import json
import re
import shlex
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from bench.errors import UsageError
from bench.options import build_parser
from bench.registry import TABLE1, Entry
from bench.render.page.bundle import make_bundle
from bench.render.page.data import make_table
from bench.render.page.page import HERE, render_page, to_script, write_page
from bench.render.page.pareto import choose_axes, pareto_spec
from bench.render.page.runs import find_runs, write_command
from bench.render.page.section import Section
from bench.results.record import Record
from bench.results.store import RecordFile
from bench.results.summary import RunSummary, summarize
from tests.bench.example_records import (
    SETTINGS,
    complete_run,
    complete_run_on_gpu,
    environment,
    make_job,
    make_rounds,
)
from tests.bench.render.page.made_up_pages import (
    REASON,
    Page,
    enlarge,
    failed_run,
    read_page,
    troubled_run,
)

LARGEST_BYTES = 2_000_000
TEXT, GRAPHICS = 4.5, 3.0  # contrasts that WCAG 2.2 asks for, level AA
EVIL = '</script><img src=x onerror="document.title=1"><!--'
SECTION = Section(
    key="lengths",
    title="Lengths & batches",
    sentence="Time grows <linearly>.",
    chart={
        "data": {"values": [{"a": 1, "name": EVIL}]},
        "mark": "point",
        "encoding": {"x": {"field": "a", "type": "quantitative"}},
    },
    table=(["Network", "Time <s>"], [["A & B", "1.0"]]),
)


@pytest.fixture(scope="module")
def summary() -> RunSummary:
    return troubled_run()


@pytest.fixture(scope="module")
def text(summary: RunSummary) -> str:
    return render_page([summary], {}, [SECTION])


@pytest.fixture(scope="module")
def page(text: str) -> Page:
    return read_page(text)


def test_the_table_says_what_the_rows_say(page: Page, summary: RunSummary) -> None:
    table = make_table([summary], {})
    assert page.heads == ["Network", *table.facets, *(head.text for head in table.heads)]
    for row, cells in zip(table.rows, page.rows, strict=True):
        texts = [cell.text + cell.beside for cell in row.cells]
        assert [cell.text.strip() for cell in cells] == [row.name, *row.facets, *texts]


def test_what_stands_behind_a_head_or_value_is_in_the_page(page: Page, summary: RunSummary) -> None:
    table, ids = make_table([summary], {}), page.ids
    for row, cells in zip(table.rows, page.rows, strict=True):
        for cell, element in zip(row.cells, cells[1 + len(table.facets) :], strict=True):
            behind = [button.attributes["aria-describedby"] for button in element.all("button")]
            assert [ids[str(key)].text for key in behind] == ([cell.reason] if cell.reason else [])
    _, *heads = page.ids["networks"].all("tr")[0].all("button")
    methods = [ids[str(head.attributes["aria-describedby"])].text for head in heads]
    assert methods[len(table.facets) :] == [head.method for head in table.heads]
    assert all(method.endswith(".") for method in methods)


def test_a_page_loads_nothing(page: Page, text: str) -> None:
    everything = list(page.root.everything())
    assert not [one for one in everything if {"src", "href", "action"} & one.attributes.keys()]
    own = text.replace(make_bundle(), "")
    assert not [word for word in ("http:", "https:", "@import", "url(") if word in own]
    (policy,) = [
        one.attributes["content"]
        for one in everything
        if one.attributes.get("http-equiv") == "Content-Security-Policy"
    ]
    assert policy is not None
    assert policy.startswith("default-src 'none';")


def test_markup_in_names_is_text() -> None:
    records = make_rounds([[0.5, 0.5]] * 3, make_job(EVIL, factory=EVIL))
    elsewhere = environment(machine={"cpu": f"中央处理器 {EVIL}"})
    summary = summarize([replace(record, environment=elsewhere) for record in records])
    plain = summarize(make_rounds([[0.5, 0.5]] * 3, make_job("plain", factory="plain")))
    evil, usual = (read_page(render_page([one], {}, [])) for one in (summary, plain))
    tags = [[one.tag for one in page.root.everything()] for page in (evil, usual)]
    assert tags[0] == tags[1]
    assert evil.rows[0][0].text.strip() == EVIL
    assert evil.data["rows"][0]["name"] == EVIL
    assert f"中央处理器 {EVIL}" in evil.ids["networks"].text + evil.root.text


def test_a_name_that_is_no_utf8_can_be_written(tmp_path: Path) -> None:
    name = "caf\udce9.py:net"
    records = make_rounds([[0.5, 0.5]] * 3, make_job(name, factory=name))
    (path,) = write_page([summarize(records)], {}, [], tmp_path)
    assert path == tmp_path / "index.html"
    read = read_page(path.read_text(encoding="utf-8"))
    assert read.data["rows"][0]["name"] == name


def test_scripts_read_what_was_written() -> None:
    value = {"name": EVIL, "values": [0.1 + 0.2, None, 2**53, "\u2028ü"]}
    text = to_script(value)
    assert "<" not in text
    assert json.loads(text) == value
    with pytest.raises(ValueError, match="JSON"):
        to_script(float("nan"))


def test_the_library_ends_no_element_and_opens_no_comment() -> None:
    bundle = make_bundle()
    assert "vegaEmbed" in bundle
    assert "</script" not in bundle.lower()
    assert "<!--" not in bundle


def test_without_the_package_the_user_reads_how_to_install_it(
    monkeypatch: pytest.MonkeyPatch, summary: RunSummary, tmp_path: Path
) -> None:
    make_bundle.cache_clear()
    monkeypatch.setitem(sys.modules, "vl_convert", None)
    with pytest.raises(UsageError, match=r"pip install 'separation-bench\[page\]'"):
        write_page([summary], {}, [], tmp_path)
    assert not list(tmp_path.iterdir())


def test_a_folder_that_can_not_be_written(summary: RunSummary, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("mine")
    with pytest.raises(UsageError, match="can't be written to"):
        write_page([summary], {}, [], tmp_path / "file")
    assert (tmp_path / "file").read_text() == "mine"


@pytest.mark.parametrize("n_networks", [7, 50, 500])
@pytest.mark.parametrize("kind", ["measured", "failed"])
def test_a_page_stays_below_two_megabytes(n_networks: int, kind: str) -> None:
    run = troubled_run() if kind == "measured" else failed_run()
    text = render_page([enlarge(run, n_networks)], {}, [])
    assert len(read_page(text).rows) == n_networks
    assert len(text.encode()) < LARGEST_BYTES


def test_a_section_is_heading_sentence_chart_and_table(page: Page) -> None:
    section = page.ids["lengths"]
    assert section.all("h2")[0].text == "Lengths & batches"
    assert page.ids["lengths-text"].text == "Time grows <linearly>."
    assert [cell.text for cell in section.all("th")] == ["Network", "Time <s>"]
    assert [cell.text for cell in section.all("td")] == ["A & B", "1.0"]
    assert section.all("details")
    assert page.data["sections"] == {"lengths": SECTION.chart}


def test_reasons_stand_in_the_page_once(page: Page) -> None:
    assert [item.text for item in page.root.all("li")].count(REASON) == 1


@pytest.mark.parametrize(
    ("run", "expected"),
    [
        (
            complete_run(TABLE1[:2]),
            {"models": ["conv-tasnet", "demucs"], "device": "cpu", "tf32": "off"},
        ),
        (complete_run_on_gpu(TABLE1[:1]), {"models": ["conv-tasnet"], "device": "cuda"}),
        (
            make_rounds([[0.5]], make_job("a b.py:net(n='x')", factory="a b.py:net(n='x')")),
            {"models": ["a b.py:net(n='x')"], "tf32": "off", "runtime": ["eager"]},
        ),
    ],
    ids=["cpu", "gpu", "own"],
)
def test_the_command_asks_for_what_was_measured(
    run: list[Record], expected: dict[str, object]
) -> None:
    summary = summarize(run)
    python, *words = shlex.split(write_command(summary))
    assert [python, *words[:2]] == ["python", "-m", "bench.run"]
    options = vars(build_parser("run").parse_args(words[2:]))
    expected = expected | {"samples": 8000, "batch": 1, "threads": [2], "seed": 0}
    assert {name: options[name] for name in expected} == expected
    assert options["precision"] == ["float32"]


def test_the_plot_is_a_specification_of_vega_lite() -> None:
    altair = importlib.import_module("altair")
    spec = pareto_spec(["SuDoRM-RF", EVIL])
    altair.Chart.from_dict(spec, validate=True)
    broken = spec | {"layer": [{"mark": "star"}]}
    with pytest.raises(Exception, match="star"):
        altair.Chart.from_dict(broken, validate=True)


def test_quality_is_drawn_against_time_where_it_is_known() -> None:
    known = make_table([summarize(complete_run())], {})
    assert [axis.key for axis in choose_axes(known)] == ["latency_s_inference", "paper_sounds"]
    records = make_rounds([[0.5, 0.5]] * 3, make_job("mine.py:net", factory="mine.py:net"))
    x, y = choose_axes(make_table([summarize(records)], {}))
    assert (x.key, y.key) == ("latency_s_inference", "ratio_inference")


def test_the_page_of_a_folder_has_each_network_of_its_runs(tmp_path: Path) -> None:
    """Older runs are there for the networks that no newer one has; what is no run is left out."""
    runs = {"20260103": TABLE1[:2], "20260102": TABLE1[1:4], "20260101": TABLE1[2:4]}
    for day, entries in runs.items():
        file = RecordFile.create(tmp_path / "records" / f"cpu-{day}T000000Z.jsonl")
        for record in complete_run(entries):
            file.append(record)
    (tmp_path / "records" / "cpu-20260104T000000Z.jsonl").write_text("torn")
    first = summarize(complete_run(TABLE1[:2], replace(SETTINGS, seed=3)))
    found = find_runs(tmp_path, [first])
    names = [[model.entry.name for model in run.models] for run in found]
    assert names == [[entry.name for entry in entries] for entries in (TABLE1[:2], TABLE1[1:4])]
    assert found[0] is first


def test_networks_of_other_packages_and_own_ones_are_families_of_their_own() -> None:
    names = ["conv-tasnet", "sepformer", "sudormrf-causal-1.0x", "mine.py:net"]
    runs = [summarize(make_rounds([[0.5, 0.5]] * 3, make_job(n, factory=n))) for n in names]
    assert make_table(runs, {}).families == [
        "the paper's baselines",
        "other packages",
        "SuDoRM-RF",
        "own networks",
    ]


def test_an_entry_that_only_looks_like_the_papers_is_none_of_its() -> None:
    entry = Entry("conv-tasnet", "Conv-TasNet", "mine:conv_tasnet")
    run = summarize(complete_run(TABLE1[:1]))
    mine = replace(run, models=(replace(run.models[0], entry=entry),))
    assert make_table([mine], {}).families == ["own networks"]


def luminance(colour: str) -> float:
    """Relative luminance of #rrggbb, as WCAG defines it."""
    parts = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    linear = [
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts
    ]
    return sum(share * part for share, part in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


def contrast(one: str, other: str) -> float:
    low, high = sorted(map(luminance, (one, other)))
    return (high + 0.05) / (low + 0.05)


def test_colours_can_be_told_from_what_is_behind_them_in_light_and_dark() -> None:
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
    styles = (HERE / "page.css").read_text()
    schemes = [
        dict(re.findall(r"(--[\w-]+): (#\w{6});", part)) for part in styles.split("@media")[:2]
    ]
    assert schemes[0].keys() == schemes[1].keys()
    for colours in schemes:
        for behind in ("--paper", "--raised", "--marked"):
            for text in ("--ink", "--quiet", "--accent", "--doubtful", "--failed"):
                assert contrast(colours[text], colours[behind]) >= TEXT, (text, behind)
        for name, colour in colours.items():
            if name.startswith("--colour") or name == "--edge":
                assert contrast(colour, colours["--paper"]) >= GRAPHICS, name
