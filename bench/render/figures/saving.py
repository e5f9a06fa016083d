"""Saving figures."""

from pathlib import Path

from matplotlib import rc_context
from matplotlib.figure import Figure


def save_figure(canvas: Figure, stem: Path) -> list[Path]:
    """Write ``stem.svg`` and ``stem.png``; the same figure gives the same SVG, to the byte."""
    paths = [stem.with_name(stem.name + suffix) for suffix in (".svg", ".png")]
    with rc_context({"svg.hashsalt": "separation-bench"}):
        canvas.savefig(paths[0], metadata={"Date": None})
    canvas.savefig(paths[1], dpi=160)
    return paths
