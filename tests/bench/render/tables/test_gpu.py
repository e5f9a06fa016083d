"""The section on the GPU: what is recorded is shown, and what is not known is said once."""

import re
from collections.abc import Callable
from dataclasses import replace

import pytest

from bench.registry import TABLE1
from bench.render.tables.gpu import render_gpu
from bench.render.tables.table1 import render_table1
from bench.results.measurements import LatencyTimes, Launches, MemoryPeaks, Result
from bench.results.record import Record
from bench.results.summary import summarize
from tests.bench.example_records import complete_run, complete_run_on_gpu
from tests.bench.render.tables.test_table1 import tables

RECORDS = complete_run_on_gpu()


def changed(change: Callable[[Result | None], Result | None]) -> list[Record]:
    return [replace(record, result=change(record.result)) for record in RECORDS]


def section(records: list[Record] = RECORDS) -> str:
    return "\n\n".join(render_gpu(summarize(records)))


def rows(text: str, number: int) -> list[dict[str, str]]:
    heads, *found = list(tables(text))[number]
    return [dict(zip(heads, row, strict=True)) for row in found]


def test_each_network_has_a_row_for_each_phase_on_the_gpu() -> None:
    expected = [(e.display_name, phase) for e in TABLE1 for phase in ("I on the GPU", "B")]
    for table in tables(section()):
        assert [tuple(row[:2]) for row in table[1:]] == expected


def test_the_first_networks_calls_by_hand() -> None:
    inference, update, *_ = rows(section(), 0)
    assert inference == {
        "Model": "Conv-TasNet",
        "Phase": "I on the GPU",
        "Time": "101 ms ± 2 %",
        "Host's time": "126 ms ± 2 %",
        "Time, cold cache": "152 ms ± 2 %",
        "Launches": "500",
        "Busy share": "40%",
        "In a word": "launch-bound",
        "As a CUDA graph": "50.5 ms",
    }
    assert (update["Launches"], update["As a CUDA graph"]) == ("1500", "skipped")


def test_a_call_that_keeps_it_busy_says_so() -> None:
    def longer(result: Result | None) -> Result | None:
        return replace(result, busy_s=result.call_s) if isinstance(result, Launches) else result

    found = rows(section(changed(longer)), 0)
    assert {(row["Busy share"], row["In a word"]) for row in found} == {("100%", "busy")}


def test_memory_cold_and_warm_by_hand() -> None:
    inference, update, *_ = rows(section(), 1)
    assert list(inference.values())[2:] == ["120", "90.0", "130", "110", "510", "500"]
    assert list(update.values())[2:] == ["360", "270", "390", "330", "1530", "1500"]


def test_clocks_heat_power_and_energy() -> None:
    text = section()
    assert list(rows(text, 2)[0].values())[2:] == ["1410", "1593", "41", "120", "nothing"]
    assert "driver 550.1" in text
    assert "power limit 400 W" in text
    assert "networks of a round of I on the GPU together: 40.0 J to 280 J." in text


def test_what_slowed_the_clock_is_named() -> None:
    def slow(result: Result | None) -> Result | None:
        if not isinstance(result, LatencyTimes):
            return result
        return replace(result, gpu_slowed_by=("power cap",))

    assert {row["Slowed by"] for row in rows(section(changed(slow)), 2)} == {"power cap"}


def test_why_a_call_can_not_be_captured_is_said_once_with_its_networks() -> None:
    reason = "The call can't be captured: RuntimeError: no."

    def uncaptured(result: Result | None) -> Result | None:
        if not (isinstance(result, Launches) and result.replay_s):
            return result
        return replace(result, replay_s=None, replay_status="unsupported", replay_reason=reason)

    text = section(changed(uncaptured))
    assert text.count(reason) == 1
    assert f"SuDoRM-RF 0.25x: {reason}" in text
    assert rows(text, 0)[0]["As a CUDA graph"] == "unsupported"


def hidden(result: Result | None) -> Result | None:
    """As in a container: no readings, no process memory, no profiler's library."""
    if isinstance(result, LatencyTimes):
        return replace(result, gpu_before=None, gpu_during=None)
    if isinstance(result, MemoryPeaks) and result.peak_reserved_bytes is not None:
        notes = dict.fromkeys(("process_bytes", "cold_process_bytes"), "Not available here: so.")
        return replace(result, process_bytes=None, cold_process_bytes=None, notes=notes)
    if isinstance(result, Launches):
        notes = dict.fromkeys(("n_launches", "busy_share"), "Nothing was seen.")
        return replace(result, n_launches=None, busy_s=None, notes=notes)
    return result


def test_what_a_driver_hides_is_not_known_and_explained_once() -> None:
    text = render_table1(summarize(changed(hidden)))
    assert text.count("not available here: so.") == 1
    assert text.count("Nothing was seen.") == 1
    found = section(changed(hidden))
    assert set(list(rows(found, 2)[0].values())[2:]) == {"not known"}
    assert rows(found, 0)[0]["In a word"] == "not known"
    assert "of which the driver said nothing" in found


def test_what_only_a_cpu_has_is_said_once_and_not_for_each_network() -> None:
    notes = render_table1(summarize(RECORDS)).partition("## What could not be measured")[2]
    lines = [line for line in notes.splitlines() if "unsupported" in line]
    assert len(lines) == 1
    assert lines[0].startswith("- Every network, Peak of the process B, ")
    assert "Not known on this device." in lines[0]


@pytest.mark.parametrize("records", [RECORDS, changed(hidden)], ids=["all", "hidden"])
def test_tables_are_well_formed_and_no_cell_is_blank(records: list[Record]) -> None:
    text = render_table1(summarize(records))
    for heads, *found in tables(text):
        assert all(len(row) == len(heads) for row in found)
        assert all(cell for row in (heads, *found) for cell in row)
    assert not re.search(r"\b(nan|None|inf)\b", text)


def test_records_of_before_have_the_section_without_what_they_do_not_know() -> None:
    old = [
        record
        for record in RECORDS
        if record.job.workload.phase != "gpu_inference" and record.job.probe != "launches"
    ]
    found = rows(section(old), 0)
    assert {row["Phase"] for row in found} == {"B"}
    assert {(row["Launches"], row["As a CUDA graph"]) for row in found} == {("not known",) * 2}


def test_without_a_gpu_there_is_no_such_section() -> None:
    assert list(render_gpu(summarize(complete_run()))) == []
