"""Separating a recording of any length, sample rate and number of channels.

The recording is read twice, in blocks. First its moments are taken; then it is mixed down to one
channel (their mean), resampled to the networks' 8 kHz, brought to zero mean and unit variance over
the whole recording (paper, section 3.2: over each mixture), and separated in overlapping chunks.
The estimates are multiplied by the deviation again, resampled back, and written as 32-bit float,
which can't clip. Their gains are known when all of them are there, so the files are then scaled.
Memory holds some chunks, however long the recording is.
"""

from collections.abc import Callable, Iterable, Iterator
from itertools import tee
from pathlib import Path

import numpy as np
import torch
from torch import nn

from bench.errors import UsageError
from bench.evaluation.consistency import Consistency, MixtureFit, project_on_mixture
from bench.measuring.contract import check_estimates
from bench.networks.device import choose_device
from bench.networks.trained import load_trained
from bench.recordings.recording import Moments, open_recording, read_mono, resample
from bench.recordings.settings import SeparationSettings
from bench.recordings.sources import fit_length, scale_source, unfinished_folder, write_sources
from bench.recordings.stitching import Signal, cut_chunks, stitch_chunks
from bench.registry import SAMPLE_RATE
from bench.results.record import CellError

Advance = Callable[[float], None]
"""Is told how many seconds of the recording are done."""


def load_network(path: Path, device: str, own_factory: str | None = None) -> nn.Module:
    """The network of a file of weights, on its device, ready to separate.

    Raises:
        UsageError: there is no such file or device, or it holds no weights that can be used.
    """
    place = choose_device(device)
    return load_trained(path, own_factory).model.to(place)


def separate_recording(
    path: Path,
    folder: Path,
    model: nn.Module,
    moments: Moments,
    settings: SeparationSettings,
    advance: Advance,
) -> list[Path]:
    """Write ``source1.wav``, ``source2.wav`` and so on; all of them, or no folder at all.

    They have the recording's sample rate and length, one channel, and 32-bit float samples.

    Raises:
        UsageError: the folder already exists or can't be written, or the estimates are of another
            length or not finite.
    """
    fit = MixtureFit()
    with unfinished_folder(folder) as unfinished, open_recording(path) as file:
        mono = resample(read_mono(file, path), file.samplerate, SAMPLE_RATE)
        divisor = moments.deviation or 1.0  # silence has none, and its estimates become 0 again
        normalised = ((block[:, 0] - moments.mean) / divisor for block in mono)
        heard, mixture = tee(normalised)
        n_chunk = settings.n_chunk(moments.duration_s)
        n_overlap = round(settings.overlap * n_chunk)
        estimates = estimate_sources(heard, model, n_chunk, n_overlap, advance)
        levelled = level(pair(estimates, mixture), settings.consistency, fit)
        scaled = (block.T * np.float32(moments.deviation) for block in levelled)
        resampled = resample(scaled, SAMPLE_RATE, moments.sample_rate)
        names = write_sources(
            fit_length(resampled, moments.n_frames),
            unfinished,
            moments.sample_rate,
            moments.n_frames,
        )
        if settings.consistency == "gain":
            for name, gain in zip(names, fit.gains(), strict=True):
                scale_source(unfinished / name, gain)
    return [folder / name for name in names]


def level(
    pairs: Iterable[tuple[Signal, Signal]], consistency: Consistency, fit: MixtureFit
) -> Iterator[Signal]:
    """The estimates of each pair, added up to their mixture or counted in to find their gains."""
    for estimates, mixture in pairs:
        if consistency == "mixture":
            yield project_on_mixture(estimates, mixture)
        else:
            fit.add(estimates, mixture)
            yield estimates


def pair(estimates: Iterable[Signal], mixture: Iterable[Signal]) -> Iterator[tuple[Signal, Signal]]:
    """Each block ``[n_src, time]`` of the estimates with the mixture ``[time]`` at its place."""
    blocks = iter(mixture)
    held = np.zeros(0, np.float32)
    for block in estimates:
        n_samples = block.shape[1]
        while len(held) < n_samples:
            held = np.concatenate([held, next(blocks)])
        yield block, held[:n_samples]
        held = held[n_samples:]


def estimate_sources(
    mixture: Iterable[Signal], model: nn.Module, n_chunk: int, n_overlap: int, advance: Advance
) -> Iterator[Signal]:
    """Blocks ``[n_src, time]`` of the estimates, from blocks ``[time]`` of the mixture."""

    def estimate_chunks() -> Iterator[Signal]:
        for index, chunk in enumerate(cut_chunks(mixture, n_chunk, n_overlap)):
            yield estimate(model, chunk)
            advance((index * (n_chunk - n_overlap) + len(chunk)) / SAMPLE_RATE)

    return stitch_chunks(estimate_chunks(), n_overlap)


@torch.inference_mode()
def estimate(model: nn.Module, chunk: Signal) -> Signal:
    """``[time] -> [n_src, time]`` by the network, on its device.

    Raises:
        UsageError: the estimates are of another length, or not finite.
    """
    device = next((parameter.device for parameter in model.parameters()), None)
    mixture = torch.from_numpy(chunk.astype(np.float32))[None, None].to(device)
    try:
        estimates: Signal = check_estimates(model(mixture), mixture)[0].cpu().numpy()
    except CellError as error:
        raise UsageError(f"Nothing can be separated by this network: {error}") from error
    return estimates
