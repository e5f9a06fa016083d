"""A SuDoRM-RF for inference alone: native blocks, the mask head folded once, one layout throughout.

Features lie as ``[batch, frames, channels]`` from the encoder to the decoder, both of which are
matrix products. A copy: weights that change later don't reach it.
"""

import copy
from typing import Any, Self

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from models.config import zeros_around
from models.masks import SlidingMaskHead
from models.native.network import IS_GLOBAL, NativeUConvBlock, is_native_on, join, make_native
from models.native.operators import load_operators
from models.past import PastConv1d
from models.sudormrf import SuDoRMRF


class Product(nn.Module):
    """A point-wise convolution that reads its weights as they are packed once.

    Shape: ``[batch, frames, in_chan] -> [batch, frames, out_chan]``.
    """

    weight: Tensor
    bias: Tensor | None

    def __init__(self, weight: Tensor, bias: Tensor | None = None) -> None:
        super().__init__()
        self.register_buffer("weight", weight.flatten(1).unsqueeze(-1))
        self.register_buffer("bias", bias)

    def pack(self) -> None:
        """Lay the weights as products read them."""
        self.panels = torch.ops.sudormrf.pack(self.weight)

    def forward(self, features: Tensor) -> Tensor:
        out: Tensor = torch.ops.sudormrf.multiply(features, self.panels, len(self.weight))
        return out if self.bias is None else out.add_(self.bias)


class FusedSuDoRMRF(nn.Module):
    """Gives what the network gives, without gradients.

    Shape: ``[batch, 1, time] -> [batch, n_src, time]``.

    Raises:
        NotBuilt: (of ``models.native``) the native operators can't be had here.
    """

    masks_bias: Tensor
    decoder_bias: Tensor | None

    def __init__(self, network: SuDoRMRF) -> None:
        super().__init__()
        load_operators()
        self.config = network.config
        plain = copy.deepcopy(network).requires_grad_(False)
        separator = make_native(plain).separator
        self.norm, self.blocks = separator.bottleneck[0], separator.blocks
        head = plain.separator.mask_head
        self.before_masks = nn.Identity() if isinstance(head, SlidingMaskHead) else head.activate
        folded = head.fold() if isinstance(head, SlidingMaskHead) else _parts(head.pointwise)
        self.encoder = Product(*_parts(plain.encoder[0]))
        self.bottleneck = Product(*_parts(plain.separator.bottleneck[1]))
        weight, bias = folded
        self.masks = Product(weight)
        self.register_buffer("masks_bias", weight.new_zeros(len(weight)) if bias is None else bias)
        self.mask_activation = getattr(plain.separator, "mask_activation", None)
        filters = plain.decoder.weight.unflatten(0, (plain.decoder.groups, -1)).flatten(2)
        self.decoders = nn.ModuleList(Product(group.t()) for group in filters)
        self.register_buffer("decoder_bias", plain.decoder.bias)
        self._pack()

    def _pack(self) -> None:
        for module in self.modules():
            if isinstance(module, (Product, NativeUConvBlock)):
                module.pack()
        self.together = join(self.blocks)

    def _apply(self, *arguments: Any, **named: Any) -> Self:
        """To another dtype, say, whose panels have another width."""
        super()._apply(*arguments, **named)  # type: ignore[no-untyped-call]  # torch's, unannotated
        self._pack()
        return self

    @torch.no_grad()
    def forward(self, mixture: Tensor) -> Tensor:
        if mixture.ndim != 3 or mixture.shape[1] != 1 or mixture.shape[2] < 1:
            raise ValueError(f"expected a mixture [batch, 1, time >= 1], not {list(mixture.shape)}")
        n_samples, config = mixture.shape[-1], self.config
        padded = F.pad(mixture, zeros_around(n_samples, config)).squeeze(1)
        frames = padded.unfold(-1, config.kernel_size, config.stride)
        encoded = self.encoder(frames)  # [batch, frames, n_filters]
        if not config.is_later_code:
            encoded = encoded.relu_()
        features = self._separate(self._bottleneck(encoded).transpose(1, 2)).transpose(1, 2)
        return self._decode(self.before_masks(features), encoded, n_samples)

    def _separate(self, features: Tensor) -> Tensor:
        """Through all blocks, ``[batch, bn_chan, frames]``."""
        if self.together and is_native_on(features.device):
            out: Tensor = torch.ops.sudormrf.blocks(features, *self.together)
            return out
        for block in self.blocks:
            features = block(features)
        return features

    def _bottleneck(self, encoded: Tensor) -> Tensor:
        """The first norm and product, ``[batch, frames, n_filters] -> [.., bn_chan]``."""
        if self.config.norm not in IS_GLOBAL:
            normed = self.norm(encoded.transpose(1, 2)).transpose(1, 2)
            narrow: Tensor = self.bottleneck(normed)
            return narrow
        gain, bias, product = self.norm.weight, self.norm.bias, self.bottleneck
        narrow = torch.ops.sudormrf.normalise_and_multiply(
            encoded, gain, bias, IS_GLOBAL[self.config.norm], product.panels, len(product.weight)
        )
        return narrow if product.bias is None else narrow.add_(product.bias)

    def _decode(self, features: Tensor, encoded: Tensor, n_samples: int) -> Tensor:
        """Masks and the decoder, ``[batch, frames, bn_chan] -> [batch, n_src, time]``."""
        config, head = self.config, [self.masks.panels, self.masks_bias, encoded]
        if self.mask_activation is not None:  # one with parameters
            masks = self.mask_activation(self.masks(features).add_(self.masks_bias))
            features, head = self._mask(masks, encoded), []
        estimates: Tensor = torch.ops.sudormrf.decode(
            features,
            head,
            config.mask_activation,
            [decoder.panels for decoder in self.decoders],
            self.decoder_bias,
            config.n_src,
            config.kernel_size,
            config.stride,
            config.n_cut,
            n_samples,
        )
        return estimates

    def _mask(self, masks: Tensor, encoded: Tensor) -> Tensor:
        """The masked frames ``[batch, frames, n_src * n_filters]``, in the masks' place."""
        if self.config.variant != "causal_v3":  # which estimates the frames themselves
            masks.unflatten(2, (self.config.n_src, -1)).mul_(encoded.unsqueeze(2))
        return masks


def _parts(convolution: nn.Module) -> tuple[Tensor, Tensor | None]:
    """Its weight and its bias; of windows that end on their frame the taps until there."""
    assert isinstance(convolution, nn.Conv1d)
    weight = convolution.weight
    if isinstance(convolution, PastConv1d):
        weight = weight[..., : weight.shape[-1] // 2 + 1]
    return weight, convolution.bias
