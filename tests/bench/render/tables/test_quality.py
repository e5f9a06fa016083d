"""The table of evaluations says what was found, on what, and after how much training."""

from dataclasses import replace

from bench.render.tables.quality import render_quality
from tests.bench.example_evaluations import EVALUATION

MIXTURE = replace(EVALUATION, separator="mixture", kind="mixture", si_sdri_mean_db=0, training=None)
ORACLE = replace(
    EVALUATION, separator="ideal mask", kind="oracle", si_sdri_mean_db=13, training=None
)


def rows(text: str) -> list[list[str]]:
    lines = [line for line in text.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]


def test_a_row_says_everything() -> None:
    heads, _, row = rows(render_quality([EVALUATION]))
    assert dict(zip(heads, row, strict=True)) == {
        "Separator": "SuDoRM-RF 0.25x",
        "SI-SDRi (dB)": "**4.10**",
        "95 % interval": "3.90 to 4.30",
        "Median": "4.00",
        "Without leaking classes": "3.80 (400)",
        "Trained on": "corpus-speech",
        "Training steps": "5,000",
        "Processor time": "1.00 h",
        "MACs of training": "1.00 P",
        "The paper's, on WSJ0-2mix": "13.39",
    }


def test_the_lines_above_and_below_are_in_order() -> None:
    found = rows(render_quality([MIXTURE, EVALUATION, ORACLE]))[2:]
    assert [row[0] for row in found] == ["ideal mask", "SuDoRM-RF 0.25x", "mixture"]
    assert [row[6] for row in found] == ["none", "5,000", "none"]


def test_each_set_of_mixtures_has_its_own_table() -> None:
    sounds = replace(EVALUATION, corpus="corpus-sounds", task="sounds", mixtures_digest="ff")
    text = render_quality([EVALUATION, sounds, MIXTURE])
    assert [line for line in text.splitlines() if line.startswith("## ")] == [
        "## corpus-sounds, test: 500 mixtures",
        "## corpus-speech, test: 500 mixtures",
    ]
    assert "| 7.93 |" in text  # the paper's for sounds
    assert "on ESC-50" in text


def test_what_is_unknown_is_said() -> None:
    bare = replace(
        EVALUATION,
        separator="own",
        kind="estimates",
        training=None,
        si_sdri_low_db=None,
        si_sdri_high_db=None,
        n_labels=4,
        n_without_leaks=500,
    )
    (row,) = rows(render_quality([bare]))[2:]
    assert row[0] == "own (files)"
    assert row[2] == "none: 4 labels"
    assert row[4:] == ["as all", "unknown", "unknown", "unknown", "unknown", "–"]


def test_a_network_of_another_corpus_is_marked() -> None:
    foreign = replace(EVALUATION, training={"corpus": "shipped-speech", "step": 1})
    (row,) = rows(render_quality([foreign]))[2:]
    assert row[5] == "shipped-speech (trained on another corpus; voices may overlap)"


def test_two_trainings_of_a_network_are_two_rows_told_apart() -> None:
    other = replace(EVALUATION, digest="ffff", si_sdri_mean_db=3)
    old = replace(EVALUATION, digest=None, si_sdri_mean_db=2)
    found = rows(render_quality([EVALUATION, other, old, MIXTURE]))[2:]
    assert [row[0] for row in found] == [
        "SuDoRM-RF 0.25x, 00112233aabbccdd",
        "SuDoRM-RF 0.25x, ffff",
        "SuDoRM-RF 0.25x, weights not recorded",
        "mixture",
    ]


def test_a_name_of_ones_own_names_the_row() -> None:
    named = replace(EVALUATION, digest="ffff", name="20 epochs", si_sdri_mean_db=3)
    found = rows(render_quality([EVALUATION, named]))[2:]
    assert [row[0] for row in found] == ["SuDoRM-RF 0.25x", "20 epochs"]


def test_three_sources_are_not_compared_with_the_papers_two() -> None:
    text = render_quality([replace(EVALUATION, n_src=3)])
    assert "## corpus-speech, test: 500 mixtures of 3 sources" in text
    assert rows(text)[2][-1] == "–"
