"""A figure's files have its whole name, are the same for the same figure, and fit a paper."""

import re
from pathlib import Path

import pytest
from matplotlib.figure import Figure

from bench.render.figures.paper import ONE_COLUMN, TWO_COLUMNS, paper_style
from bench.render.figures.saving import save_column, save_figure


@paper_style()
def make_figure(width: float = 1.0) -> Figure:
    canvas = Figure(figsize=(width, 1.0))
    canvas.text(0.5, 0.5, "words")
    return canvas


@pytest.mark.parametrize("name", ["pareto", "sudormrf-0.25x"])
def test_names_may_have_dots(tmp_path: Path, name: str) -> None:
    paths = [
        *save_figure(make_figure(), tmp_path / name),
        *save_column(make_figure(), tmp_path / name),
    ]
    suffixes = (".svg", ".png", ".pdf", "-column.pdf")
    assert [path.name for path in paths] == [f"{name}{suffix}" for suffix in suffixes]
    assert all(path.stat().st_size > 0 for path in paths)


@pytest.mark.parametrize("number", [0, 2])
def test_the_same_figure_gives_the_same_vectors(number: int, tmp_path: Path) -> None:
    first, again = (save_figure(make_figure(), tmp_path / name)[number] for name in ("a", "b"))
    assert first.read_bytes() == again.read_bytes()


@pytest.mark.parametrize("width", [ONE_COLUMN, TWO_COLUMNS])
def test_a_pdf_is_as_wide_as_asked_for_and_carries_its_fonts(width: float, tmp_path: Path) -> None:
    (path,) = save_column(make_figure(width), tmp_path / "figure")
    text = path.read_bytes().decode("latin-1")
    sizes = re.findall(r"/MediaBox \[ ?0 0 ([\d.]+) ([\d.]+) ?\]", text)
    ((across, up),) = sizes
    assert (float(across), float(up)) == pytest.approx((72 * width, 72), abs=0.01)
    assert "/FontFile2" in text  # TrueType, whole; Type 3 fonts are drawings
    assert "/Type3" not in text
