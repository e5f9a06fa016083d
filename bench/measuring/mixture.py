"""The input of every measurement: recorded speech of two speakers (data/NOTICE.md)."""

import wave
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from bench.registry import SAMPLE_RATE

BATCH_OFFSET = 7919  # items of a batch start about a second apart; a prime, so all differ
SOURCE_OFFSET = SAMPLE_RATE // 2  # further sources than the two recorded are shifted copies


class Example(NamedTuple):
    """A batch of mixtures with their sources."""

    mixture: Tensor  # [batch, 1, time], zero mean and unit variance
    sources: Tensor  # [batch, n_src, time], divided by the same deviations


def load_speakers() -> Tensor:
    """The recording, one speaker a row: ``[2, 32000]`` in -1 .. 1."""
    path = Path(__file__).parent / "data" / "two_speakers.wav"
    with path.open("rb") as file, wave.open(file) as recording:
        frames = recording.readframes(recording.getnframes())
        samples = np.frombuffer(frames, dtype="<i2").reshape(-1, recording.getnchannels())
    return torch.from_numpy(samples.T / 32768.0)


def load_example(n_samples: int, batch: int = 1, n_src: int = 2) -> Example:
    """The two-speaker mixture, cut or tiled to the length asked for (float64).

    The mixture is always that of the two speakers; ``n_src`` only says how many targets the
    loss compares with.
    """
    speakers = load_speakers()
    period = speakers.shape[-1]
    time = torch.arange(n_samples)
    starts = BATCH_OFFSET * torch.arange(batch)
    positions = (starts[:, None] + time) % period  # [batch, time]
    recorded = speakers[:, positions].transpose(0, 1)  # [batch, 2, time]
    mixture = recorded.sum(1, keepdim=True)  # [batch, 1, time]
    sources = torch.stack(
        [
            speakers[index % 2][(positions + index // 2 * SOURCE_OFFSET) % period]
            for index in range(n_src)
        ],
        dim=1,
    )  # [batch, n_src, time]
    mean, deviation = mixture.mean(-1, keepdim=True), mixture.std(-1, correction=0, keepdim=True)
    deviation = torch.where(deviation > 0, deviation, 1.0)  # a single sample has none
    return Example((mixture - mean) / deviation, sources / deviation)
