"""The first mixtures of an evaluation as files to listen to."""

from pathlib import Path

import soundfile
import torch
from torch import Tensor

from bench.errors import UsageError
from bench.evaluation.consistency import make_consistent
from bench.evaluation.mixtures import Given
from bench.registry import SAMPLE_RATE


def write_listening_files(root: Path, given: Given, estimates: Tensor, n_mixtures: int) -> None:
    """The first mixtures, their sources and estimates as 32-bit WAV files, a folder for each.

    Each estimate stands at the number of its source and has the level and polarity that fit the
    mixture (``consistency.MixtureFit``), whatever the network returned. Samples are as the networks
    have them (the mixture's deviation is one), so players should turn down.

    Raises:
        UsageError: a file can't be written.
    """
    for row, index in enumerate(given.indices):
        if index >= n_mixtures:
            return
        mixture = given.mixture[row, 0]
        fitted = make_consistent(estimates[row].numpy(), mixture.numpy(), "gain")
        signals = {"mixture": mixture}
        signals |= {f"source{k}": one for k, one in enumerate(given.sources[row], start=1)}
        signals |= {f"estimate{k}": torch.from_numpy(e) for k, e in enumerate(fitted, start=1)}
        _write_signals(root / f"{index:06d}", signals)


def _write_signals(folder: Path, signals: dict[str, Tensor]) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, signal in signals.items():
            path = str(folder / f"{name}.wav")
            soundfile.write(path, signal.numpy(), SAMPLE_RATE, subtype="FLOAT")
    except (soundfile.LibsndfileError, OSError) as error:
        raise UsageError(f"Listening files can't be written to {folder}: {error}.") from error
