"""The cost of a stream: each chunk timed, operations and state exact, failures with a reason."""

from dataclasses import replace
from itertools import count, islice
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch import Tensor

from bench.machine.contention import read_counters
from bench.measuring.counted_step import count_step
from bench.measuring.mixture import load_example
from bench.measuring.probes import streaming
from bench.results.record import CellError, Status
from bench.results.workload import Workload
from models.streaming import sudormrf_causal_0_25x
from tests import fault_models
from tests.streaming_models import Scaler, Waiting, returns_nan, scaler

N_SAMPLES = 32000
"""The whole recording."""


def workload(chunk_samples: int, batch: int = 1, dtype: str = "float32") -> Workload:
    return Workload("inference", "cpu", N_SAMPLES, batch, dtype, 1, 0, chunk_samples=chunk_samples)


@pytest.mark.parametrize(("chunk_samples", "latency"), [(3, 4), (4, 4), (40000, 40000)])
def test_sizes_and_operations_are_the_networks(chunk_samples: int, latency: int) -> None:
    measured = streaming.measure(scaler, workload(chunk_samples), 0.0)
    assert measured.chunk_samples == chunk_samples
    assert measured.latency_samples == latency
    assert (measured.hop_samples, measured.lookahead_samples) == (4, 0)
    assert measured.macs_per_hop == 2 * 4
    # Some whole chunks and less than a hop of four bytes a sample.
    assert measured.state_bytes in {0, 4, 8, 12}


def test_every_chunk_is_timed_and_no_call_of_the_warm_up() -> None:
    received: list[Tensor] = []

    class Listener(Scaler):
        def stream(self, chunk: Tensor, state: Waiting) -> tuple[Tensor, Waiting]:
            received.append(chunk)
            return super().stream(chunk, state)

    measured = streaming.measure(Listener, workload(8), 0.0)
    on_cpu = [chunk for chunk in received if not chunk.is_meta]
    assert len(measured.times_s) == len(on_cpu) == streaming.MIN_CHUNKS
    assert all(time_s > 0 for time_s in measured.times_s)


def test_a_warm_up_takes_a_third_of_the_time_and_no_chunk_of_it_is_kept(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Chunks of a millisecond, and a millisecond between two: 50 to warm up, then 100."""
    clock = SimpleNamespace(perf_counter=(tick / 1000 for tick in count()).__next__)
    monkeypatch.setattr(streaming, "time", clock)
    chunks = streaming.chunks_of_speech(workload(8), 8)
    times_s, _ = streaming.time_chunks(Scaler(), chunks, batch=1, budget_s=0.3)
    assert times_s == pytest.approx([0.001] * 100)


def test_chunks_are_the_recording_and_then_the_recording_again() -> None:
    chunks = streaming.chunks_of_speech(workload(7000, batch=2, dtype="float64"), 7000)
    first = torch.cat(list(islice(chunks, 4)), dim=-1)
    torch.testing.assert_close(first, load_example(32000, 2).mixture[..., :28000], rtol=0, atol=0)
    assert next(chunks).equal(first[..., :7000])


def test_operations_of_a_stream_are_those_of_the_whole() -> None:
    """But for the look-ahead, which the whole pads to one more hop."""
    per_hop = streaming.count_macs_of_a_hop(sudormrf_causal_0_25x, workload(160))
    whole = count_step(sudormrf_causal_0_25x, replace(workload(160), n_samples=800), "meta").macs
    assert whole == (800 // 160 + 1) * per_hop


@pytest.mark.parametrize(
    ("build", "status", "said"),
    [
        (fault_models.healthy, Status.UNSUPPORTED, "no `stream`"),
        (returns_nan, Status.NON_FINITE, "NaN"),
    ],
)
def test_what_can_not_be_measured_says_why(build: Any, status: Status, said: str) -> None:
    with pytest.raises(CellError, match=said) as refused:
        streaming.measure(build, workload(8), 0.0)
    assert refused.value.status == status


def test_what_disturbed_the_whole_series_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    busy = read_counters()
    waits_s = iter([0.0, 1e6])  # before and after
    monkeypatch.setattr(
        streaming, "read_counters", lambda: replace(busy, thread_waits_s={1: next(waits_s)})
    )
    found = streaming.measure(scaler, workload(400), 0.0)
    assert found.is_contended is True
    assert found.contention is not None
    assert found.contention.has_waited
