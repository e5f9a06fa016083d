"""Recordings and networks whose right sources are known, and a separation of them."""

from pathlib import Path

import numpy as np
import soundfile
import torch
from torch import Tensor, nn

from bench.measuring.mixture import load_speakers
from bench.recordings.recording import measure_recording
from bench.recordings.separation import separate_recording
from bench.recordings.settings import SeparationSettings
from bench.recordings.stitching import Signal

SHARES = (0.25, 0.75)
AS_IT_IS = SeparationSettings(chunk_s=2.0, consistency="none")
"""Chunks of two seconds, so that four seconds have seams."""
N_NEW = 12_000  # samples of a chunk that the one before did not have
LEVELLED = SeparationSettings(chunk_s=2.0)


class Shares(nn.Module):
    """Its estimates are known shares of the mixture.

    Every other call has them in another order, and every third one with other signs.
    """

    def __init__(self) -> None:
        super().__init__()
        self.n_calls = 0
        self.heard: list[Tensor] = []

    def forward(self, mixture: Tensor) -> Tensor:
        self.n_calls += 1
        self.heard.append(mixture[0, 0])
        signs = -1 if self.n_calls % 3 == 0 else 1
        shares = signs * torch.tensor(SHARES if self.n_calls % 2 else SHARES[::-1])
        return mixture * shares[:, None]


def speech() -> Signal:
    """Four seconds of two speakers at 8 kHz, in -1 .. 1."""
    mixture: Signal = (load_speakers().sum(0) / 2).float().numpy()
    return mixture


def tones(rate: int, n_frames: int) -> Signal:
    """Far below 4 kHz, so that resampling there and back keeps them."""
    time = np.arange(n_frames) / rate
    fade = np.minimum(1, np.minimum(np.arange(n_frames), np.arange(n_frames)[::-1]) / (rate / 10))
    mixed = 0.3 * np.sin(2 * np.pi * 440 * time) + 0.2 * np.sin(2 * np.pi * 997 * time)
    signal: Signal = (fade * mixed).astype(np.float32)
    return signal


def separate(
    path: Path, folder: Path, model: nn.Module, settings: SeparationSettings = AS_IT_IS
) -> list[Signal]:
    moments = measure_recording(path)
    paths = separate_recording(path, folder, model, moments, settings, lambda done_s: None)
    assert sorted(folder.iterdir()) == paths
    sources = []
    for written in paths:
        samples, rate = soundfile.read(written, dtype="float32")
        assert (rate, len(samples)) == (moments.sample_rate, moments.n_frames)
        sources.append(samples)
    return sources
