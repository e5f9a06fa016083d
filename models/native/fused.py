"""A SuDoRM-RF for inference alone: native blocks, the mask head folded once, one layout throughout.

Features lie as ``[batch, frames, channels]`` from the encoder to the decoder, both of which are
matrix products. A copy: weights that change later don't reach it.
"""

import copy

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from models.config import zeros_around
from models.masks import SlidingMaskHead
from models.native.build import NotBuilt
from models.native.network import IS_GLOBAL, make_native
from models.native.operators import load_operators
from models.sudormrf import SuDoRMRF


class FusedSuDoRMRF(nn.Module):
    """Gives what the network gives, without gradients.

    Shape: ``[batch, 1, time] -> [batch, n_src, time]``.

    Raises:
        NotBuilt: the native operators can't be had here, or not for this variant.
    """

    decoder_weight: Tensor
    decoder_bias: Tensor | None

    def __init__(self, network: SuDoRMRF) -> None:
        super().__init__()
        if network.config.variant == "causal_v3":
            raise NotBuilt("There is no fast form of the authors' third causal network.")
        if network.config.mask_activation == "prelu":
            raise NotBuilt("There is no fast form of masks with PReLU.")
        load_operators()
        self.config = network.config
        plain = copy.deepcopy(network).requires_grad_(False)
        separator = make_native(plain).separator
        self.norm, self.blocks = separator.bottleneck[0], separator.blocks
        head = plain.separator.mask_head
        self.before_masks = nn.Identity() if isinstance(head, SlidingMaskHead) else head.activate
        folded = head.fold() if isinstance(head, SlidingMaskHead) else _parts(head.pointwise)
        self._keep("encoder", *_parts(plain.encoder[0]))
        self._keep("bottleneck", *_parts(plain.separator.bottleneck[1]))
        self._keep("masks", *folded)
        filters = plain.decoder.weight.unflatten(0, (plain.decoder.groups, -1)).flatten(2)
        self.register_buffer("decoder_weight", filters.contiguous())  # [groups, filters, samples]
        self.register_buffer("decoder_bias", plain.decoder.bias)

    def _keep(self, name: str, weight: Tensor, bias: Tensor | None) -> None:
        """A convolution as a matrix ``[in_chan, out_chan]`` and a bias."""
        self.register_buffer(f"{name}_weight", weight.flatten(1).t())
        zeros = weight.new_zeros(len(weight))
        self.register_buffer(f"{name}_bias", zeros if bias is None else bias)

    def _multiply(self, name: str, rows: Tensor) -> Tensor:
        """``[batch, frames, in_chan] -> [batch, frames, out_chan]``."""
        weight, bias = getattr(self, f"{name}_weight"), getattr(self, f"{name}_bias")
        product = torch.addmm(bias, rows.reshape(-1, rows.shape[-1]), weight)
        return product.view(*rows.shape[:2], -1)

    @torch.no_grad()
    def forward(self, mixture: Tensor) -> Tensor:
        if mixture.ndim != 3 or mixture.shape[1] != 1 or mixture.shape[2] < 1:
            raise ValueError(f"expected a mixture [batch, 1, time >= 1], not {list(mixture.shape)}")
        n_samples, config = mixture.shape[-1], self.config
        padded = F.pad(mixture, zeros_around(n_samples, config)).squeeze(1)
        frames = padded.unfold(-1, config.kernel_size, config.stride)
        encoded = self._multiply("encoder", frames)  # [batch, frames, n_filters]
        if config.variant != "improved":
            encoded = encoded.relu_()
        features = self._multiply("bottleneck", self._normalise(encoded)).transpose(1, 2)
        for block in self.blocks:
            features = block(features)
        latent = self._multiply("masks", self.before_masks(features.transpose(1, 2)))
        masked = torch.ops.sudormrf.apply_masks(latent, encoded, config.mask_activation)
        return self._decode(masked, n_samples)

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

    def _decode(self, masked: Tensor, n_samples: int) -> Tensor:
        """``[batch, frames, n_src * n_filters] -> [batch, n_src, time]``, by overlap-add."""
        batch, n_frames, _ = masked.shape
        stride, weight = self.config.stride, self.decoder_weight
        rows = masked.reshape(batch * n_frames, len(weight), -1).transpose(0, 1)
        samples = torch.bmm(rows, weight)  # [groups, batch * frames, sources * samples]
        samples = samples.unflatten(2, (-1, self.config.kernel_size)).transpose(1, 2).flatten(0, 1)
        samples = samples.unflatten(1, (batch, n_frames)).transpose(0, 1)
        summed = masked.new_zeros(batch, self.config.n_src, n_frames + 2, stride)
        summed[:, :, :n_frames] += samples[..., :stride]
        summed[:, :, 1:-1] += samples[..., stride : 2 * stride]
        summed[:, :, 2:, 0] += samples[..., 2 * stride]
        before = self.config.n_zeros_before
        decoded = summed.flatten(2)[..., before : before + n_samples]
        bias = self.decoder_bias
        return decoded.contiguous() if bias is None else decoded + bias[:, None]


def _parts(convolution: nn.Module) -> tuple[Tensor, Tensor | None]:
    """Its weight and its bias."""
    assert isinstance(convolution, nn.Conv1d)
    return convolution.weight, convolution.bias
