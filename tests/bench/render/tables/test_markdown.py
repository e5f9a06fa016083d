"""Text of others in Markdown, as a reader of Markdown shows it."""

import html
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from bench.render.tables.markdown import markdown_table, plain

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
