"""Saving figures."""

from pathlib import Path

from matplotlib import rc_context
from matplotlib.figure import Figure

from bench.render.figures.paper import paper_style

DOTS_PER_INCH = 240


def save_figure(canvas: Figure, stem: Path) -> list[Path]:
    """Write ``stem.svg``, ``stem.png`` and ``stem.pdf``.

    The same figure gives the same SVG and PDF, to the byte. The PDF carries its fonts.
    """
    svg, png, pdf = (stem.with_name(stem.name + suffix) for suffix in (".svg", ".png", ".pdf"))
    with paper_style(), rc_context({"svg.hashsalt": "separation-bench"}):
        canvas.savefig(svg, metadata={"Date": None})
        canvas.savefig(png, dpi=DOTS_PER_INCH)
    return [svg, png, _save_pdf(canvas, pdf)]


def save_column(canvas: Figure, stem: Path) -> list[Path]:
    """Write ``stem-column.pdf``, of a figure that is as wide as one column of a paper."""
    return [_save_pdf(canvas, stem.with_name(f"{stem.name}-column.pdf"))]


def _save_pdf(canvas: Figure, path: Path) -> Path:
    """With whole fonts (Type 42): publishers refuse those that are drawings (Type 3)."""
    with paper_style(), rc_context({"pdf.fonttype": 42}):
        canvas.savefig(path, metadata={"CreationDate": None})
    return path
