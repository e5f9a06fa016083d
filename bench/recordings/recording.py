"""Separating a recording of any length, sample rate and number of channels.

The recording is read twice, in blocks. First its moments are taken; then it is mixed down to one
channel (their mean), resampled to the networks' 8 kHz, brought to mean 0 and deviation 1 over the
whole recording (paper, section 3.2: over each mixture), and separated in overlapping chunks. The
estimates are multiplied by the deviation again, resampled back, and written as 32-bit float,
which can't clip. Memory holds some chunks, however long the recording is.
"""

import os
import shutil
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import NamedTuple

import numpy as np
import soundfile
import soxr
import torch
from torch import nn

from bench.errors import UsageError
from bench.networks.device import choose_device
from bench.networks.trained import load_trained
from bench.recordings.stitching import Signal, cut_chunks, stitch_chunks
from bench.registry import SAMPLE_RATE

CHUNK_S = 8
OVERLAP_S = 2
BLOCK_FRAMES = 65_536

Advance = Callable[[float], None]
"""Is told how many seconds of the recording are done."""


class Moments(NamedTuple):
    """What the first reading finds."""

    sample_rate: int  # of the file
    n_frames: int  # of the file
    mean: float  # of the mono signal at 8 kHz, as the deviation
    deviation: float  # 0 for silence

    @property
    def duration_s(self) -> float:
        """Of the recording."""
        return self.n_frames / self.sample_rate


def load_network(path: Path, device: str, own_factory: str | None = None) -> nn.Module:
    """The network of a file of weights, on its device, ready to separate.

    Raises:
        UsageError: there is no such file or device, or it holds no weights that can be used.
    """
    place = choose_device(device)
    return load_trained(path, own_factory).model.to(place)


def measure_recording(path: Path) -> Moments:
    """Read the whole recording once.

    Raises:
        UsageError: it is no audio, is empty, or has samples that are not finite.
    """
    n_samples, total, squares = 0, 0.0, 0.0
    with open_recording(path) as file:
        sample_rate = file.samplerate
        n_frames = 0
        for block in resample(read_mono(file, path), sample_rate, SAMPLE_RATE):
            n_samples += len(block)
            total += float(block.sum(dtype=np.float64))
            squares += float(np.square(block, dtype=np.float64).sum())
        n_frames = file.tell()
    if n_samples == 0:
        raise UsageError(f"{path} has {n_frames} samples, too few to separate.")
    mean = total / n_samples
    deviation = max(squares / n_samples - mean**2, 0.0) ** 0.5
    return Moments(sample_rate, n_frames, mean, deviation)


def separate_recording(
    path: Path, folder: Path, model: nn.Module, moments: Moments, advance: Advance
) -> list[Path]:
    """Write ``source1.wav``, ``source2.wav`` and so on; all of them, or no folder at all.

    They have the recording's sample rate and length, one channel, and 32-bit float samples.

    Raises:
        UsageError: the folder is there already or can't be written, or the estimates are not
            finite.
    """
    with unfinished_folder(folder) as unfinished, open_recording(path) as file:
        mono = resample(read_mono(file, path), file.samplerate, SAMPLE_RATE)
        divisor = moments.deviation or 1.0  # silence has none, and its estimates become 0 again
        normalised = ((block[:, 0] - moments.mean) / divisor for block in mono)
        estimates = estimate_sources(normalised, model, advance)
        scaled = (block.T * np.float32(moments.deviation) for block in estimates)
        resampled = resample(scaled, SAMPLE_RATE, moments.sample_rate)
        names = write_sources(fit(resampled, moments.n_frames), unfinished, moments.sample_rate)
    return [folder / name for name in names]


def estimate_sources(
    mixture: Iterable[Signal], model: nn.Module, advance: Advance
) -> Iterator[Signal]:
    """Blocks ``[n_src, time]`` of the estimates, from blocks ``[time]`` of the mixture."""
    n_chunk, n_overlap = CHUNK_S * SAMPLE_RATE, OVERLAP_S * SAMPLE_RATE

    def estimate_chunks() -> Iterator[Signal]:
        for index, chunk in enumerate(cut_chunks(mixture, n_chunk, n_overlap)):
            yield estimate(model, chunk)
            advance((index * (n_chunk - n_overlap) + len(chunk)) / SAMPLE_RATE)

    return stitch_chunks(estimate_chunks(), n_overlap)


@torch.inference_mode()
def estimate(model: nn.Module, chunk: Signal) -> Signal:
    """``[time] -> [n_src, time]`` by the network, on its device."""
    device = next((parameter.device for parameter in model.parameters()), None)
    mixture = torch.from_numpy(chunk.astype(np.float32))[None, None].to(device)
    estimates: Signal = model(mixture)[0].cpu().numpy()
    if not np.isfinite(estimates).all():
        raise UsageError("The network's estimates are not finite. Its checkpoint is of no use.")
    return estimates


@contextmanager
def open_recording(path: Path) -> Iterator[soundfile.SoundFile]:
    """The open file.

    Raises:
        UsageError: there is none, or it is or becomes no audio.
    """
    if not path.is_file():
        raise UsageError(f"There is no recording {path}.")
    try:
        with soundfile.SoundFile(path) as file:
            yield file
    except soundfile.LibsndfileError as error:
        raise UsageError(
            f"{path} can't be read as audio: {error.error_string.rstrip('.')}."
        ) from error


def read_mono(file: soundfile.SoundFile, path: Path) -> Iterator[Signal]:
    """Blocks ``[time, 1]``: the mean of the channels.

    Raises:
        UsageError: a sample is not finite.
    """
    for block in file.blocks(BLOCK_FRAMES, dtype="float32", always_2d=True):
        if not np.isfinite(block).all():
            before = file.tell() / file.samplerate
            raise UsageError(
                f"{path} has samples that are not finite before {before:.1f} s. "
                "Mend or cut the recording."
            )
        yield block.mean(axis=1, keepdims=True)


def resample(blocks: Iterable[Signal], rate_before: int, rate: int) -> Iterator[Signal]:
    """Blocks ``[time, channels]`` at another rate; their lengths are not those that came in."""
    if rate_before == rate:
        yield from blocks
        return
    stream = None
    for block in blocks:
        if stream is None:
            stream = soxr.ResampleStream(rate_before, rate, block.shape[1], dtype="float32")
        yield stream.resample_chunk(np.ascontiguousarray(block, np.float32))
    if stream is not None:
        yield stream.resample_chunk(np.zeros((0, block.shape[1]), np.float32), last=True)


def fit(blocks: Iterable[Signal], n_frames: int) -> Iterator[Signal]:
    """Exactly ``n_frames``: two resamplings may round to a sample more or less."""
    n_left = n_frames
    for block in blocks:
        yield block[:n_left]
        n_left -= len(block[:n_left])
    yield np.zeros((n_left, block.shape[1]), np.float32)


def write_sources(blocks: Iterable[Signal], folder: Path, sample_rate: int) -> list[str]:
    """Write ``[time, n_src]``; the names of the files, one for each source.

    Raises:
        UsageError: the disk is full.
    """
    names: list[str] = []
    with ExitStack() as stack:
        for block in blocks:
            if not names:
                names = [f"source{number}.wav" for number in range(1, block.shape[1] + 1)]
                opened = [open_source(folder / name, sample_rate) for name in names]
                files = [stack.enter_context(file) for file in opened]
            for file, column in zip(files, block.T, strict=True):
                try:
                    file.write(column)
                except (soundfile.LibsndfileError, AssertionError) as error:
                    raise UsageError(f"{folder.parent} is full: the sources don't fit.") from error
    return names


def open_source(path: Path, sample_rate: int) -> soundfile.SoundFile:
    """An empty WAV for one source."""
    return soundfile.SoundFile(path, "w", sample_rate, channels=1, subtype="FLOAT")


@contextmanager
def unfinished_folder(folder: Path) -> Iterator[Path]:
    """A hidden folder beside ``folder`` that takes its name at the end, or disappears.

    Raises:
        UsageError: ``folder`` is there already, or can't be made or written.
    """
    target = folder.resolve()
    if target.exists() and not (target.is_dir() and not any(target.iterdir())):
        raise UsageError(f"{folder} is there already. Name a folder that is not.")
    unfinished = target.with_name(f".{target.name}.{os.getpid()}")
    try:
        unfinished.mkdir()
        yield unfinished
        unfinished.rename(target)
    except OSError as error:
        raise UsageError(f"{folder} can't be written: {error.strerror}.") from error
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)
