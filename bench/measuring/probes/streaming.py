"""What a network costs that separates a mixture while it arrives, in chunks of one size.

Chunks of the recorded mixture follow one another, and the recording begins anew at its end.
"""

import time
from collections.abc import Callable, Iterator
from itertools import cycle
from typing import Any, Protocol, runtime_checkable

import torch
from torch import Tensor, nn

from bench.counting.counter import OperationCounter
from bench.machine.contention import contention_between, read_counters
from bench.measuring.contract import as_defined, check_finite
from bench.measuring.mixture import load_example
from bench.results.measurements import StreamTimes
from bench.results.record import CellError, Status
from bench.results.workload import Workload

MIN_CHUNKS = 20
"""Timed even when the time to spend is over."""
MAX_CHUNKS = 2000
WARMUP_S = 0.3


class StreamMemory(Protocol):
    """What a stream remembers between two chunks."""

    @property
    def state_bytes(self) -> int:
        """Its memory."""


@runtime_checkable
class StreamingNetwork(Protocol):
    """What a network must have to be measured here, beside its forward."""

    @property
    def hop_samples(self) -> int:
        """A stream advances by whole multiples of it; other samples wait."""

    @property
    def lookahead_samples(self) -> int:
        """How far after an output sample the mixture is looked at."""

    def latency_samples(self, chunk_samples: int) -> int:
        """The longest that a sample waits for its estimate, computing time left out."""

    def start(self, batch: int) -> StreamMemory:
        """The state before the first sample."""

    def stream(self, chunk: Tensor, state: Any) -> tuple[Tensor, StreamMemory]:
        """The estimates that ``[batch, 1, time]`` makes final, and the state after it."""


def count_macs_of_a_hop(build: Callable[[], nn.Module], workload: Workload) -> int:
    """Multiply-adds by which a stream advances one hop, counted without data."""
    with torch.device("meta"):
        network = as_streaming(as_defined(build()).eval())
        hop = torch.empty(workload.batch, 1, network.hop_samples)
        with torch.inference_mode(), OperationCounter() as counter:
            network.stream(hop, network.start(workload.batch))
    return counter.macs


def as_streaming(network: nn.Module) -> StreamingNetwork:
    """The same, known to stream.

    Raises:
        CellError: it does not.
    """
    if not isinstance(network, StreamingNetwork):
        reason = "The network has no `stream`: it needs the whole mixture."
        raise CellError(Status.UNSUPPORTED, reason)
    return network


def chunks_of_speech(workload: Workload, chunk_samples: int) -> Iterator[Tensor]:
    """Chunks ``[batch, 1, chunk_samples]``, without end."""
    mixture = load_example(workload.n_samples, workload.batch).mixture
    mixture = mixture.to(workload.device, getattr(torch, workload.parameter_dtype))
    n_whole = workload.n_samples // chunk_samples * chunk_samples
    return cycle(mixture[..., :n_whole].split(chunk_samples, dim=-1))


@torch.inference_mode()
def time_chunks(
    network: StreamingNetwork, chunks: Iterator[Tensor], batch: int, budget_s: float
) -> tuple[list[float], StreamMemory]:
    """Seconds of each chunk after a warm-up, and the state at the end.

    Raises:
        CellError: an estimate is not finite.
    """
    state = network.start(batch)
    times_s: list[float] = []
    begin = time.perf_counter()
    warm = begin + min(WARMUP_S, budget_s / 3)
    for chunk in chunks:
        start = time.perf_counter()
        estimates, state = network.stream(chunk, state)
        end = time.perf_counter()
        if start >= warm:
            times_s.append(end - start)
        check_finite(estimates, "The estimates contain")
        is_spent = end - begin >= budget_s and len(times_s) >= MIN_CHUNKS
        if is_spent or len(times_s) >= MAX_CHUNKS:
            break
    return times_s, state


def measure(build: Callable[[], nn.Module], workload: Workload, budget_s: float) -> StreamTimes:
    """Times of chunks one after another, the state's memory, and the operations of a hop.

    Raises:
        CellError: the network can't stream, or an estimate is not finite.
    """
    chunk_samples = workload.chunk_samples or workload.n_samples
    model = build().to(workload.device, getattr(torch, workload.parameter_dtype)).eval()
    network = as_streaming(model)
    chunks = chunks_of_speech(workload, chunk_samples)
    before, start = read_counters(), time.perf_counter()
    times_s, state = time_chunks(network, chunks, workload.batch, budget_s)
    series_s = time.perf_counter() - start
    contention = contention_between(before, read_counters(), series_s, workload.threads)
    return StreamTimes(
        chunk_samples=chunk_samples,
        hop_samples=network.hop_samples,
        lookahead_samples=network.lookahead_samples,
        latency_samples=network.latency_samples(chunk_samples),
        state_bytes=state.state_bytes,
        macs_per_hop=count_macs_of_a_hop(build, workload),
        times_s=tuple(times_s),
        contention=contention,
        is_contended=contention.is_contended,
    )
