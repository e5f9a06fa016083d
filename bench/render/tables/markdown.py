"""Markdown tables, and text that Markdown shows as it is."""

import html
import re
from collections.abc import Iterable, Sequence

MARKS = re.compile(r"[\\`*~\[\]]|(?<![^\W_])_|_(?![^\W_])|^[#+-]")
"""What begins or ends markup; an underscore within a word does neither."""


def markdown_table(heads: Sequence[str], rows: Iterable[Sequence[str]], n_text: int = 1) -> str:
    """A table whose first ``n_text`` columns are text; the others are numbers, aligned right."""
    lines = [heads, [*[":---"] * n_text, *["---:"] * (len(heads) - n_text)], *rows]
    return "\n".join("| " + " | ".join(_escape(cell) for cell in cells) + " |" for cells in lines)


def plain(text: str) -> str:
    """Text of others, such as a name or an error, on one line and without markup or HTML in it.

    >>> plain("a_b <i>")
    'a_b &lt;i&gt;'
    """
    return MARKS.sub(r"\\\g<0>", html.escape(" ".join(text.split()), quote=False))


def _escape(cell: str) -> str:
    return cell.replace("|", "\\|").replace("\n", " ")
