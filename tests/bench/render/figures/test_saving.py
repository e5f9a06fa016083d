"""A figure's files have its whole name, and are the same for the same figure."""

from pathlib import Path

import pytest
from matplotlib.figure import Figure

from bench.render.figures.saving import save_figure


@pytest.mark.parametrize("name", ["pareto", "sudormrf-0.25x"])
def test_names_may_have_dots(tmp_path: Path, name: str) -> None:
    paths = save_figure(Figure(figsize=(1, 1)), tmp_path / name)
    assert [path.name for path in paths] == [f"{name}.svg", f"{name}.png"]
    assert all(path.stat().st_size > 0 for path in paths)


def test_the_same_figure_gives_the_same_svg(tmp_path: Path) -> None:
    first, again = (save_figure(Figure(figsize=(1, 1)), tmp_path / n)[0] for n in ("a", "b"))
    assert first.read_bytes() == again.read_bytes()
