"""The authors' published checkpoints, without their code.

Two of their networks are read: ``sudo_rm_rf.dnn.models.sudormrf`` (here ``variant="code"``) and
``improved_sudormrf`` (``variant="improved"``), as a pickled network or a state dict, also inside
``DataParallel``. The sizes follow from names and shapes. What leaves no trace in them follows
from the form, because the authors' classes have no choice there: the first has softmax masks and
a decoder for each source, the improved one ReLU masks and one decoder; both gLN with eps 1e-8.
"""

import os
import re
from collections.abc import Mapping

import torch
from torch import Tensor

from models.checkpoints.architecture import network_of
from models.checkpoints.error import CheckpointError
from models.checkpoints.torch_file import read_torch_file
from models.checkpoints.weights import unwrap_names
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
GAIN_NAMES = {"weight": "gamma", "bias": "beta"}  # of the improved code's norms

IGNORED = {
    "ln_mask_in.weight": "the authors' code creates this norm and never calls it",
    "ln_mask_in.bias": "the authors' code creates this norm and never calls it",
}


IMPROVED_SIGN, CODE_SIGN = "mask_net.1.weight", "m.weight"
TELLING = (IMPROVED_SIGN, CODE_SIGN)
"""Names that tell the authors' two classes."""

OTHER_SIGNS = {
    "sm.0.TAC.": "group-communication network (groupcomm_sudormrf_v2)",
    "sm.0.skipinit_gain": "causal network (causal_improved_sudormrf_v3)",
}
"""What names of the authors' other networks, which are not built here, begin with."""


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
    config = infer_config(weights)
    if config.variant == "code" and config.bn_chan == config.n_filters:
        weights.setdefault("reshape_before_masks.weight", torch.eye(config.n_filters)[:, :, None])
        weights.setdefault("reshape_before_masks.bias", torch.zeros(config.n_filters))
    layers = IMPROVED_LAYERS if config.variant == "improved" else CODE_LAYERS
    return network_of(config, weights, lambda name: reference_name(name, layers))


def infer_config(weights: Mapping[str, Tensor]) -> SuDoRMRFConfig:
    """Every size from the names and shapes.

    Raises:
        CheckpointError: the names are of neither network, or a shape is impossible.
    """
    for sign, network in OTHER_SIGNS.items():
        if any(name.startswith(sign) for name in weights):
            raise CheckpointError(
                f"It is the authors' {network}, which this project does not build. Their sudormrf "
                "and improved_sudormrf are read."
            )
    if IMPROVED_SIGN in weights:
        encoder, bottleneck, per_source = "encoder.weight", "bottleneck.weight", "decoder.weight"
    elif CODE_SIGN in weights:
        encoder, bottleneck, per_source = "encoder.0.weight", "l1.weight", "m.weight"
    else:
        raise CheckpointError(
            "It does not say of which network it is, and is neither of the authors' sudormrf "
            f"(which has {CODE_SIGN}) nor of improved_sudormrf ({IMPROVED_SIGN})."
        )
    is_improved = per_source == "decoder.weight"
    n_filters, _, kernel_size = shape_of(weights, encoder, 3)
    try:
        return SuDoRMRFConfig(
            n_blocks=count_parts(weights, "sm."),
            n_src=shape_of(weights, per_source, 3 if is_improved else 4)[1 if is_improved else 0],
            kernel_size=kernel_size,
            n_filters=n_filters,
            bn_chan=shape_of(weights, bottleneck, 3)[0],
            hid_chan=shape_of(weights, "sm.0.proj_1x1.conv.weight", 3)[0],
            upsampling_depth=count_parts(weights, "sm.0.spp_dw."),
            variant="improved" if is_improved else "code",
            mask_activation="relu" if is_improved else "softmax",
            decoders="one" if is_improved else "one_per_source",
        )
    except CheckpointError:
        raise
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
    if layers is IMPROVED_LAYERS and theirs.endswith(("ln", "norm")):
        kind = GAIN_NAMES[kind]
    return f"{theirs}.{kind}"
