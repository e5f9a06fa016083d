"""Memory told from smaller cells, on made-up ones whose memory grows by a known law."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.forecasting import foretell, why_too_large
from bench.results.forecast import MemoryForecast
from bench.results.measurements import MemoryPeaks
from bench.results.record import Record, Status
from tests.bench.example_records import fail, make_job, make_record

FIXED, PROCESS = 5_000_000, 180_000_000
LIVE = 1_000
"""Bytes of weights, of a process without a step, and of the live set for each sample."""


def minimum_of(n_samples: int, batch: int) -> int:
    return FIXED + LIVE * n_samples * batch


def measured(n_samples: int, batch: int = 1, workspace: int = 500, **job: Any) -> Record:
    """A cell that holds twice its minimum, workspace for each sample of one mixture, and pages."""
    live = LIVE * n_samples * batch
    allocated = FIXED + 2 * live + workspace * n_samples
    peaks = MemoryPeaks(
        peak_allocated_bytes=allocated,
        weight_bytes=FIXED,
        gradient_bytes=0,
        optimiser_bytes=0,
        activation_bytes=allocated - FIXED,
        minimum_bytes=FIXED + live,
        minimum_live_bytes=live,
        peak_rss_bytes=PROCESS + 3_000_000 + allocated,
    )
    return make_record(
        make_job(probe="memory", n_samples=n_samples, batch=batch, **job),
        peaks,
    )


def walk(n_samples: int, batch: int = 1, **job: Any) -> Record:
    """What the probe finds by itself."""
    minimum = minimum_of(n_samples, batch)
    found = MemoryForecast(minimum, minimum, PROCESS + minimum, 10**12, 0)
    return make_record(
        make_job(probe="forecast", n_samples=n_samples, batch=batch, **job),
        found,
    )


def told(record: Record) -> MemoryForecast:
    assert isinstance(record.result, MemoryForecast)
    return record.result


def peaks_of(record: Record) -> MemoryPeaks:
    assert isinstance(record.result, MemoryPeaks)
    return record.result


@given(
    shortest=st.integers(1000, 10**5),
    ratios=st.lists(st.floats(1.4, 4.0), min_size=2, max_size=5),
    batch=st.integers(1, 8),
    workspace=st.integers(0, 5000),
)
def test_through_two_smaller_lengths_a_line_leads_exactly(
    shortest: int, ratios: list[float], batch: int, workspace: int
) -> None:
    """The allocator's peak; the process's, 3 MB of which come with the first step, within 10 %."""
    lengths = [shortest]
    for ratio in ratios:
        lengths.append(int(lengths[-1] * ratio))
    *shorter, n_samples = lengths
    smaller = [measured(length, batch, workspace) for length in shorter]
    forecast = told(foretell(walk(n_samples, batch), smaller))
    peaks = peaks_of(measured(n_samples, batch, workspace))
    assert forecast.allocated_bytes == pytest.approx(peaks.peak_allocated_bytes, abs=2)
    assert forecast.process_bytes == pytest.approx(peaks.peak_rss_bytes, rel=0.10)
    assert forecast.n_smaller == len(shorter)


def test_through_two_smaller_batches_too() -> None:
    smaller = [measured(4000, 1), measured(4000, 2), measured(100, 8)]
    forecast = told(foretell(walk(4000, 4), smaller))
    assert forecast.allocated_bytes == peaks_of(measured(4000, 4)).peak_allocated_bytes


def test_weights_that_an_operator_copies_do_not_grow_with_the_batch() -> None:
    """An LSTM's, by 60 times what a mixture takes: told from two lengths of a single mixture."""
    copied = 60 * LIVE * 4000

    def with_copy(record: Record) -> Record:
        peaks = peaks_of(record)
        larger = replace(peaks, peak_allocated_bytes=peaks.peak_allocated_bytes + copied)
        return replace(record, result=larger)

    smaller = [with_copy(measured(4000, workspace=0)), with_copy(measured(8000, workspace=0))]
    forecast = told(foretell(walk(4000, 4), smaller))
    peaks = peaks_of(with_copy(measured(4000, 4, workspace=0)))
    assert forecast.allocated_bytes == peaks.peak_allocated_bytes


def test_from_one_smaller_cell_the_excess_over_the_minimum_is_scaled() -> None:
    """The line begins at a network of length 0, which holds its weights."""
    forecast = told(foretell(walk(8000), [measured(4000)]))
    peaks = peaks_of(measured(8000))
    assert forecast.allocated_bytes == peaks.peak_allocated_bytes
    assert forecast.process_bytes == pytest.approx(peaks.peak_rss_bytes, abs=3_000_001)
    assert forecast.n_smaller == 1


def test_without_a_smaller_cell_the_walk_and_the_process_alone_speak() -> None:
    assert foretell(walk(8000), []) == walk(8000)
    assert told(walk(8000)).n_smaller == 0


@pytest.mark.parametrize(
    "other",
    [
        measured(16000),
        measured(8000),
        measured(4000, model="demucs"),
        measured(4000, phase="update"),
        measured(4000, dtype="bfloat16"),
        fail(measured(4000), Status.KILLED, "Killed."),
        measured(4000, factory="tests.fault_models:null"),
    ],
)
def test_only_smaller_cells_of_the_same_network_phase_and_dtype_count(other: Record) -> None:
    assert foretell(walk(8000), [other]) == walk(8000)


def test_other_threads_count_where_there_is_nothing_nearer() -> None:
    forecast = told(foretell(walk(8000), [measured(4000, threads=1), measured(2000, threads=1)]))
    assert forecast.n_smaller == 2
    assert forecast.allocated_bytes == peaks_of(measured(8000)).peak_allocated_bytes


def test_one_process_that_differs_by_chance_leads_little_astray() -> None:
    """10 % more in the nearest of four; a line through the two nearest would lead 26 % too far."""
    smaller = [measured(n_samples) for n_samples in (1000, 2000, 4000, 8000)]
    peak = peaks_of(smaller[-1]).peak_rss_bytes or 0
    outlier = replace(peaks_of(smaller[-1]), peak_rss_bytes=int(1.1 * peak))
    undisturbed = told(foretell(walk(16000), smaller)).process_bytes
    smaller[-1] = replace(smaller[-1], result=outlier)
    assert told(foretell(walk(16000), smaller)).process_bytes < 1.16 * undisturbed


def test_peaks_that_fell_by_chance_lead_to_no_smaller_one() -> None:
    smaller = [measured(2000), measured(4000)]
    lower = replace(
        peaks_of(smaller[1]), peak_rss_bytes=PROCESS, peak_allocated_bytes=FIXED + 1_000_000
    )
    forecast = told(foretell(walk(8000), [smaller[0], replace(smaller[1], result=lower)]))
    assert forecast.allocated_bytes == lower.peak_allocated_bytes
    assert forecast.process_bytes >= PROCESS


def test_a_record_of_another_probe_stays_as_it_is() -> None:
    record = measured(4000)
    assert foretell(record, [measured(2000)]) is record
    failed = fail(walk(8000), Status.UNSUPPORTED, "It needs data.")
    assert foretell(failed, [measured(2000)]) is failed


def test_what_does_not_fit_is_said_with_both_figures() -> None:
    forecast = MemoryForecast(1, 2, 14_700_000_000, 12_000_000_000, 3)
    assert why_too_large(forecast) == (
        "It would need about 14.7 GB of memory, and 12.0 GB are free."
    )
    assert why_too_large(replace(forecast, process_bytes=10_800_000_000)) == ""
    assert why_too_large(replace(forecast, process_bytes=10_800_000_001)) != ""
