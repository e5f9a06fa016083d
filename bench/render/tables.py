"""Markdown tables."""

from collections.abc import Iterable, Sequence


def markdown_table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table whose first column is text and whose others are numbers, aligned right."""
    lines = [heads, [":---", *["---:"] * (len(heads) - 1)], *rows]
    return "\n".join("| " + " | ".join(_escape(cell) for cell in cells) + " |" for cells in lines)


def _escape(cell: str) -> str:
    return cell.replace("|", "\\|").replace("\n", " ")
