"""The authors' published checkpoints, without their code.

Four of their networks are read: ``sudo_rm_rf.dnn.models.sudormrf`` (here ``variant="code"``),
``improved_sudormrf`` (``"improved"``), ``groupcomm_sudormrf_v2`` (the same with ``n_groups``) and
``causal_improved_sudormrf_v3`` (``"causal_v3"``), as a pickled network or a state dict, also inside
``DataParallel``. The sizes follow from names and shapes. What leaves no trace in them follows
from the class, because the authors' code has no choice there: see ``NETWORKS``.
"""

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from models.checkpoints.architecture import network_of
from models.checkpoints.error import CheckpointError
from models.checkpoints.torch_file import read_torch_file
from models.checkpoints.weights import unwrap_names
from models.streaming import StreamingSuDoRMRF
from models.sudormrf import SuDoRMRF, SuDoRMRFConfig

NUMBERED = re.compile(r"\b(blocks|levels)\.(\d+)")
BLOCK = "separator.blocks.{blocks}."
SHARED_LAYERS = {
    "separator.bottleneck.0": "ln",
    BLOCK + "expand.0": "sm.{blocks}.proj_1x1.conv",
    BLOCK + "expand.1": "sm.{blocks}.proj_1x1.norm",
    BLOCK + "expand.2": "sm.{blocks}.proj_1x1.act",
    BLOCK + "levels.{levels}.0": "sm.{blocks}.spp_dw.{levels}.conv",
    BLOCK + "levels.{levels}.1": "sm.{blocks}.spp_dw.{levels}.norm",
    BLOCK + "contract.0": "sm.{blocks}.final_norm.norm",
    BLOCK + "contract.1": "sm.{blocks}.final_norm.act",
    "decoder": "decoder",
}
CODE_LAYERS = SHARED_LAYERS | {
    "encoder.0": "encoder.0",
    "separator.bottleneck.1": "l1",
    BLOCK + "contract.2": "sm.{blocks}.conv_1x1_exp.conv",
    BLOCK + "contract.3": "sm.{blocks}.conv_1x1_exp.norm",
    BLOCK + "activate.0": "sm.{blocks}.module_act.norm",
    BLOCK + "activate.1": "sm.{blocks}.module_act.act",
    "separator.mask_head.pointwise": "reshape_before_masks",
    "separator.mask_head.across_filters": "m",
}
IMPROVED_LAYERS = SHARED_LAYERS | {
    "encoder.0": "encoder",
    "separator.bottleneck.1": "bottleneck",
    BLOCK + "contract.2": "sm.{blocks}.res_conv",
    "separator.mask_head.activate": "mask_net.0",
    "separator.mask_head.pointwise": "mask_net.1",
}
GROUPCOMM_LAYERS = {
    ours.replace(BLOCK, BLOCK + "block."): theirs.replace("sm.{blocks}.", "sm.{blocks}.UBlock.")
    for ours, theirs in IMPROVED_LAYERS.items()
} | {
    BLOCK + "exchange.transform": "sm.{blocks}.TAC.TAC_input.0",
    BLOCK + "exchange.activate_transformed": "sm.{blocks}.TAC.TAC_input.1",
    BLOCK + "exchange.average": "sm.{blocks}.TAC.TAC_mean.0",
    BLOCK + "exchange.activate_average": "sm.{blocks}.TAC.TAC_mean.1",
    BLOCK + "exchange.concatenate": "sm.{blocks}.TAC.TAC_output.0",
    BLOCK + "exchange.activate_joined": "sm.{blocks}.TAC.TAC_output.1",
    BLOCK + "exchange.norm": "sm.{blocks}.TAC.TAC_norm",
}
CAUSAL_V3_LAYERS = IMPROVED_LAYERS | {
    BLOCK + "levels.{levels}.1": "sm.{blocks}.spp_dw.{levels}.act",
    BLOCK + "contract.0": "sm.{blocks}.res_conv",
    BLOCK + "contract.1": "sm.{blocks}",
    "separator.mask_activation": "mask_nl_class",
}
GAIN_NAMES = {"weight": "gamma", "bias": "beta"}  # of the later codes' norms
BLOCK_GAIN = "skipinit_gain"

IGNORED = {
    "ln_mask_in.weight": "the authors' code creates this norm and never calls it",
    "ln_mask_in.bias": "the authors' code creates this norm and never calls it",
}


@dataclass(frozen=True)
class ReferenceNetwork:
    """One of the authors' classes: how it is told, named, and what of it leaves no trace."""

    module: str  # in sudo_rm_rf.dnn.models
    signs: tuple[str, ...]  # what names begin with that none of those after it in NETWORKS has
    layers: Mapping[str, str]  # from our names to the authors'
    fixed: Mapping[str, Any]  # fields of the configuration
    encoder: str = "encoder.weight"
    bottleneck: str = "bottleneck.weight"
    is_grouped: bool = False  # its blocks lie in others, which exchange between groups
    of: type[SuDoRMRF] = SuDoRMRF

    @property
    def first_block(self) -> str:
        """What the names of the first U-ConvBlock's tensors begin with."""
        return "sm.0.UBlock." if self.is_grouped else "sm.0."


LATER: Mapping[str, Any] = {"mask_activation": "relu", "decoders": "one", "variant": "improved"}
NETWORKS = (
    ReferenceNetwork(
        "groupcomm_sudormrf_v2",
        ("sm.0.TAC.",),
        GROUPCOMM_LAYERS,
        {**LATER, "consistency": "mixture"},
        is_grouped=True,
    ),
    ReferenceNetwork(
        "causal_improved_sudormrf_v3",
        ("sm.0.skipinit_gain", "mask_nl_class."),
        CAUSAL_V3_LAYERS,
        {
            "mask_activation": "prelu",
            "decoders": "one",
            "variant": "causal_v3",
            "norm": "none",
            "is_causal": True,
        },
        of=StreamingSuDoRMRF,
    ),
    ReferenceNetwork("improved_sudormrf", ("mask_net.",), IMPROVED_LAYERS, LATER),
    ReferenceNetwork(
        "sudormrf",
        ("m.weight",),
        CODE_LAYERS,
        {},
        encoder="encoder.0.weight",
        bottleneck="l1.weight",
    ),
)
TELLING = ("mask_net.1.weight", "m.weight")
"""Of these names, each of the authors' networks has one."""


def load_reference_checkpoint(path: str | os.PathLike[str]) -> SuDoRMRF:
    """The network of a file that the authors' code saved, on the CPU, in float32.

    Raises:
        CheckpointError: it can't be read safely, or is of another network; the file is named.
        OSError: it can't be opened.
    """
    state_dict = read_torch_file(path)
    try:
        return load_reference_state_dict(state_dict)
    except CheckpointError as error:
        raise CheckpointError(f"{path}: {error}") from error


def load_reference_state_dict(state_dict: Mapping[str, Tensor]) -> SuDoRMRF:
    """The network of a state dict in the authors' names.

    A network as wide between its blocks as its encoder (``bn_chan == n_filters``) has no
    convolution before its masks in the authors' code; here it has one that is the identity.

    Raises:
        CheckpointError: names the first tensor that is missing, unknown or of another shape.
    """
    named = unwrap_names(state_dict, TELLING)
    weights = {name: tensor for name, tensor in named.items() if name not in IGNORED}
    network = tell_network(weights)
    config = infer_config(weights, network)
    if config.variant == "code" and config.bn_chan == config.n_filters:
        weights.setdefault("reshape_before_masks.weight", torch.eye(config.n_filters)[:, :, None])
        weights.setdefault("reshape_before_masks.bias", torch.zeros(config.n_filters))
    return network_of(
        config, weights, lambda name: reference_name(name, network.layers), of=network.of
    )


def tell_network(weights: Mapping[str, Tensor]) -> ReferenceNetwork:
    """Of which of the authors' classes a state dict is.

    Raises:
        CheckpointError: of none that is read.
    """
    found = next(
        (one for one in NETWORKS if any(name.startswith(one.signs) for name in weights)), None
    )
    if found is None:
        known = ", ".join(f"{one.module} (which has {one.signs[0]})" for one in NETWORKS)
        raise CheckpointError(
            "It does not say of which network it is, and is none of the authors' that are read: "
            f"{known}."
        )
    return found


def infer_config(weights: Mapping[str, Tensor], network: ReferenceNetwork) -> SuDoRMRFConfig:
    """Every size from the names and shapes.

    Raises:
        CheckpointError: a shape that sizes follow from is missing or impossible.
    """
    n_filters = shape_of(weights, network.encoder, 3)[0]
    bn_chan = shape_of(weights, network.bottleneck, 3)[0]
    hid_chan, block_chan, _ = shape_of(weights, network.first_block + "proj_1x1.conv.weight", 3)
    n_rows, _, kernel_size = shape_of(weights, "decoder.weight", 3)
    n_groups = bn_chan // max(block_chan, 1) if network.is_grouped else None
    try:
        return SuDoRMRFConfig(
            n_blocks=count_parts(weights, "sm."),
            n_src=n_rows // max(n_filters, 1),
            kernel_size=kernel_size,
            n_filters=n_filters,
            bn_chan=bn_chan,
            hid_chan=hid_chan * (n_groups or 1),
            upsampling_depth=count_parts(weights, network.first_block + "spp_dw."),
            n_groups=n_groups,
            **network.fixed,
        )
    except ValueError as error:
        raise CheckpointError(f"Its shapes are of no network: {error}.") from error


def shape_of(weights: Mapping[str, Tensor], name: str, n_dimensions: int) -> tuple[int, ...]:
    """A tensor's shape, of which the number of dimensions is known."""
    if name not in weights:
        raise CheckpointError(f"{name} is missing, with {n_dimensions} dimensions.")
    if weights[name].ndim != n_dimensions:
        raise CheckpointError(
            f"{name} has the shape {list(weights[name].shape)}, and {n_dimensions} dimensions "
            "are expected."
        )
    return tuple(weights[name].shape)


def count_parts(weights: Mapping[str, Tensor], prefix: str) -> int:
    """How many different numbers follow a prefix."""
    return len(
        {name.removeprefix(prefix).split(".")[0] for name in weights if name.startswith(prefix)}
    )


def reference_name(name: str, layers: Mapping[str, str]) -> str:
    """The authors' name of one of our tensors."""
    layer, _, kind = name.rpartition(".")
    indices = dict(NUMBERED.findall(layer))
    theirs = layers[NUMBERED.sub(r"\1.{\1}", layer)].format(**indices)
    if layers is not CODE_LAYERS and theirs.endswith(("ln", "norm")):
        kind = GAIN_NAMES[kind]
    kind = BLOCK_GAIN if kind == "gain" else kind
    return f"{theirs}.{kind}"
