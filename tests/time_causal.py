"""python -m tests.time_causal [NAME ...]: causal networks, eager and native, whole and on a stream.

One thread, 8000 samples and a stream's chunk of 160. The four calls of a network take turns in one
process; printed are medians and the largest difference of the estimates.
"""

import sys
import time
from collections.abc import Callable, Mapping, Sequence
from statistics import median

import torch

from bench.networks.trained import build_untrained
from models.streaming import StreamingSuDoRMRF

NAMES = ("sudormrf-causal-1.0x", "sudormrf-causal-v3-c128", "sudormrf-causal-v3-c512")
N_SAMPLES, CHUNK = 8000, 160
N_WARMING, N_CALLS = 5, 20


def main(names: Sequence[str]) -> None:
    """Print a line for each call of each network."""
    torch.set_num_threads(1)
    for name in names:
        network = build_untrained(name).model
        assert isinstance(network, StreamingSuDoRMRF)
        native = network.native()
        assert isinstance(native, StreamingSuDoRMRF)
        compare(name, network, native)


@torch.no_grad()
def compare(name: str, network: StreamingSuDoRMRF, native: StreamingSuDoRMRF) -> None:
    """Print how far the estimates are apart, and the time of each call."""
    mixture = torch.randn(1, 1, N_SAMPLES)
    difference = float((native(mixture) - network(mixture)).abs().max())
    print(f"{name}: estimates differ by {difference:.1e}")
    calls = {
        "eager": lambda: network(mixture),
        "native": lambda: native(mixture),
        "eager, a chunk": stream_of(network, mixture[..., :CHUNK]),
        "native, a chunk": stream_of(native, mixture[..., :CHUNK]),
    }
    for call, time_s in take_turns(calls).items():
        print(f"  {call:16} {1000 * time_s:8.2f} ms")


def stream_of(network: StreamingSuDoRMRF, chunk: torch.Tensor) -> Callable[[], object]:
    """A call that gives a stream's first chunk."""
    state = network.start()
    return lambda: network.stream(chunk, state)


def take_turns(calls: Mapping[str, Callable[[], object]]) -> dict[str, float]:
    """The median time of each call, in seconds."""
    times_s: dict[str, list[float]] = {name: [] for name in calls}
    for _ in range(N_WARMING + N_CALLS):
        for name, call in calls.items():
            start = time.perf_counter()
            call()
            times_s[name].append(time.perf_counter() - start)
    return {name: median(own[N_WARMING:]) for name, own in times_s.items()}


if __name__ == "__main__":
    main(sys.argv[1:] or NAMES)
