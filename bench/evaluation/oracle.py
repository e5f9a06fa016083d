"""The upper bound of masking: the ideal ratio mask on a short-time Fourier transform."""

import torch
from torch import Tensor

WINDOW = 256  # samples of a Hann window: 32 ms at 8 kHz
HOP = 64
EPS = 1e-12  # where all sources are silent


def separate_ideally(mixture: Tensor, sources: Tensor) -> Tensor:
    """Estimates by masks ``|s_i| / sum_j |s_j|``, which only one who has the sources can make.

    Shape: ``[batch, 1, time], [batch, n_src, time] -> [batch, n_src, time]``. It does not bound all
    networks: it keeps the mixture's phases, and networks in the time domain have passed it.
    """
    batch, n_src, n_samples = sources.shape
    window = torch.hann_window(WINDOW, dtype=sources.dtype, device=sources.device)

    def transform(signals: Tensor) -> Tensor:
        flat = signals.reshape(-1, n_samples)
        return torch.stft(flat, WINDOW, HOP, window=window, return_complex=True)

    magnitudes = transform(sources).abs().unflatten(0, (batch, n_src))
    masks = magnitudes / (magnitudes.sum(1, keepdim=True) + EPS)
    masked = masks * transform(mixture).unsqueeze(1)  # [batch, n_src, frequency, frame]
    estimates = torch.istft(masked.flatten(0, 1), WINDOW, HOP, window=window, length=n_samples)
    return estimates.reshape(batch, n_src, n_samples)
