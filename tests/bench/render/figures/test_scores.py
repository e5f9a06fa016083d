"""The figure of an evaluation."""

from pathlib import Path

from bench.render.figures.scores import write_scores_figure
from bench.results.scores import summarize_scores
from tests.bench.example_evaluations import make_score

SCORES = [make_score(n, ("a", f"b{n}"), n / 7, n / 3) for n in range(30)]


def test_the_figure_is_written_and_the_same_each_time(tmp_path: Path) -> None:
    texts = []
    for name in ("one", "two"):
        paths = write_scores_figure(SCORES, summarize_scores(SCORES), "title", tmp_path / name)
        assert [path.suffix for path in paths] == [".svg", ".png", ".pdf"]
        texts.append(paths[0].read_bytes())
    assert texts[0] == texts[1]
