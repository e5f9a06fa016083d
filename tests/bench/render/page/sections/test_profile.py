"""Profiles: shares of time and bytes at the peak, as the profile's own sums have them."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from bench.render.page import colours
from bench.render.page.section import Section
from bench.render.page.sections.newest import ReportFolder
from bench.render.page.sections.profile import find_profiles
from bench.render.page.sections.profile_memory import find_peaks
from bench.render.tables.profile import part_of_step
from bench.results.alive import peaks_by_group
from bench.results.costs import Costs
from bench.results.profile import Profile
from bench.results.record import Record, Status
from bench.results.workload import Phase
from tests.bench.example_profiles import CHAIN, Layer, profile_inference, profile_update
from tests.bench.example_records import environment, fail, make_job, make_record
from tests.bench.render.page.sections.folders import (
    check_chart,
    find_one,
    rows_of,
    store,
    table_of,
)

INFERENCE, UPDATE = profile_inference(CHAIN), profile_update(CHAIN)


def record_of(profile: Profile, phase: Phase = "inference", model: str = "dprnn") -> Record:
    return make_record(make_job(model, "profile", phase), profile)


def find(records: list[Record], folder: Path) -> list[Section]:
    store(folder, "explain", records)
    reports = ReportFolder(folder)
    return [*find_profiles(reports), *find_peaks(reports)]


def test_parts_have_the_shares_of_the_profile(tmp_path: Path) -> None:
    time, _ = find([record_of(INFERENCE), record_of(UPDATE, "update")], tmp_path)
    check_chart(time)
    for phase, profile in (("Inference", INFERENCE), ("Training step", UPDATE)):
        costs = Costs(profile).by(part_of_step)
        rows = {row["part"]: row["share"] for row in rows_of(time, phase=phase)}
        assert rows.keys() == costs.keys()
        for part, cost in costs.items():
            assert rows[part] == pytest.approx(100 * cost.share, rel=5e-4)
        assert sum(rows.values()) == pytest.approx(100, abs=0.1)


def test_groups_add_up_to_the_peak(tmp_path: Path) -> None:
    _, memory = find([record_of(UPDATE, "update")], tmp_path)
    check_chart(memory)
    rows = rows_of(memory)
    peaks = peaks_by_group(UPDATE.memory, UPDATE.rows)
    assert {row["part"] for row in rows} == {p.group for p in peaks if p.bytes_at_peak}
    for peak in filter(lambda peak: peak.bytes_at_peak, peaks):
        (row,) = (row for row in rows if row["part"] == peak.group)
        share = 100 * peak.bytes_at_peak / UPDATE.memory.peak_bytes
        assert row["share"] == pytest.approx(share, rel=5e-4)
    assert sum(row["share"] for row in rows) == pytest.approx(100, abs=0.1)
    (row,) = table_of(memory)
    assert (row["Peak"], row["Held before the step"]) == ("3.46 kB", "1.09 kB")
    assert row["Kept by autograd"] == "1.40 kB"


def test_the_table_names_what_costs_most(tmp_path: Path) -> None:
    time, _ = find([record_of(INFERENCE)], tmp_path)
    (row,) = table_of(time)
    assert row["Costliest part"] == "blocks (50.0%)"
    assert row["Costliest operator"] in ("convolution (50.0%)", "relu (50.0%)")


def test_a_time_that_is_no_number_is_hollow(tmp_path: Path) -> None:
    first, *others = INFERENCE.rows
    unsteady = replace(first, times_s=(0.0001, 0.004, 0.0001, 0.004, 0.0001))
    time, _ = find([record_of(replace(INFERENCE, rows=(unsteady, *others)))], tmp_path)
    noisy = {row["part"] for row in rows_of(time) if row["noisy"]}
    assert noisy == {part_of_step(first.place)}


def test_a_phase_that_could_not_be_profiled_is_named(tmp_path: Path) -> None:
    failed = fail(record_of(UPDATE, "update"), Status.TIMEOUT, "It took too long.")
    time, memory = find([record_of(INFERENCE), failed], tmp_path)
    assert "Not measured: DPRNN (profile): timeout: It took too long." in time.sentence
    assert [row["Phase"] for row in table_of(memory)] == ["Inference"]


def test_where_all_failed_the_reasons_stand_alone(tmp_path: Path) -> None:
    (section,) = find([fail(record_of(INFERENCE), Status.OOM, "Full.")], tmp_path)
    assert (section.key, section.chart, section.table) == ("profile", None, None)
    assert "DPRNN (profile): oom: Full." in section.sentence


def test_more_parts_than_colours_share_one(tmp_path: Path) -> None:
    layers = [Layer(f"part{number}", "relu", 600) for number in range(15)]
    time, _ = find([record_of(profile_inference(layers))], tmp_path)
    rows = rows_of(time)
    assert len({row["part"] for row in rows}) == 15
    assert len({row["group"] for row in rows}) == len(colours.MANY_COLOURS)
    chart: Any = time.chart
    scale = chart["layer"][0]["encoding"]["fill"]["scale"]
    assert len(set(scale["range"])) == len(scale["domain"]) == len(colours.MANY_COLOURS)


def test_two_revisions_of_a_network_are_another_report(tmp_path: Path) -> None:
    later = replace(record_of(INFERENCE), environment=environment(code={"commit": "f" * 40}))
    store(tmp_path, "explain", [record_of(INFERENCE), later], "20260103T000000Z")
    store(tmp_path, "explain", [record_of(INFERENCE)], "20260102T000000Z")
    section = find_one(find_profiles(ReportFolder(tmp_path)), "profile")
    assert "From records/explain/20260102T000000Z.jsonl" in section.sentence
    assert "20260103T000000Z.jsonl is left out" in section.sentence


def test_of_nothing_there_is_none(tmp_path: Path) -> None:
    assert find_profiles(ReportFolder(tmp_path)) == []
    assert find_peaks(ReportFolder(tmp_path)) == []
