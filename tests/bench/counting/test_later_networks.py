"""Group communication and the third causal network: every product from their sizes, to the unit."""

from collections.abc import Sequence

import pytest

from bench.measuring.probes.operations import measure
from bench.networks.factory import resolve_factory
from bench.registry import CAUSAL_V3, GROUPCOMM
from bench.results.workload import Phase, Workload
from tests.oracle.matmul import NOTHING, Macs, convolution, linear, transposed_convolution

N_FRAMES, N_FILTERS, N_SRC, KERNEL = 800, 512, 2, 21
ENTRIES = {entry.name: entry for entry in (*GROUPCOMM, *CAUSAL_V3)}
FORWARD = {
    "sudormrf-groupcomm-c256-b8": 744_857_600,
    "sudormrf-groupcomm-c256-b16": 1_132_134_400,
    "sudormrf-groupcomm-c512-b8": 1_916_313_600,
    "sudormrf-groupcomm-c512-b16": 3_160_473_600,
    "sudormrf-causal-v3-c128": 2_144_256_000,
    "sudormrf-causal-v3-c512": 7_657_881_600,
}


def add(parts: Sequence[Macs]) -> Macs:
    return sum(parts, NOTHING)


def u_block(batch: int, narrow: int, hidden: int, kernel: int, n_levels: int) -> Macs:
    """Expand, depth-wise convolutions of halved lengths, contract."""
    levels = [
        convolution(batch, hidden, hidden, [kernel], [N_FRAMES // 2**level], groups=hidden)
        for level in range(n_levels)
    ]
    expand = convolution(batch, narrow, hidden, [1], [N_FRAMES])
    return add([expand, *levels, convolution(batch, hidden, narrow, [1], [N_FRAMES])])


def around_the_blocks(n_chan: int) -> Macs:
    """Bottleneck, masks of all sources, one decoder."""
    n_rows = N_SRC * N_FILTERS
    return add(
        [
            convolution(1, N_FILTERS, n_chan, [1], [N_FRAMES]),
            convolution(1, n_chan, n_rows, [1], [N_FRAMES]),
            transposed_convolution(1, n_rows, N_SRC, [KERNEL], [N_FRAMES]),
        ]
    )


def groupcomm(n_chan: int, n_blocks: int, n_groups: int = 16) -> tuple[Macs, Macs]:
    """The encoder, and all else."""
    width, n_hidden = n_chan // n_groups, 3 * n_chan // n_groups
    exchange = add(
        [
            linear([N_FRAMES, n_groups], width, n_hidden),
            linear([N_FRAMES], n_hidden, n_hidden),
            linear([N_FRAMES, n_groups], 2 * n_hidden, width),
        ]
    )
    block = exchange + u_block(n_groups, width, 512 // n_groups, kernel=5, n_levels=5)
    encoder = convolution(1, 1, N_FILTERS, [KERNEL], [N_FRAMES])
    return encoder, add([around_the_blocks(n_chan), *[block] * n_blocks])


def causal_v3(n_chan: int, n_levels: int) -> tuple[Macs, Macs]:
    """The encoder, and all else, with the taps of the future, which are products with zero."""
    block = u_block(1, n_chan, 512, kernel=21, n_levels=n_levels)
    encoder = convolution(1, 1, N_FILTERS, [2 * KERNEL - 1], [N_FRAMES])
    return encoder, add([around_the_blocks(n_chan), *[block] * 16])


EXPECTED = {
    "sudormrf-groupcomm-c256-b8": groupcomm(256, 8),
    "sudormrf-groupcomm-c256-b16": groupcomm(256, 16),
    "sudormrf-groupcomm-c512-b8": groupcomm(512, 8),
    "sudormrf-groupcomm-c512-b16": groupcomm(512, 16),
    "sudormrf-causal-v3-c128": causal_v3(128, 4),
    "sudormrf-causal-v3-c512": causal_v3(512, 5),
}


def measured(name: str, phase: Phase) -> int:
    workload = Workload(phase, "cpu", 8000, 1, "float32", 1, 0)
    count = measure(resolve_factory(ENTRIES[name].factory), workload, 1.0)
    assert not count.unknown_operators
    return count.macs


@pytest.mark.parametrize("name", ENTRIES)
def test_a_forward_is_the_sum_of_its_layers_and_what_the_authors_code_has(name: str) -> None:
    encoder, rest = EXPECTED[name]
    assert measured(name, "inference") == (encoder + rest).forward == FORWARD[name]


@pytest.mark.parametrize("name", ENTRIES)
def test_a_training_step_is_the_sum_of_its_layers(name: str) -> None:
    """Nothing asks for the gradient of the mixture, which the encoder alone would give."""
    encoder, rest = EXPECTED[name]
    expected = encoder.step(weights=True, inputs=False) + rest.step(weights=True, inputs=True)
    assert measured(name, "update") == expected
