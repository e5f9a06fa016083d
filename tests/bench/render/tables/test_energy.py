"""energy.md and .csv from made-up records: what stands in the table, and what in its place."""

import csv
import io
from collections.abc import Callable
from dataclasses import replace

import pytest

from bench.registry import TABLE1
from bench.render.tables.energy import render_energy, render_energy_csv
from bench.results.energy_use import EnergyUse
from bench.results.record import Record, Status
from bench.results.summary import RunSummary, summarize
from tests.bench.example_records import GPU, SETTINGS, complete_run, environment, fail
from tests.bench.measuring.clock import QUIET
from tests.bench.render.tables.test_table1 import tables

ENTRIES = TABLE1[:3]
WITH_ENERGY = replace(SETTINGS, energy=True)
RECORDS = complete_run(ENTRIES, WITH_ENERGY)
ON_GPU = [
    replace(record, environment=environment(machine={"gpu": GPU}))
    for record in complete_run(ENTRIES, WITH_ENERGY.on("cuda"))
]
BUSY = replace(QUIET, wall_s=5.0, others_cpu_s=5.0)
Change = Callable[[EnergyUse], EnergyUse]


def changed(change: Change, records: list[Record] = RECORDS) -> RunSummary:
    return summarize(
        [
            replace(one, result=change(one.result)) if isinstance(one.result, EnergyUse) else one
            for one in records
        ]
    )


def failing(
    status: Status, reason: str, is_failing: Callable[[Record], bool] = lambda record: True
) -> RunSummary:
    return summarize(
        [
            fail(one, status, reason) if one.job.probe == "energy" and is_failing(one) else one
            for one in RECORDS
        ]
    )


def tables_of(text: str) -> list[list[list[str]]]:
    return list(tables(text))


def cells_of(text: str, number: int = 0) -> list[dict[str, str]]:
    heads, *rows = tables_of(text)[number]
    return [dict(zip(heads, row, strict=True)) for row in rows]


def test_a_row_has_all_and_what_is_above_idle_for_both_steps() -> None:
    """30 W for 0.1 s a second of audio, times the network's number, and in training thrice."""
    text = render_energy(summarize(RECORDS))
    assert "## On the processor, by RAPL package-0" in text
    heads, *rows = tables_of(text)[0]
    assert heads[1:4] == ["Inference", "Inference, above idle", "Inference, ratio to Conv-TasNet"]
    assert heads[4] == "Training step"
    assert [row[0] for row in rows] == [entry.display_name for entry in ENTRIES]
    for number, row in enumerate(rows, start=1):
        assert row[1].startswith(f"{3 * number}.00 J ± ")
        assert row[2].startswith(f"{2 * number}.00 J ± ")
        assert row[4].startswith(f"{9 * number}.")
        assert row[3].partition(" ")[0] == ("1" if number == 1 else f"{number}.00")
        assert row[-1] == "about 10 W"
    assert "read with care" not in text


def test_a_run_on_a_gpu_has_a_table_for_each_counter_and_both_ways() -> None:
    text = render_energy(summarize(ON_GPU))
    assert "## On the processor, by RAPL package-0" in text
    assert "## On Example GPU, by NVML total energy" in text
    on_cpu, on_gpu, ways = tables(text)
    assert on_cpu[0][1::3] == ["Inference", "Idle power"]
    assert on_gpu[0][1::3] == ["Training step", "Inference on the GPU", "Idle power"]
    assert {row[2] for row in ways[1:]} == {"NVML sampled power (instant)"}
    assert {tuple(row[3:]) for row in ways[1:]} == {("+0.0 %", "+0.0 %")}
    assert "do not agree" not in text


def test_two_ways_that_do_not_agree_are_named_with_how_far_they_are_apart() -> None:
    def more(use: EnergyUse) -> EnergyUse:
        if use.other_counter is None:
            return use
        energies_j = dict(use.work.energies_j)
        energies_j[use.other_counter] *= 0.9
        return replace(use, work=replace(use.work, energies_j=energies_j))

    text = render_energy(changed(more, ON_GPU))
    assert (
        "- At work, the sampled power and the driver's counter do not agree within 5 %: "
        "Conv-TasNet, training step (-10.0 %); Demucs, training step (-10.0 %); "
    ) in text
    assert "- At rest" not in text


def test_a_power_at_rest_that_moves_makes_a_range_and_is_said() -> None:
    def moved(use: EnergyUse) -> EnergyUse:
        energies_j = {name: 2.2 * energy_j for name, energy_j in use.after.energies_j.items()}
        return replace(use, after=replace(use.after, energies_j=energies_j))

    text = render_energy(changed(moved))
    row = cells_of(text)[0]
    assert row["Inference, above idle"].endswith("noisy")
    assert row["Inference"].startswith("3.00 J ± ")
    assert row["Idle power"] == "10 to 22 W"
    assert (
        "Conv-TasNet, inference: the power at rest is not well known against the work: 10 to 22 W "
        "at rest, 30.0 W at work."
    ) in text


def test_what_disturbed_a_process_is_said() -> None:
    def disturbed(use: EnergyUse) -> EnergyUse:
        return replace(use, before=replace(use.before, contention=BUSY))

    text = render_energy(changed(disturbed))
    assert (
        "3 of 3 processes were disturbed by other work (others used 1.0 of 2 processors), so the "
        "range is of all of them."
    ) in text
    assert cells_of(text)[0]["Inference"].endswith("noisy")


def test_one_reason_of_all_is_a_sentence_in_the_place_of_a_table_of_dashes() -> None:
    summary = failing(Status.UNSUPPORTED, "The kernel shows no counter.")
    text = render_energy(summary)
    assert "Energy was not measured. The kernel shows no counter.\n" in text
    assert tables_of(text) == []
    assert "0 J" not in text
    for row in csv.DictReader(io.StringIO(render_energy_csv(summary), newline="")):
        assert (row["status"], row["reason"]) == ("unsupported", "The kernel shows no counter.")
        assert row["energy_j_per_audio_s_gross"] == row["counter"] == ""


def test_reasons_of_some_are_named_below_the_table_of_the_others() -> None:
    text = render_energy(
        failing(Status.TIMEOUT, "Too slow.", lambda record: record.job.model == ENTRIES[1].name)
    )
    assert len(tables_of(text)[0]) == 1 + 2
    assert "- Demucs, inference; Demucs, training step: Too slow.\n" in text


def test_a_step_that_has_none_is_not_measured_in_its_columns() -> None:
    text = render_energy(
        failing(Status.ERROR, "No.", lambda record: record.job.workload.phase == "update")
    )
    for row in tables_of(text)[0][1:]:
        assert row[4:7] == ["not measured"] * 3


def test_a_network_that_was_not_tried_has_the_reason_of_its_times() -> None:
    records = [
        fail(one, Status.BAD_SHAPE, "It returned a list.")
        for one in RECORDS
        if one.job.model == ENTRIES[0].name and one.job.probe == "contract"
    ]
    others = [one for one in RECORDS if one.job.model != ENTRIES[0].name]
    text = render_energy(summarize([*records, *others]))
    assert "Conv-TasNet, inference; Conv-TasNet, training step: It returned a list." in text


def test_a_run_that_ended_before_says_so() -> None:
    records = [one for one in RECORDS if one.job.probe != "energy" or one.job.model != "dprnn"]
    assert "DPRNN, inference; DPRNN, training step: The run ended before." in render_energy(
        summarize(records)
    )


@pytest.mark.parametrize("records", [RECORDS, ON_GPU])
def test_every_value_is_in_the_csv_to_the_last_bit(records: list[Record]) -> None:
    summary = summarize(records)
    assert summary.energy is not None
    rows = list(csv.DictReader(io.StringIO(render_energy_csv(summary), newline="")))
    assert len(rows) == len(ENTRIES) * len(summary.phases)
    for row in rows:
        (point,) = (
            one
            for one in summary.energy.points
            if (one.model, one.phase) == (row["model"], row["phase"])
        )
        assert row["device"] == ("cpu" if point.counter.startswith("RAPL") else "cuda")
        assert row["counter"] == point.counter
        assert float(row["energy_j_per_audio_s_gross"]) == point.gross.value
        assert float(row["energy_j_per_audio_s_net"]) == point.net.value
        assert point.net_ratio is not None
        assert float(row["ratio_net"]) == point.net_ratio.value
        assert float(row["update_s"]) == 0.002
