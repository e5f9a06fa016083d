"""Figure 4: every validation of every training, where its costs say."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from bench.render.page.sections.figure4 import find_figure4
from bench.render.page.sections.newest import ReportFolder
from bench.results.training import TrainingLine
from tests.bench.example_trainings import make_line, make_training
from tests.bench.render.page.sections.folders import check_chart, rows_of, table_of

OPERATIONS = "Multiply-adds of training steps"
PROCESSOR = "Processor time, validations included (s)"


def write(folder: Path, name: str, lines: Sequence[TrainingLine]) -> None:
    path = folder / "training" / name / "metrics.jsonl"
    path.parent.mkdir(parents=True)
    path.write_text("".join(line.to_json() + "\n" for line in lines))


def test_a_point_for_each_validation_over_each_cost(tmp_path: Path) -> None:
    lines = [
        make_line(step=50, si_sdri_db=None),
        make_line(step=60, si_sdri_db=1.0),
        make_line(step=60, si_sdri_db=20.0, phase="filterbank"),
        make_line(step=120, si_sdri_db=2.0),
    ]
    write(tmp_path, "one", lines)
    (section,) = find_figure4(ReportFolder(tmp_path))
    check_chart(section)
    for cost, of_step in ((OPERATIONS, 1e9), (PROCESSOR, 0.25)):
        points = [(row["value"], row["si_sdri"]) for row in rows_of(section, cost=cost)]
        assert points == [(60 * of_step, 1.0), (120 * of_step, 2.0)]
    (row,) = table_of(section)
    assert (row["Training"], row["Corpus"]) == ("SuDoRM-RF 0.25x (4 × 8000 samples)", "speech")
    assert (row["Validations"], row["Last SI-SDRi (dB)"]) == ("2", "2.00")
    assert (row["Training steps"], row["Processor time"]) == ("120", "30 s")


def test_trainings_of_one_network_are_curves_of_their_own(tmp_path: Path) -> None:
    for name in ("one", "other"):
        write(tmp_path, name, make_training("conv-tasnet", "speech"))
    (section,) = find_figure4(ReportFolder(tmp_path))
    assert {row["number"] for row in rows_of(section)} == {0, 1}
    assert len(table_of(section)) == 2


def test_each_corpus_has_a_chart_of_its_own(tmp_path: Path) -> None:
    for corpus in ("sounds", "speech"):
        write(tmp_path, corpus, make_training("conv-tasnet", corpus))
    (section,) = find_figure4(ReportFolder(tmp_path))
    assert section.chart is not None
    menus: Any = section.chart["params"]
    assert menus[1]["bind"]["options"] == ["sounds", "speech"]
    for number, corpus in enumerate(("sounds", "speech")):
        assert {row["number"] for row in rows_of(section, corpus=corpus)} == {number}


def test_where_a_training_ended_early_is_a_cross(tmp_path: Path) -> None:
    whole = [make_line(step=60, si_sdri_db=1.0), make_line(step=120, si_sdri_db=2.0, share=1.0)]
    write(tmp_path, "whole", whole)
    (section,) = find_figure4(ReportFolder(tmp_path))
    assert not any(row["ended"] for row in rows_of(section))
    assert "cross" not in section.sentence
    write(tmp_path, "short", [whole[0], make_line(step=90, si_sdri_db=1.5, share=0.75)])
    (section,) = find_figure4(ReportFolder(tmp_path))
    crosses = [row["step"] for row in rows_of(section, cost=OPERATIONS) if row["ended"]]
    assert crosses == ["90"]
    assert "A cross: the training ended before its budget" in section.sentence


def test_metrics_that_can_not_be_read_are_named_and_the_others_shown(tmp_path: Path) -> None:
    write(tmp_path, "good", make_training("conv-tasnet", "speech"))
    write(tmp_path, "bad", [])
    (tmp_path / "training" / "bad" / "metrics.jsonl").write_text("torn\nmore\n")
    (section,) = find_figure4(ReportFolder(tmp_path))
    assert "metrics.jsonl, line 1, is not metrics" in section.sentence
    assert len(table_of(section)) == 1


def test_of_nothing_there_is_none(tmp_path: Path) -> None:
    assert find_figure4(ReportFolder(tmp_path)) == []
    write(tmp_path, "begun", [make_line(step=50, si_sdri_db=None)])
    assert find_figure4(ReportFolder(tmp_path)) == []
