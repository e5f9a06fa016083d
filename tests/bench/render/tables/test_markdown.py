"""Text of others in Markdown, as a reader of Markdown shows it."""

import html
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from bench.render.tables.markdown import markdown_table, plain
from bench.render.tables.table1 import render_table1
from bench.results.record import Status
from bench.results.summary import summarize
from tests.bench.example_records import fail, make_job, make_record, make_rounds

READER = MarkdownIt("commonmark").enable(["table", "strikethrough"])
SIGNS = "ab_*`~[]()<>&|\\!#.é漢1 -+=\"'"
names = st.text(SIGNS, min_size=1, max_size=12).map(str.strip).filter(bool)


def shown(rendered: str, tag: str) -> list[str]:
    """What stands in the elements of one kind; there is no other markup in them."""
    found = re.findall(rf"<{tag}(?: [^>]*)?>(.*?)</{tag}>", rendered, re.DOTALL)
    assert not any("<" in text for text in found)
    return [html.unescape(text) for text in found]


def squeezed(text: str) -> str:
    return " ".join(text.split())


@given(names, names)
def test_cells_show_any_text_as_it_is(name: str, other: str) -> None:
    text = markdown_table(["Model", plain(other)], [[plain(name), "1"]])
    rendered = READER.render(text)
    assert shown(rendered, "th") == ["Model", squeezed(other)]
    assert shown(rendered, "td") == [squeezed(name), "1"]


@given(names)
def test_lines_of_a_list_show_any_text_as_it_is(name: str) -> None:
    assert shown(READER.render(f"- of {plain(name)}, all"), "li") == [f"of {squeezed(name)}, all"]


@pytest.mark.parametrize("name", ["my_file.py:build(n_blocks=8)@16000", "SuDoRM-RF 1.0x", "é 漢"])
def test_ordinary_names_stay_readable(name: str) -> None:
    assert plain(name) == name


def test_lines_become_one() -> None:
    assert plain("Error:\n  no\tmemory \r\n") == "Error: no memory"


@pytest.mark.parametrize("name", ["# a", "+ b", "- c", "> d", "## e"])
def test_what_would_begin_a_block_is_text(name: str) -> None:
    assert shown(READER.render(f"- {plain(name)}, all"), "li") == [f"{name}, all"]


def test_names_and_reasons_of_others_are_no_markup() -> None:
    """A reader of Markdown sees a network by its name and its error as it was, and no HTML."""
    name = "nets.py:a|b<script>x</script>*_y_"
    records = make_rounds([[0.5, 0.5]] * 3, make_job(name, factory=name))
    failed = fail(
        make_record(make_job(name, "memory", factory=name)), Status.ERROR, "<lambda> __x__"
    )
    page = (
        MarkdownIt("commonmark")
        .enable("table")
        .render(render_table1(summarize([*records, failed])))
    )
    assert "<script" not in page
    assert "<strong>x</strong>" not in page
    assert "&lt;lambda&gt; __x__" in page
    assert page.count("nets.py:a|b&lt;script&gt;x&lt;/script&gt;*_y_") >= 3
