"""Markdown tables."""

from collections.abc import Iterable, Sequence


def markdown_table(heads: Sequence[str], rows: Iterable[Sequence[str]], n_text: int = 1) -> str:
    """A table whose first ``n_text`` columns are text; the others are numbers, aligned right."""
    lines = [heads, [*[":---"] * n_text, *["---:"] * (len(heads) - n_text)], *rows]
    return "\n".join("| " + " | ".join(_escape(cell) for cell in cells) + " |" for cells in lines)


def _escape(cell: str) -> str:
    return cell.replace("|", "\\|").replace("\n", " ")
