"""A SuDoRM-RF whose U-ConvBlocks are computed by the native operators.

It shares the network's parameters: they are the very same objects, under the same names.
"""

from typing import Any, TypeVar

import torch
from torch import Tensor, nn

from models.native.operators import load_operators
from models.streaming import History
from models.sudormrf import Extend, SuDoRMRF, UConvBlock

M = TypeVar("M", bound=nn.Module)

IS_GLOBAL = {"gln": True, "ln": False}
"""The norms over all frames that the operators know."""
IN_TIME = ("improved", "causal_v3")
"""Variants whose causal blocks they know."""


class NativeUConvBlock(UConvBlock):
    """The same block in one operator, on the CPU; elsewhere as it was.

    So are a causal network's blocks where gradients are wanted.
    """

    def prepare(self, config: Any) -> None:
        """Load the operators, and note where the parameters are.

        Raises:
            NotBuilt: there are none to load.
        """
        load_operators()
        self.is_native = not config.is_causal and config.norm in IS_GLOBAL
        self.is_native_in_time = config.is_causal and config.variant in IN_TIME
        self.last = (config.upsampling_depth, config.variant, IS_GLOBAL.get(config.norm, False))
        self.packed: list[Tensor] = []
        # Walking through modules takes longer than some of the passes do.
        self.places = [
            (module._parameters, name) for module in self.modules() for name in module._parameters
        ]

    def pack(self) -> None:
        """Keep weights as they are read; later changes of them don't count any more."""
        if not self.is_native:  # a causal block reads its weights as they are
            return
        weights = [p for p in self.parameters_now() if p.ndim == 3]  # [out_chan, in_chan, taps]
        expand, *levels, contract = weights
        products = [torch.ops.sudormrf.pack(weight) for weight in (expand, contract)]
        self.packed = [*products, torch.stack([level[:, 0].t() for level in levels])]

    def forward(self, features: Tensor, extend: Extend | None = None) -> Tensor:
        is_here = is_native_on(features.device)
        if is_here and self.is_native_in_time and not torch.is_grad_enabled():
            return self._go_on(features, extend)
        if not is_here or not self.is_native:
            return super().forward(features, extend)
        parameters = self.parameters_now()
        if torch.is_grad_enabled():
            trained: Tensor = torch.ops.sudormrf.block_to_train(features, parameters, *self.last)[0]
            return trained
        out: Tensor = torch.ops.sudormrf.blocks(features, parameters, 1, *self.last, self.packed)
        return out

    def _go_on(self, features: Tensor, extend: Extend | None) -> Tensor:
        """A causal block, behind the frames of a stream's history where there is one."""
        if extend is not None and not isinstance(extend, History):
            return super().forward(features, extend)
        depth, variant, _ = self.last
        past = extend.take(depth) if extend else []
        out: Tensor
        out, kept = torch.ops.sudormrf.causal_block(
            features, self.parameters_now(), past, depth, variant
        )
        if extend:
            extend.keep(kept)
        return out

    def parameters_now(self) -> list[Tensor]:
        """In the order in which the operators take them."""
        found = [of_module[name] for of_module, name in self.places]
        return [parameter for parameter in found if parameter is not None]


def is_native_on(device: torch.device) -> bool:
    """Whether the operators work there: ``meta`` has their shapes."""
    return device.type in ("cpu", "meta")


def join(blocks: nn.ModuleList) -> tuple[Any, ...]:
    """What computes packed blocks in one operator, without Python between them.

    Returns:
        Its arguments behind the features; nothing where a block is none of the operator's.
    """
    native = [block for block in blocks if isinstance(block, NativeUConvBlock) and block.is_native]
    if not native or len(native) < len(blocks):
        return ()
    parameters = [parameter for block in native for parameter in block.parameters_now()]
    packed = [weights for block in native for weights in block.packed]
    return parameters, len(native), *native[0].last, packed


def make_native(network: SuDoRMRF) -> SuDoRMRF:
    """The network with native blocks.

    Raises:
        NotBuilt: the operators can't be had here.
    """
    native = share(network)
    for module in native.modules():
        if type(module) is UConvBlock:
            module.__class__ = NativeUConvBlock
            assert isinstance(module, NativeUConvBlock)
            module.prepare(network.config)
    return native


def share(module: M) -> M:
    """The same modules once more, around the same parameters and buffers."""
    shared = module.__new__(type(module))
    shared.__dict__ = module.__dict__ | {
        "_modules": {
            name: child if child is None else share(child)
            for name, child in module._modules.items()
        }
    }
    return shared
