"""The streaming report: values from raw times, by hand."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from bench.registry import CAUSAL, Entry
from bench.render.figures.streaming import write_streaming_figure
from bench.render.tables.streaming import render_streaming, summarize_costs
from bench.results.contention import Contention
from bench.results.measurements import StreamTimes
from bench.results.record import Record, Status
from tests.bench.example_records import fail, make_job, make_record

ENTRY = CAUSAL[0]


def record(chunk: int, times_s: list[float], round_index: int = 0, **fields: Any) -> Record:
    times = StreamTimes(
        chunk_samples=chunk,
        hop_samples=160,
        lookahead_samples=20,
        latency_samples=max(chunk, 160) + 20,
        state_bytes=164_320,
        macs_per_hop=12_000_000,
        times_s=tuple(times_s),
        **fields,
    )
    job = make_job(ENTRY.name, "streaming", round_index=round_index, chunk_samples=chunk)
    return make_record(job, times)


def test_costs_are_medians_over_processes() -> None:
    records = [
        record(160, [0.001, 0.002, 0.009], 0),
        record(160, [0.003, 0.004, 0.005], 1),
        record(160, [0.007, 0.008, 0.045], 2),
        record(80, [0.001]),
    ]
    smaller, cost = summarize_costs(records)
    assert (smaller.chunk_samples, smaller.macs) == (80, 6_000_000)
    assert (cost.chunk_samples, cost.macs, cost.state_bytes) == (160, 12_000_000, 164_320)
    assert cost.latency_s == 180 / 8000
    assert cost.compute.value == pytest.approx(0.004)  # the middle of logarithms
    assert cost.slowest_s == 0.045
    # The processes took 4, 4 and 20 ms for each 20 ms.
    assert cost.real_time_factor == pytest.approx(0.2)


def test_the_table_has_a_row_for_each_size() -> None:
    text = render_streaming([ENTRY], [record(320, [0.010]), record(160, [0.005])])
    rows = [line for line in text.splitlines() if line[:3] in ("| 1", "| 3")]
    assert rows == [
        "| 160 | 20.0 | 22.5 | about 5.0, noisy | 5.00 | 0.250 | 12.0 M | 164 kB |",
        "| 320 | 40.0 | 42.5 | about 10, noisy | 10.0 | 0.250 | 24.0 M | 164 kB |",
    ]
    assert "Look-ahead 20 samples; the stream advances by 160 samples." in text
    assert "Example CPU, 2 of 2 processors" in text


def test_a_compute_time_has_its_interval_and_a_mark_where_it_is_noisy() -> None:
    still = Contention(0.09, 1, 4, 0.0, 0, 0.0, 0.0, 0.0, 0)
    noise = {"contention": replace(still, wait_s=0.009), "is_contended": True}
    quiet = {"contention": still, "is_contended": False}
    records = [
        record(160, [0.0049, 0.0049], 0, **quiet),
        record(160, [0.0050, 0.0050], 1, **noise),
        record(160, [0.0051, 0.0051], 2, **noise),
        record(320, [0.009, 0.012], 0, **quiet),
    ]
    text = render_streaming([ENTRY], records)
    assert "| 5.00† ± 5 % |" in text
    assert "| 9 to 12, noisy |" in text
    assert text.count("- chunks of 160: waited 9 ms of 90 ms for a processor") == 1
    assert "- chunks of 320" not in text


def test_a_disturbed_stream_without_counters_is_noisy_too() -> None:
    """Records of the first release have the verdict alone."""
    text = render_streaming([ENTRY], [record(160, [0.004], is_contended=True)])
    assert "| about 4.0, noisy† |" in text
    assert "- chunks of 160: other work beside it" in text


def test_failures_are_named_once_with_their_size() -> None:
    failed = [
        fail(record(320, [], index), Status.UNSUPPORTED, "It has no stream.") for index in (0, 1)
    ]
    text = render_streaming([ENTRY], [record(160, [0.005]), *failed])
    line = f"- {ENTRY.name}, chunks of 320: unsupported: It has no stream."
    assert text.count(line) == 1
    nothing = render_streaming([ENTRY], failed)
    assert "| Chunk" not in nothing
    assert line in nothing


@pytest.mark.parametrize("entries", [CAUSAL[:1], CAUSAL], ids=len)
def test_the_figure_names_every_network(entries: tuple[Entry, ...], tmp_path: Path) -> None:
    records = [
        replace(each, job=replace(each.job, model=entry.name))
        for entry in entries
        for each in (record(160, [0.005]), record(320, [0.006]))
    ]
    svg, png, _ = write_streaming_figure(entries, records, tmp_path / "streaming")
    drawn = svg.read_text()
    assert all(f"<!-- {entry.display_name} -->" in drawn for entry in entries)
    assert png.stat().st_size > 0


def test_of_nothing_no_figure_is_drawn(tmp_path: Path) -> None:
    assert write_streaming_figure([ENTRY], [], tmp_path / "streaming") == []
    assert not list(tmp_path.iterdir())
