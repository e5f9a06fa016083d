"""All sections together: of the committed reports, of an empty folder, and as they are drawn."""

import json
from dataclasses import replace
from itertools import product
from pathlib import Path
from typing import Any

import pytest
import vl_convert

from bench.render.page.section import Section
from bench.render.page.sections import find_sections
from bench.results.measurements import ModuleCounts, ModuleRow
from tests.bench.example_records import make_job, make_record
from tests.bench.render.page.sections.folders import check_chart, find_one, rows_of, store

ROOT = Path(__file__).parents[5]
MOST_BYTES = 300_000


@pytest.fixture(scope="module")
def committed() -> list[Section]:
    return find_sections(ROOT / "reports")


def draw(section: Section) -> str:
    """The SVG, of which every text is an element."""
    assert section.chart is not None
    svg: str = vl_convert.vegalite_to_svg(dict(section.chart) | {"width": 800})
    return svg


def test_an_empty_folder_has_none(tmp_path: Path) -> None:
    assert find_sections(tmp_path) == []
    assert find_sections(tmp_path / "nowhere") == []


def test_every_subject_of_the_committed_reports_is_there(committed: list[Section]) -> None:
    keys = [section.key for section in committed]
    assert len(set(keys)) == len(keys)
    for key in (
        *("figure3", "figure4", "layers", "profile", "profile-memory", "sweep", "runtimes"),
        *("roofline", "streaming", "family", "published"),
    ):
        section = find_one(committed, key)
        assert section.sentence
        assert section.table is not None
        check_chart(section)


def test_all_of_them_are_small(committed: list[Section]) -> None:
    """The page is one file, which people send to each other."""
    parts = [(one.title, one.sentence, one.chart, one.table) for one in committed]
    text = json.dumps(parts, separators=(",", ":"), ensure_ascii=False)
    assert len(text.encode()) < MOST_BYTES


def test_tables_have_a_cell_below_each_head(committed: list[Section]) -> None:
    for section in committed:
        if section.table is not None:
            heads, rows = section.table
            assert rows
            assert {len(row) for row in rows} == {len(heads)}
            assert all(isinstance(cell, str) for row in rows for cell in row)


def test_no_cell_is_markdown(committed: list[Section]) -> None:
    texts = [text for one in committed for row in (one.table or ((), ()))[1] for text in row]
    texts += [head for one in committed for head in (one.table or ((), ()))[0]]
    texts += [one.sentence for one in committed]
    for text in texts:
        assert not any(mark in text for mark in ("**", "<br>", "&emsp;"))


def test_charts_draw_every_network_that_is_chosen(committed: list[Section]) -> None:
    for section in committed:
        if section.chart is None:
            continue
        params: Any = section.chart["params"]
        chosen = {one["name"].removeprefix("chosen_"): one["value"] for one in params}
        networks = {row["network"] for row in rows_of(section, **chosen) if "network" in row}
        svg = draw(section)
        assert all(f">{network}<" in svg for network in networks)


def test_a_range_is_hollow_and_a_number_filled(committed: list[Section]) -> None:
    """Of the family, whose points are of one colour."""
    section = find_one(committed, "family")
    columns: Any = section.chart
    (data,) = columns["data"]["values"]
    for is_noisy, opacity in ((True, 'fill-opacity="0"'), (False, 'fill-opacity="1"')):
        values = {**data, "noisy": [is_noisy] * len(data["network"])}
        chart = dict(section.chart or {}) | {"data": {"values": [values]}}
        svg = draw(replace(section, chart=chart))
        assert opacity in svg


def test_html_in_names_is_passed_as_it_is(tmp_path: Path) -> None:
    name = "nets:<script>x</script>"
    modules = (ModuleRow("", "Net", "other", 9, 4000, 9000, 4000, 9000, 8),)
    store(tmp_path, "operations", [make_record(make_job(name, "layers"), ModuleCounts(modules))])
    (section,) = find_sections(tmp_path)
    assert {row["network"] for row in rows_of(section)} == {name}
    assert section.table is not None
    assert section.table[1][0][0] == name


def choose(section: Section, **options: str) -> Section:
    """The same with other options of its menus chosen."""
    chart: Any = section.chart
    params = [one | {"value": options[one["name"]]} for one in chart["params"]]
    return replace(section, chart=chart | {"params": params})


@pytest.mark.parametrize("key", ["figure3", "streaming", "family"])
def test_a_point_is_drawn_for_each_row_that_is_chosen(key: str, committed: list[Section]) -> None:
    section = find_one(committed, key)
    chart: Any = section.chart
    menus = {one["name"]: one["bind"]["options"] for one in chart["params"]}
    for options in product(*menus.values()):
        chosen = dict(zip(menus, options, strict=True))
        drawn = draw(choose(section, **chosen))
        fields = {name.removeprefix("chosen_"): option for name, option in chosen.items()}
        rows = rows_of(section, **fields)
        assert rows
        assert drawn.count('aria-roledescription="point"') == len(rows)
