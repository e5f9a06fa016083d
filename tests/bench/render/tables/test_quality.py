"""The table of evaluations says what was found, on what, and after how much training."""

import csv
import io
from dataclasses import replace
from pathlib import Path

from bench.render.figures.scores import write_scores_figure
from bench.render.tables.quality import render_quality, render_scores
from bench.results.quality import MixtureScore, summarize_scores
from tests.bench.results.test_quality import RECORD

MIXTURE = replace(RECORD, separator="mixture", kind="mixture", si_sdri_mean_db=0, training=None)
ORACLE = replace(RECORD, separator="ideal mask", kind="oracle", si_sdri_mean_db=13, training=None)


def rows(text: str) -> list[list[str]]:
    lines = [line for line in text.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]


def test_a_row_says_everything() -> None:
    heads, _, row = rows(render_quality([RECORD]))
    assert dict(zip(heads, row, strict=True)) == {
        "Separator": "SuDoRM-RF 0.25x",
        "SI-SDRi (dB)": "**4.10**",
        "95 % interval": "3.90 to 4.30",
        "Median": "4.00",
        "Without leaking classes": "3.80 (400)",
        "Trained on": "corpus-speech",
        "Update steps": "5,000",
        "Processor time": "1.00 h",
        "MACs of training": "1.00 P",
        "The paper's, on WSJ0-2mix": "13.39",
    }


def test_the_lines_above_and_below_are_in_order() -> None:
    found = rows(render_quality([MIXTURE, RECORD, ORACLE]))[2:]
    assert [row[0] for row in found] == ["ideal mask", "SuDoRM-RF 0.25x", "mixture"]
    assert [row[6] for row in found] == ["none", "5,000", "none"]


def test_each_set_of_mixtures_has_its_own_table() -> None:
    sounds = replace(RECORD, corpus="corpus-sounds", task="sounds", mixtures_digest="ff")
    text = render_quality([RECORD, sounds, MIXTURE])
    assert [line for line in text.splitlines() if line.startswith("## ")] == [
        "## corpus-sounds, test: 500 mixtures",
        "## corpus-speech, test: 500 mixtures",
    ]
    assert "| 7.93 |" in text  # the paper's for sounds
    assert "on ESC-50" in text


def test_what_is_unknown_is_said() -> None:
    bare = replace(
        RECORD,
        separator="own",
        kind="estimates",
        training=None,
        si_sdri_low_db=None,
        si_sdri_high_db=None,
        n_without_leaks=500,
    )
    (row,) = rows(render_quality([bare]))[2:]
    assert row[0] == "own (files)"
    assert row[2] == "none: one pair"
    assert row[4:] == ["as all", "unknown", "unknown", "unknown", "unknown", "–"]


def test_a_network_of_another_corpus_is_marked() -> None:
    foreign = replace(RECORD, training={"corpus": "shipped-speech", "step": 1})
    (row,) = rows(render_quality([foreign]))[2:]
    assert row[5] == "shipped-speech (trained on another corpus; voices may overlap)"


SCORES = [MixtureScore(n, ("a", f"b{n}"), n / 3, -0.1, n - 0.1, n / 7) for n in range(30)]


def test_scores_are_written_unrounded() -> None:
    found = list(csv.DictReader(io.StringIO(render_scores(SCORES))))
    assert len(found) == 30
    assert float(found[5]["improvement_db"]) == 5 / 7
    assert found[5]["labels"] == "a b5"
    assert found[5]["number"] == "5"


def test_the_figure_is_written_and_the_same_each_time(tmp_path: Path) -> None:
    texts = []
    for name in ("one", "two"):
        paths = write_scores_figure(SCORES, summarize_scores(SCORES), "title", tmp_path / name)
        assert [path.suffix for path in paths] == [".svg", ".png"]
        texts.append(paths[0].read_bytes())
    assert texts[0] == texts[1]
