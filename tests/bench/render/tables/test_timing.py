"""The section on time: every value beside what it rests on."""

from dataclasses import replace
from typing import Any

import pytest

from bench.registry import TABLE1
from bench.render.tables.timing import render_timing
from bench.results.measurements import LatencyTimes
from bench.results.record import Record, Status
from bench.results.summary import summarize
from tests.bench.example_records import complete_run, fail, make_job, make_record, undisturbed


def section(records: list[Record]) -> str:
    return "\n\n".join(render_timing(summarize(records)))


def rows(text: str, heading: str) -> list[dict[str, str]]:
    """The table below a heading, each row by the heads."""
    table = text.partition(f"### {heading}")[2].strip().split("\n\n")[0].splitlines()
    heads, _, *lines = [[cell.strip() for cell in line.split("|")[1:-1]] for line in table]
    return [dict(zip(heads, line, strict=True)) for line in lines]


def timed(times_s: list[list[float]], **measured: Any) -> list[Record]:
    return [
        make_record(make_job(round_index=index), LatencyTimes(tuple(times), **measured))
        for index, times in enumerate(times_s)
    ]


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
        ratio = row["Ratio to SuDoRM-RF 1.0x"].partition("<br>")[0]
        assert float(ratio) == pytest.approx(k / 5, rel=6e-3)
        assert row["Processes, calls"] == "3, 9"
        assert row["Contended"] == "0%"


def test_what_ended_most_processes_stands_beside_their_number() -> None:
    records = timed([[1.0]] * 3, stopped_by="precision")
    records[1:2] = timed([[1.0]] * 3, stopped_by="repeats")[1:2]
    (row,) = rows(section(records), "Inference (I)")
    assert row["Ended by"] == "precision"
    (row,) = rows(section(timed([[1.0]])), "Inference (I)")
    assert row["Ended by"] == "not known"


def test_the_interval_stands_below_the_value_with_the_level_it_has() -> None:
    (row,) = rows(section(timed([[1.0], [1.02], [0.99]])), "Inference (I)")
    assert row["Median"] == "1.00 s<br>−1.0 +2.0 % (75%)"
    (row,) = rows(section(timed([[1.0]] * 6)), "Inference (I)")
    assert row["Median"] == "1.00 s<br>−0.0 +0.0 %"
    (row,) = rows(section(timed([[1.0]])), "Inference (I)")
    assert row["Median"] == "1.00 s (one process)"


def test_percentiles_appear_when_there_are_calls_enough() -> None:
    (row,) = rows(section(timed([[1.0] * 29, [2.0] * 29])), "Inference (I)")
    assert (row["p90"], row["p95"], row["p99"]) == ("2.00 s", "needs 59", "needs 299")


def test_calls_under_contention_are_shown_and_make_a_value_noisy() -> None:
    """Each first call waited for all of it, each second for none of it."""
    half = replace(undisturbed(2), wait_s=(1.0, 0.0))
    (row,) = rows(section(timed([[1.0, 1.0]] * 6, contention=half)), "Inference (I)")
    assert row["Contended"] == "50% (noisy)"


def test_a_machine_without_counters_does_not_claim_to_be_quiet() -> None:
    silent = replace(
        undisturbed(1), wait_s=(None,), others_cpu_s=(None,), steal_s=(None,), pressure_s=(None,)
    )
    (row,) = rows(section(timed([[1.0]], contention=silent)), "Inference (I)")
    assert row["Contended"] == "not known"


def test_a_wide_interval_makes_a_value_noisy() -> None:
    (row,) = rows(section(timed([[1.0], [2.0]] * 3, contention=undisturbed(1))), "Inference (I)")
    assert row["Contended"] == "0% (noisy)"


def test_the_parts_of_an_update_step_with_their_shares() -> None:
    for row in rows(section(complete_run()), "The parts of a training step"):
        assert {row[part] for part in row if part != "Model"} == {"100 ms (20%)"}


def test_the_harness_shows_its_own_cost() -> None:
    text = section([*complete_run()])
    assert "null model that returns its input: 1.01 µs a call." in text
    without = [record for record in complete_run() if record.job.model != "null"]
    assert "own cost was not measured" in section(without)


def test_a_run_that_timed_nothing_has_no_such_section() -> None:
    records = [
        fail(record, Status.OOM, "Full.") if record.job.probe == "latency" else record
        for record in complete_run()
    ]
    assert section(records) == ""


def test_a_network_without_a_round_in_common_with_the_base_says_so() -> None:
    reference = make_record(make_job("sudormrf-1.0x", round_index=1), LatencyTimes((1.0,)))
    other = timed([[1.0]])
    found = rows(section([reference, *other]), "Inference (I)")
    assert [row["Ratio to SuDoRM-RF 1.0x"] for row in found] == [
        "no round in common",
        "1",
    ]


def test_without_the_usual_base_the_first_network_is_one() -> None:
    records = [replace(record) for record in complete_run(TABLE1[:2])]
    assert "Ratio to Conv-TasNet" in section(records)
