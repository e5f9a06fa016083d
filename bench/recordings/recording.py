"""Reading a recording of any length, sample rate and number of channels, in blocks."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import numpy as np
import soundfile
import soxr

from bench.errors import UsageError
from bench.recordings.stitching import Signal
from bench.registry import SAMPLE_RATE

BLOCK_FRAMES = 65_536


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
                "Fix or cut the recording."
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
