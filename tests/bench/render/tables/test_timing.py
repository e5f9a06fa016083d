"""The section on time: every value beside what it rests on."""

from dataclasses import replace

import pytest

from bench.registry import TABLE1
from bench.render.tables.timing import GIVEN_BACK, KEPT, describe_times, render_timing
from bench.results.record import Record, Status
from bench.results.summary import summarize
from tests.bench.example_records import (
    complete_run,
    complete_run_on_gpu,
    fail,
    make_job,
    make_rounds,
)
from tests.bench.example_results import undisturbed


def section(records: list[Record]) -> str:
    return "\n\n".join(render_timing(summarize(records)))


def rows(text: str, heading: str) -> list[dict[str, str]]:
    """The table below a heading, each row by the heads."""
    table = text.partition(f"### {heading}")[2].strip().split("\n\n")[0].splitlines()
    heads, _, *lines = [[cell.strip() for cell in line.split("|")[1:-1]] for line in table]
    return [dict(zip(heads, line, strict=True)) for line in lines]


@pytest.mark.parametrize(("heading", "factor"), [("Inference (I)", 1), ("Training step (B)", 3)])
def test_each_network_has_its_ratio_and_its_real_time_factor(heading: str, factor: int) -> None:
    """One second of audio in 0.101 s, k times that for network number k; number 5 is 1.0x."""
    found = rows(section(complete_run()), heading)
    assert [row["Model"] for row in found] == [entry.display_name for entry in TABLE1]
    for k, row in enumerate(found, start=1):
        assert float(row["Real-time factor"]) == pytest.approx(0.101 * factor * k, rel=6e-3)
        assert float(row["Mixtures per second"]) == pytest.approx(
            1 / (0.101 * factor * k), rel=6e-3
        )
        assert float(row["Time"].split()[0]) == pytest.approx(
            (101 if factor * k < 10 else 0.101) * factor * k, rel=6e-3
        )
        ratio = row["Ratio to SuDoRM-RF 1.0x"].partition(" ±")[0]
        assert float(ratio) == pytest.approx(k / 5, rel=6e-3)
        assert row["Processes, undisturbed calls"] == "3, 9"
        assert row["Disturbed"] == "0%"
        assert row["Page faults a call"] == "2"


SURE = [[1.0] * 5] * 3


def test_what_ended_most_processes_stands_beside_their_number() -> None:
    records = make_rounds(SURE, stopped_by="precision")
    records[1:2] = make_rounds(SURE, stopped_by="repeats")[1:2]
    (row,) = rows(section(records), "Inference (I)")
    assert row["Ended by"] == "precision"
    (row,) = rows(section(make_rounds(SURE)), "Inference (I)")
    assert row["Ended by"] == "not known"


def test_half_the_interval_stands_behind_the_value() -> None:
    """Six rounds: from the smallest to the largest, 0.97 to 1.03 s."""
    (row,) = rows(section(make_rounds([[0.97], [1.03]] * 3)), "Inference (I)")
    assert row["Time"] == "1.00 s ± 3 %"


def test_a_time_that_can_not_be_trusted_is_a_range_in_every_cell_that_follows_from_it() -> None:
    (row,) = rows(section(make_rounds([[0.5] * 15, [1.0] * 15] * 3)), "Inference (I)")
    assert row["Time"] == "0.5 to 1.0 s, noisy"
    assert (row["Mixtures per second"], row["Real-time factor"]) == ("1.0 to 2.0", "0.5 to 1.0")
    assert (row["p90"], row["p95"], row["p99"]) == ("noisy", "noisy", "needs 299")


def test_percentiles_appear_when_there_are_calls_enough() -> None:
    records = make_rounds([[1.0] * 10 + [2.0] * 4] * 3)
    (row,) = rows(section(records), "Inference (I)")
    assert (row["p90"], row["p95"], row["p99"]) == ("2.00 s", "needs 59", "needs 299")


def test_the_share_of_calls_that_are_left_out_is_shown() -> None:
    """Each first call waited for all of it, each second for none of it."""
    half = replace(undisturbed(2), wait_s=(1.0, 0.0))
    (row,) = rows(section(make_rounds([[1.0, 1.0]] * 6, contention=half)), "Inference (I)")
    assert (row["Disturbed"], row["Processes, undisturbed calls"]) == ("50%", "6, 6")


def test_what_nobody_counted_is_not_known() -> None:
    (row,) = rows(section(make_rounds(SURE)), "Inference (I)")
    assert (row["Disturbed"], row["Page faults a call"]) == ("not known", "not known")


@pytest.mark.parametrize("keeps_pages", [True, False])
@pytest.mark.parametrize("took_turns", [True, False])
def test_it_says_how_times_were_obtained(keeps_pages: bool, took_turns: bool) -> None:
    turns = tuple(range(5)) if took_turns else None
    records = make_rounds(SURE, make_job(keeps_pages=keeps_pages, threads=1), turns=turns)
    caption = "".join(describe_times(summarize(records)))
    introduction = section(records).split("\n\n")[1]
    assert "with 1 thread," in caption
    for text in (caption, introduction):
        assert ("side by side" in text) == took_turns
        assert ("alone" in text) != took_turns
    assert ("keeps freed pages" in caption) == (KEPT in introduction) == keeps_pages
    assert ("gives freed pages back" in caption) == (GIVEN_BACK in introduction) != keeps_pages


def test_the_parts_of_an_update_step_with_their_shares() -> None:
    for row in rows(section(complete_run()), "The parts of a training step"):
        assert {row[part] for part in row if part != "Model"} == {"100 ms (20%)"}


def test_of_a_noisy_step_only_the_shares_of_its_parts_are_shown() -> None:
    parts_s = {"forward": (1.0,), "backward": (3.0,)}
    records = make_rounds([[4.0]], make_job(phase="update"), parts_s=parts_s)
    (row,) = rows(section(records), "The parts of a training step")
    assert (row["forward"], row["backward"]) == ("25%", "75%")


def test_the_harness_shows_its_own_cost() -> None:
    text = section([*complete_run()])
    assert "null model that returns its input: 1.01 µs ± 2 % a call." in text
    without = [record for record in complete_run() if record.job.model != "null"]
    assert "own cost was not measured" in section(without)


def test_a_run_that_timed_nothing_has_no_such_section() -> None:
    records = [
        fail(record, Status.OOM, "Full.") if record.job.probe == "latency" else record
        for record in complete_run()
    ]
    assert section(records) == ""


def test_a_network_without_a_round_in_common_with_the_base_says_so() -> None:
    later = make_rounds([[1.0]] * 2, make_job("sudormrf-1.0x"))[1:]
    found = rows(section([*later, *make_rounds([[1.0]])]), "Inference (I)")
    assert [row["Ratio to SuDoRM-RF 1.0x"] for row in found] == ["not known", "1"]


def test_a_ratio_that_can_not_be_trusted_is_a_range() -> None:
    base = make_rounds([[1.0]] * 6, make_job("sudormrf-1.0x"), turns=(0,))
    ours = make_rounds([[1.2], [2.1]] * 3, turns=(0,))
    found = rows(section([*base, *ours]), "Inference (I)")
    assert [row["Ratio to SuDoRM-RF 1.0x"] for row in found] == ["1.2 to 2.1, noisy", "1"]


def test_without_the_usual_base_the_first_network_is_one() -> None:
    records = [replace(record) for record in complete_run(TABLE1[:2])]
    assert "Ratio to Conv-TasNet" in section(records)


def test_inference_on_the_gpu_has_a_table_and_the_harness_its_cost_there() -> None:
    text = section(complete_run_on_gpu())
    assert [row["Model"] for row in rows(text, "Inference on the GPU")] == [
        entry.display_name for entry in TABLE1
    ]
    assert "hold their contexts: 1.01 µs ± 2 %." in text
    assert "contexts" not in section(complete_run())
