"""Figure 3: qualities of networks trained here and the paper's, over the costs of the run."""

from dataclasses import replace
from pathlib import Path

import pytest

from bench.registry import KNOWN, TABLE1
from bench.render.page.section import Section
from bench.render.page.sections.figure3 import OWN, PAPERS, find_figure3
from bench.render.page.sections.newest import RUNS, ReportFolder
from bench.results.published import TABLE1 as PUBLISHED
from bench.results.quality import EVALUATIONS, append_evaluation
from bench.results.record import Record, Status
from bench.results.summary import summarize
from tests.bench.example_evaluations import EVALUATION
from tests.bench.example_records import complete_run, fail, make_job, make_rounds
from tests.bench.render.page.sections.folders import check_chart, rows_of, store, table_of

SPEECH, SOUNDS = "SI-SDRi, speech (dB)", "SI-SDRi, non-speech (dB)"
TIME, MEMORY = "Time of inference", "Memory of inference"


def find(records: list[Record], folder: Path) -> Section:
    store(folder, RUNS, records)
    append_evaluation(folder / EVALUATIONS, EVALUATION)
    (section,) = find_figure3(ReportFolder(folder))
    check_chart(section)
    return section


def test_both_qualities_of_a_network_stand_over_its_measured_cost(tmp_path: Path) -> None:
    records = complete_run()
    section = find(records, tmp_path)
    models = {m.entry.display_name: m for m in summarize(records).models}
    for cost, metric in (
        (TIME, "latency_s"),
        (MEMORY, "peak_rss_bytes"),
        ("MACs of inference", "macs"),
    ):
        rows = rows_of(section, cost=cost, task=SPEECH, source=PAPERS)
        assert [row["network"] for row in rows] == [entry.display_name for entry in TABLE1]
        for row in rows:
            value = models[row["network"]].values[f"{metric}_inference"].value
            assert row["value"] == pytest.approx(value, rel=5e-4)
        qualities = [PUBLISHED[entry.name].si_sdri_speech_db for entry in TABLE1]
        assert [row["quality"] for row in rows] == qualities
        (own,) = rows_of(section, cost=cost, source=OWN)
        assert (own["network"], own["task"]) == ("SuDoRM-RF 0.25x", SPEECH)
        assert (own["quality"], own["quality_low"], own["quality_high"]) == (4.1, 3.9, 4.3)
        assert own["value"] == rows[-1]["value"]
    assert len(rows_of(section, cost=TIME, task=SOUNDS)) == len(TABLE1)


def test_how_much_each_network_was_trained_is_said(tmp_path: Path) -> None:
    section = find(complete_run(), tmp_path)
    assert "SuDoRM-RF 0.25x, speech: evaluated on 500 mixtures of corpus-speech" in section.sentence
    row = table_of(section)[-1]
    assert row[f"{SPEECH}, own (interval)"] == "4.10 (3.90 to 4.30)"
    assert row[f"{SOUNDS}, own (interval)"] == "not trained here"


def test_a_cost_that_failed_is_named_and_has_no_mark(tmp_path: Path) -> None:
    records = [
        fail(one, Status.OOM, "Full.")
        if (one.job.model, one.job.probe) == ("demucs", "memory")
        else one
        for one in complete_run()
    ]
    section = find(records, tmp_path)
    assert "Not measured: Demucs (Peak of the process I): oom: Full." in section.sentence
    assert not rows_of(section, network="Demucs", cost=MEMORY)
    assert rows_of(section, network="Demucs", cost=TIME)
    (row,) = (row for row in table_of(section) if row["Network"] == "Demucs")
    assert row[MEMORY] == "oom"


def test_a_time_that_is_no_number_is_a_range(tmp_path: Path) -> None:
    name = "sudormrf-0.25x"
    noisy = make_rounds([[0.1], [0.2]] * 3, make_job(name))
    records = [r for r in complete_run() if (r.job.model, r.job.probe) != (name, "latency")]
    section = find([*records, *noisy], tmp_path)
    rows = rows_of(section, network="SuDoRM-RF 0.25x", cost=TIME)
    assert len(rows) == 3
    for row in rows:
        assert row["noisy"] is True
        assert row["low"] < row["value"] < row["high"]
        assert "noisy" in row["text"]


def test_it_is_of_the_newest_run_of_table_1(tmp_path: Path) -> None:
    for number, entries in enumerate((TABLE1[:2], TABLE1[-2:], [KNOWN["sepformer"]])):
        store(tmp_path, RUNS, complete_run(entries), f"cpu-2026010{number + 1}T000000Z")
    append_evaluation(tmp_path / EVALUATIONS, replace(EVALUATION, separator=TABLE1[-1].name))
    (section,) = find_figure3(ReportFolder(tmp_path))
    names = {row["Network"] for row in table_of(section)}
    assert names == {entry.display_name for entry in TABLE1[-2:]}
    assert "records/cpu-20260102T000000Z.jsonl" in section.sentence


def test_without_evaluations_there_is_none(tmp_path: Path) -> None:
    store(tmp_path, RUNS, complete_run(TABLE1[:1]))
    assert find_figure3(ReportFolder(tmp_path)) == []


def test_evaluations_that_can_not_be_read_are_named(tmp_path: Path) -> None:
    store(tmp_path, RUNS, complete_run(TABLE1[:1]))
    (tmp_path / EVALUATIONS).mkdir(parents=True)
    (section,) = find_figure3(ReportFolder(tmp_path))
    assert "No evaluations can be read from" in section.sentence
    assert section.chart is None
