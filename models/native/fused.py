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
        features = self._separate(self.bottleneck(self._normalise(encoded)).transpose(1, 2))
        latent = self.masks(self.before_masks(features.transpose(1, 2)))
        return self._decode(self._mask(latent, encoded), n_samples)

    def _separate(self, features: Tensor) -> Tensor:
        """Through all blocks, ``[batch, bn_chan, frames]``."""
        if self.together and is_native_on(features.device):
            out: Tensor = torch.ops.sudormrf.blocks(features, *self.together)
            return out
        for block in self.blocks:
            features = block(features)
        return features

    def _normalise(self, encoded: Tensor) -> Tensor:
        """The first norm, of ``[batch, frames, n_filters]``."""
        if self.config.norm not in IS_GLOBAL:
            normed: Tensor = self.norm(encoded.transpose(1, 2)).transpose(1, 2)
            return normed
        weight, bias = self.norm.weight, self.norm.bias
        out: Tensor = torch.ops.sudormrf.normalise(
            encoded, weight, bias, IS_GLOBAL[self.config.norm]
        )
        return out

    def _mask(self, latent: Tensor, encoded: Tensor) -> Tensor:
        """``[batch, frames, n_src * n_filters]``, masked, in the place of the latent masks."""
        if self.mask_activation is None:
            kind = self.config.mask_activation
            torch.ops.sudormrf.apply_masks(latent, self.masks_bias, encoded, kind)
            return latent
        masks: Tensor = self.mask_activation(latent.add_(self.masks_bias))
        if self.config.variant != "causal_v3":  # which estimates the frames themselves
            masks.unflatten(2, (self.config.n_src, -1)).mul_(encoded.unsqueeze(2))
        return masks

    def _decode(self, masked: Tensor, n_samples: int) -> Tensor:
        """``[batch, frames, n_src * n_filters] -> [batch, n_src, time]``, by overlap-add."""
        batch, n_frames, _ = masked.shape
        stride = self.config.stride
        groups = zip(self.decoders, masked.chunk(len(self.decoders), dim=-1), strict=True)
        decoded = [decoder(group) for decoder, group in groups]  # [batch, frames, src * samples]
        samples = torch.cat(decoded, dim=-1).unflatten(2, (-1, self.config.kernel_size))
        samples = samples.transpose(1, 2)  # [batch, n_src, frames, samples]
        summed = masked.new_zeros(batch, self.config.n_src, n_frames + 2, stride)
        summed[:, :, :n_frames] += samples[..., :stride]
        summed[:, :, 1:-1] += samples[..., stride : 2 * stride]
        summed[:, :, 2:, 0] += samples[..., 2 * stride]
        n_cut = self.config.n_cut
        estimates = summed.flatten(2)[..., n_cut : n_cut + n_samples]
        bias = self.decoder_bias
        return estimates.contiguous() if bias is None else estimates + bias[:, None]


def _parts(convolution: nn.Module) -> tuple[Tensor, Tensor | None]:
    """Its weight and its bias; of windows that end on their frame the taps until there."""
    assert isinstance(convolution, nn.Conv1d)
    weight = convolution.weight
    if isinstance(convolution, PastConv1d):
        weight = weight[..., : weight.shape[-1] // 2 + 1]
    return weight, convolution.bias
