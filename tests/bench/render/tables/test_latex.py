"""Words keep their letters in LaTeX, and a table has as many cells in each row as it has heads."""

import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from pylatexenc.latex2text import LatexNodes2Text
from pylatexenc.latexwalker import LatexWalker

from bench.render.tables.latex import Fragment, escape, number, write_fragment

ASCII = st.text(st.characters(min_codepoint=32, max_codepoint=126))
READ_AGAIN = LatexNodes2Text(strict_latex_spaces=True)


@given(ASCII)
@example(r"my_file.py:build(n_blocks=8)@16000 \input{/etc/passwd} 5% & #1 ~x^2 $y$")
@example("--help ---all ''quoted'' ``x`` [b] *c* a\nb")
def test_words_come_back_as_they_were(text: str) -> None:
    """Read by a parser of LaTeX that knows nothing of this one."""
    found = READ_AGAIN.latex_to_text(escape(text))
    for printed, typed in {"’": "'", "‘": "`", "”": '"', "ˆ": "^"}.items():
        found = found.replace(printed, typed)
    assert found == " ".join(text.split())


@pytest.mark.parametrize(
    ("text", "latex"),
    [
        ("SuDoRM-RF 0.25x", "SuDoRM-RF 0.25x"),
        ("my_net", r"my\_net"),
        ("74.0 ms ± 2 %†", r"74.0 ms \ensuremath{\pm} 2 \%\dag{}"),
        ("--x", "-{}-x"),
    ],
)
def test_of_known_words(text: str, latex: str) -> None:
    assert escape(text) == latex


def make_fragment() -> Fragment:
    return Fragment(
        comments=["A comment, " + 30 * "with many words, "],
        heads=["Network", "K_E", "Memory I (GB)", "A heading of five words"],
        rows=[["A & B", number("1"), number("0.37 \\pm 0.04"), "oom"]],
        notes=["A note."],
        reasons=["A reason\nof two lines"],
    )


def test_a_fragment_is_a_table_between_comments() -> None:
    lines = write_fragment(make_fragment()).splitlines()
    first, last = lines.index(r"\begingroup"), lines.index(r"\endgroup")
    assert all(re.fullmatch("% .{1,98}", line) for line in [*lines[:first], *lines[last + 1 :]])
    assert lines[last + 1 :] == ["% A reason of two lines"]
    assert r"\begin{tabular}{@{}lrrr@{}}" in lines
    heads = lines[lines.index(r"\toprule") + 1]
    assert "$K_E$" in heads
    assert r"\shortstack[r]{Memory I \\ (GB)}" in heads
    assert r"A note." in lines


def test_a_parser_reads_a_fragment() -> None:
    """It raises where braces or environments do not match."""
    walker = LatexWalker(write_fragment(make_fragment()), tolerant_parsing=False)
    nodes, _, _ = walker.get_latex_nodes()
    assert nodes
