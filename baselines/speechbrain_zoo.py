"""SepFormer and RE-SepFormer from ``speechbrain`` (Apache 2.0 licence), two speakers at 8 kHz.

C. Subakan, M. Ravanelli, S. Cornell, M. Bronzi, J. Zhong, "Attention Is All You Need in Speech
Separation", 2021, arXiv:2010.13154; L. Della Libera, C. Subakan, M. Ravanelli, S. Cornell,
F. Lepoutre, F. Grondin, "Resource-Efficient Separation Transformer", 2022, arXiv:2206.09507.

speechbrain insists on torchaudio. Where torchaudio's libraries can't load beside the installed
torch, it works without them (``make`` takes them away), and these networks need none of them.
"""

from importlib import import_module
from typing import Any

import torch
from torch import Tensor, nn

WIDTH = 128
"""Of RE-SepFormer, and the sizes below: speechbrain's recipe for WSJ0-2mix."""


class OneAxisLess(nn.Module):
    """Shape: ``[batch, 1, time] -> [batch, n_src, time]``; inside ``[batch, time]`` and
    ``[batch, time, n_src]``.
    """

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, mixture: Tensor) -> Tensor:
        estimates: Tensor = self.network(mixture[:, 0])
        return estimates.transpose(1, 2)


class MaskedFilterbank(nn.Module):
    """Encoder, masks and decoder, as the recipe joins them.

    Shape: ``[batch, time] -> [batch, time, n_src]``.
    """

    def __init__(self, encoder: nn.Module, masks: nn.Module, decoder: nn.Module) -> None:
        super().__init__()
        self.encoder, self.masks, self.decoder = encoder, masks, decoder

    def forward(self, mixture: Tensor) -> Tensor:
        features = self.encoder(mixture)  # [batch, filters, frames]
        masked = features * self.masks(features)  # [n_src, batch, filters, frames]
        estimates = torch.stack([self.decoder(source) for source in masked], dim=-1)
        n_missing = mixture.shape[1] - estimates.shape[1]
        return nn.functional.pad(estimates, (0, 0, 0, n_missing))


def sepformer() -> nn.Module:
    """``speechbrain.lobes.models.dual_path.SepformerWrapper`` with its defaults."""
    return OneAxisLess(import_module("speechbrain.lobes.models.dual_path").SepformerWrapper())


def resepformer() -> nn.Module:
    """The recipe's RE-SepFormer, of speechbrain's own parts."""
    parts = import_module("speechbrain.lobes.models.dual_path")
    efficient = import_module("speechbrain.lobes.models.resepformer")
    transformers = (_transformer(efficient) for _ in range(2))
    masks = efficient.ResourceEfficientSeparator(
        input_dim=WIDTH,
        num_spk=2,
        causal=False,
        unit=256,
        segment_size=150,
        layer=2,
        mem_type="av",
        seg_model=next(transformers),
        mem_model=next(transformers),
    )
    encoder = parts.Encoder(kernel_size=16, out_channels=WIDTH)
    decoder = parts.Decoder(in_channels=WIDTH, out_channels=1, kernel_size=16, stride=8, bias=False)
    return OneAxisLess(MaskedFilterbank(encoder, masks, decoder))


def _transformer(efficient: Any) -> nn.Module:
    block: nn.Module = efficient.SBTransformerBlock_wnormandskip(
        num_layers=8,
        d_model=WIDTH,
        nhead=8,
        d_ffn=1024,
        dropout=0,
        use_positional_encoding=True,
        norm_before=True,
        use_norm=True,
        use_skip=True,
    )
    return block
