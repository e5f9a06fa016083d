"""Checkpoints of the authors' group communication and third causal network, made without them."""

from collections.abc import Callable, Mapping

import torch
from torch import Tensor

from tests.models.checkpoints.reference_examples import Sizes, block_shapes, convolution, norm

Shapes = dict[str, tuple[int, ...]]
N_GROUPS = 2
STORED = Sizes(n_src=2, kernel=21, filters=32, bottleneck=16, hidden=24, blocks=2, levels=4)
"""Of the networks whose outputs are stored; with ``STORED_GROUPS`` groups."""
STORED_GROUPS = 4


def outer_shapes(sizes: Sizes, n_taps: int) -> Shapes:
    """What both have around their blocks."""
    n_src, filters, narrow = sizes.n_src, sizes.filters, sizes.bottleneck
    shapes: Shapes = {"encoder.weight": (filters, 1, n_taps), "mask_net.0.weight": (1,)}
    shapes |= convolution("bottleneck", narrow, filters, 1)
    shapes |= convolution("mask_net.1", n_src * filters, narrow, 1)
    return shapes | {"decoder.weight": (n_src * filters, n_src, sizes.kernel)}


def groupcomm_shapes(sizes: Sizes, n_groups: int = N_GROUPS) -> Shapes:
    narrow = Sizes(
        bottleneck=sizes.bottleneck // n_groups,
        hidden=sizes.hidden // n_groups,
        levels=sizes.levels,
    )
    width = narrow.bottleneck
    shapes = outer_shapes(sizes, sizes.kernel) | norm("ln", sizes.filters, True)
    for number in range(sizes.blocks):
        tac = f"sm.{number}.TAC"
        for name, shape in (
            ("TAC_input", (3 * width, width)),
            ("TAC_mean", (3 * width, 3 * width)),
            ("TAC_output", (width, 6 * width)),
        ):
            shapes |= convolution(f"{tac}.{name}.0", *shape) | {f"{tac}.{name}.1.weight": (1,)}
        shapes |= norm(f"{tac}.TAC_norm", width, True)
        shapes |= block_shapes(f"sm.{number}.UBlock", narrow, True)
    return shapes


def causal_v3_shapes(sizes: Sizes) -> Shapes:
    shapes = outer_shapes(sizes, 2 * sizes.kernel - 1) | {"mask_nl_class.weight": (1,)}
    for number in range(sizes.blocks):
        block = f"sm.{number}"
        shapes |= {f"{block}.skipinit_gain": (), f"{block}.proj_1x1.act.weight": (1,)}
        shapes |= convolution(f"{block}.proj_1x1.conv", sizes.hidden, sizes.bottleneck, 1)
        for level in range(sizes.levels):
            shapes |= convolution(f"{block}.spp_dw.{level}.conv", sizes.hidden, 1, 21)
            shapes |= {f"{block}.spp_dw.{level}.act.weight": (1,)}
        shapes |= convolution(f"{block}.res_conv", sizes.bottleneck, sizes.hidden, 1)
    return shapes


SHAPES: Mapping[str, Callable[[Sizes], Shapes]] = {
    "groupcomm_sudormrf_v2": groupcomm_shapes,
    "causal_improved_sudormrf_v3": causal_v3_shapes,
}
"""By the authors' modules."""
STORED_SHAPES: Mapping[str, Shapes] = {
    "groupcomm_sudormrf_v2": groupcomm_shapes(STORED, STORED_GROUPS),
    "causal_improved_sudormrf_v3": causal_v3_shapes(STORED),
}


def make_weights(shapes: Shapes) -> dict[str, Tensor]:
    """Random weights, float32."""
    generator = torch.Generator().manual_seed(0)
    return {
        name: torch.randn(shape, generator=generator) * max(shape[1:], default=1) ** -0.5
        for name, shape in shapes.items()
    }


def deterministic_weights(shapes: Shapes) -> dict[str, Tensor]:
    """Weights that any release of torch gives: sines, float32."""
    weights = {}
    for number, name in enumerate(sorted(shapes)):
        shape = shapes[name]
        n_items = torch.Size(shape).numel()
        fan_in = torch.Size(shape[1:]).numel()
        phases = 1.0 + number + 0.37 * torch.arange(n_items, dtype=torch.float64) ** 1.1
        weights[name] = (phases.sin() * fan_in**-0.5).float().reshape(shape)
    return weights


def deterministic_mixture(n_samples: int) -> Tensor:
    """``[1, 1, time]``, a tone and a sweep."""
    time = torch.arange(n_samples, dtype=torch.float64)
    return ((0.3 * time + 1).sin() + (0.001 * time**2).sin()).float()[None, None]
