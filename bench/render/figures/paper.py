"""How a figure fits a paper: the widths of its columns, the sizes of letters and lines."""

from collections.abc import Iterator
from contextlib import contextmanager

from matplotlib import rc_context
from matplotlib.figure import Figure

ONE_COLUMN, TWO_COLUMNS = 3.5, 7.16
"""Inches, in the papers of the IEEE."""
TEXT, SMALL = 8.0, 7.0
"""Points: the letters of titles and axes, and of numbers, legends and names."""


@contextmanager
def paper_style() -> Iterator[None]:
    """What is drawn meanwhile has letters of 7 or 8 points and thin lines. A decorator too."""
    with rc_context(
        {
            "font.size": TEXT,
            "axes.titlesize": TEXT,
            "axes.labelsize": TEXT,
            "figure.titlesize": TEXT,
            "figure.labelsize": TEXT,
            "legend.fontsize": SMALL,
            "xtick.labelsize": SMALL,
            "ytick.labelsize": SMALL,
            "axes.linewidth": 0.6,
            "xtick.major.width": 0.6,
            "ytick.major.width": 0.6,
            "xtick.minor.width": 0.4,
            "ytick.minor.width": 0.4,
            "xtick.major.size": 2.5,
            "ytick.major.size": 2.5,
            "xtick.minor.size": 1.5,
            "ytick.minor.size": 1.5,
            "xtick.major.pad": 2.0,
            "ytick.major.pad": 2.0,
            "axes.labelpad": 2.0,
            "lines.linewidth": 1.0,
            "lines.markersize": 5.0,
            "lines.markeredgewidth": 0.8,
            "legend.columnspacing": 1.4,
            "legend.handletextpad": 0.5,
        }
    ):
        yield


def fix_layout(canvas: Figure) -> None:
    """Lay out what is drawn, for good: what is placed on the page from now on stays there."""
    canvas.draw_without_rendering()
    canvas.set_layout_engine("none")
