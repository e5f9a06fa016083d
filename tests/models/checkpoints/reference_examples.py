"""Checkpoints as the authors' code would have saved them, made without it."""

import io
import sys
import types
import warnings
import zipfile
from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn

STREAM_HEAD = (
    b"\x80\x02\x8a\x0al\xfc\x9cF\xf9 j\xa8P\x19.\x80\x02M\xe9\x03."
    b"\x80\x02}q\x00X\x0d\x00\x00\x00little_endianq\x01\x88s."
)
"""The first three pickles of the older form."""


@dataclass(frozen=True)
class Sizes:
    """Of one of the authors' networks."""

    n_src: int = 2
    kernel: int = 5
    filters: int = 6
    bottleneck: int = 4
    hidden: int = 5
    blocks: int = 2
    levels: int = 3


NARROW = Sizes()
MINIMAL = replace(NARROW, filters=2, bottleneck=1, hidden=1, blocks=1, levels=1)


def convolution(name: str, *shape: int) -> dict[str, tuple[int, ...]]:
    return {f"{name}.weight": shape, f"{name}.bias": shape[:1]}


def norm(name: str, n_chan: int, is_improved: bool) -> dict[str, tuple[int, ...]]:
    gain, bias = ("gamma", "beta") if is_improved else ("weight", "bias")
    return {f"{name}.{gain}": (n_chan,), f"{name}.{bias}": (n_chan,)}


def block_shapes(name: str, sizes: Sizes, is_improved: bool) -> dict[str, tuple[int, ...]]:
    hidden, narrow = sizes.hidden, sizes.bottleneck
    shapes = convolution(f"{name}.proj_1x1.conv", hidden, narrow, 1)
    shapes |= norm(f"{name}.proj_1x1.norm", hidden, is_improved)
    shapes |= {f"{name}.proj_1x1.act.weight": (1 if is_improved else hidden,)}
    for level in range(sizes.levels):
        shapes |= convolution(f"{name}.spp_dw.{level}.conv", hidden, 1, 5)
        shapes |= norm(f"{name}.spp_dw.{level}.norm", hidden, is_improved)
    shapes |= norm(f"{name}.final_norm.norm", hidden, is_improved)
    shapes |= {f"{name}.final_norm.act.weight": (1 if is_improved else hidden,)}
    if is_improved:
        return shapes | convolution(f"{name}.res_conv", narrow, hidden, 1)
    shapes |= convolution(f"{name}.conv_1x1_exp.conv", narrow, hidden, 1)
    shapes |= norm(f"{name}.conv_1x1_exp.norm", narrow, is_improved)
    shapes |= norm(f"{name}.module_act.norm", narrow, is_improved)
    return shapes | {f"{name}.module_act.act.weight": (narrow,)}


def shapes_of(sizes: Sizes, is_improved: bool) -> dict[str, tuple[int, ...]]:
    n_src, filters, narrow = sizes.n_src, sizes.filters, sizes.bottleneck
    shapes = norm("ln", filters, is_improved)
    for block in range(sizes.blocks):
        shapes |= block_shapes(f"sm.{block}", sizes, is_improved)
    if is_improved:
        shapes |= {"encoder.weight": (filters, 1, sizes.kernel), "mask_net.0.weight": (1,)}
        shapes |= convolution("bottleneck", narrow, filters, 1)
        shapes |= convolution("mask_net.1", n_src * filters, narrow, 1)
        return shapes | {"decoder.weight": (n_src * filters, n_src, sizes.kernel)}
    shapes |= convolution("encoder.0", filters, 1, sizes.kernel)
    shapes |= convolution("l1", narrow, filters, 1)
    if narrow != filters:
        shapes |= convolution("reshape_before_masks", filters, narrow, 1)
    shapes |= convolution("m", n_src, 1, filters + 1, 1)
    shapes |= {"decoder.weight": (n_src * filters, 1, sizes.kernel), "decoder.bias": (n_src,)}
    return shapes | norm("ln_mask_in", filters, is_improved)


def make_state_dict(sizes: Sizes, is_improved: bool) -> dict[str, Tensor]:
    """Random weights in the authors' names, float32."""
    generator = torch.Generator().manual_seed(0)
    return {
        name: torch.randn(shape, generator=generator) * max(shape[1:], default=1) ** -0.5
        for name, shape in shapes_of(sizes, is_improved).items()
    }


def as_network(state_dict: dict[str, Tensor], module: str) -> nn.Module:
    """Nested modules with these parameters; the outermost is the authors' class by its name."""
    of = type("SuDORMRF", (nn.Module,), {"__module__": f"sudo_rm_rf.dnn.models.{module}"})
    network: nn.Module = of()
    for name, tensor in state_dict.items():
        *path, kind = name.split(".")
        owner = network
        for step in path:
            if step not in owner._modules:
                owner.add_module(step, nn.Sequential())
            owner = owner.get_submodule(step)
        owner.register_parameter(kind, nn.Parameter(tensor))
    return network


def saved(value: object, is_zip: bool) -> bytes:
    """What torch.save writes, while the authors' classes can be found."""
    buffer = io.BytesIO()
    root = type(value.module if isinstance(value, nn.DataParallel) else value)
    steps = root.__module__.split(".")
    names = (
        [".".join(steps[:n]) for n in range(1, len(steps) + 1)] if steps[0] == "sudo_rm_rf" else []
    )
    for name in names:
        sys.modules[name] = types.ModuleType(name)
        sys.modules[name].__dict__[root.__name__] = root
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # that it has no source code to add
            torch.save(value, buffer, _use_new_zipfile_serialization=is_zip)
    finally:
        for name in names:
            del sys.modules[name]
    return buffer.getvalue()


def zip_of(pickled: bytes, numbers: dict[str, bytes], compression: int = 0) -> bytes:
    """An archive of torch.save's form."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", compression) as archive:
        archive.writestr("saved/data.pkl", pickled)
        for key, content in numbers.items():
            archive.writestr(f"saved/data/{key}", content)
    return buffer.getvalue()


def stream_of(pickled: bytes, runs: bytes = b"\x80\x02]q\x00.") -> bytes:
    """A stream of the older form; ``runs`` begins with the pickled list of their keys."""
    return STREAM_HEAD + pickled + runs
