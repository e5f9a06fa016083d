"""The family: every workload of one measurement, its values and what failed."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from bench.plan import plan_streaming_jobs
from bench.registry import CAUSAL, GROUPCOMM, REGISTRY, Entry
from bench.render.page.sections.family import find_families
from bench.render.page.sections.newest import ReportFolder
from bench.results.record import Record, Status
from bench.results.summary import summarize
from tests.bench.example_records import SETTINGS, complete_run, environment, fail, make_record
from tests.bench.render.page.sections.folders import check_chart, rows_of, store, table_of

ENTRIES = (REGISTRY["sudormrf-1.0x"], GROUPCOMM[0], CAUSAL[0])
STAMP = "20260102T000000Z"


def measured(n_samples: int, batch: int, entries: Sequence[Entry] = ENTRIES) -> list[Record]:
    return complete_run(entries, replace(SETTINGS, n_samples=n_samples, batch=batch))


def streams() -> list[Record]:
    return [make_record(job) for job in plan_streaming_jobs(CAUSAL[:1], SETTINGS, (160,))]


def test_every_workload_is_in_the_chart_and_has_a_table(tmp_path: Path) -> None:
    runs = {(32_000, 4): measured(32_000, 4), (8000, 1): measured(8000, 1)}
    for (n_samples, batch), records in runs.items():
        store(tmp_path, "family", records, f"{n_samples}x{batch}-{STAMP}")
    store(tmp_path, "family", streams(), f"streams-{STAMP}")
    whole, other = find_families(ReportFolder(tmp_path))
    check_chart(whole)
    assert (whole.key, other.key, other.chart) == ("family", "family-32000x4", None)
    for (n_samples, batch), records in runs.items():
        rows = rows_of(
            whole, workload=f"{n_samples:,} samples, batch {batch}", cost="Time of training step"
        )
        values = [model.values["latency_s_update"].value for model in summarize(records).models]
        assert [row["value"] for row in rows] == pytest.approx(values, rel=5e-4)
    assert [row["Latency (ms)"] for row in table_of(whole)] == ["–", "–", "22.5"]
    assert "Time I (s); ratio to SuDoRM-RF 1.0x" in table_of(whole)[0]
    assert "I (examples/s)" in table_of(other)[0]


def test_what_failed_is_named_with_its_workload(tmp_path: Path) -> None:
    records = [
        fail(one, Status.OOM, "It needs more memory.")
        if (one.job.model, one.job.probe) == (GROUPCOMM[0].name, "memory")
        else one
        for one in measured(8000, 1)
    ]
    store(tmp_path, "family", records, f"8000x1-{STAMP}")
    broken = fail(streams()[0], Status.ERROR, "It stopped.")
    store(tmp_path, "family", [broken], f"streams-{STAMP}")
    (section,) = find_families(ReportFolder(tmp_path))
    name = GROUPCOMM[0].display_name
    said = f"{name} (Peak of the process I, Peak of the process B): oom: It needs more memory."
    assert said in section.sentence
    assert "streaming in chunks of 160): error: It stopped." in section.sentence
    (row,) = (row for row in table_of(section) if row["Network"] == name)
    assert row["Memory B (GB)"] == "oom"
    assert not rows_of(section, network=name, cost="Memory of inference")


@pytest.mark.parametrize("is_elsewhere", [False, True])
def test_an_earlier_measurement_of_the_same_place_stands_beside(
    is_elsewhere: bool, tmp_path: Path
) -> None:
    place = environment(machine={"cpu": "Another"}) if is_elsewhere else environment()
    earlier = [replace(record, environment=place) for record in measured(8000, 1)]
    store(tmp_path, "family", earlier, "8000x1-20260101T000000Z")
    store(tmp_path, "family", measured(32_000, 1, ENTRIES[:1]), f"32000x1-{STAMP}")
    first, *others = find_families(ReportFolder(tmp_path))
    keys = ["family"] if is_elsewhere else ["family", "family-32000x1"]
    assert [section.key for section in (first, *others)] == keys
    newest = table_of(first if is_elsewhere else others[0])
    assert [row["Network"] for row in newest] == [ENTRIES[0].display_name]


def test_streams_alone_are_named(tmp_path: Path) -> None:
    store(tmp_path, "family", streams(), f"streams-{STAMP}")
    (section,) = find_families(ReportFolder(tmp_path))
    assert "There are only records of streams" in section.sentence
    assert section.chart is None


def test_of_nothing_there_is_none(tmp_path: Path) -> None:
    assert find_families(ReportFolder(tmp_path)) == []
