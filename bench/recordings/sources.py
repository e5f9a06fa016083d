"""The sources of a recording as WAV files, in a folder that appears when all are whole."""

import os
import shutil
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import numpy as np
import soundfile

from bench.errors import UsageError
from bench.recordings.recording import BLOCK_FRAMES
from bench.recordings.stitching import Signal

SAMPLE_BYTES = 4  # 32-bit float
MOST_WAV_BYTES = 2**32 - 1024  # lengths in the header of a WAV file have 32 bits


def fit_length(blocks: Iterable[Signal], n_frames: int) -> Iterator[Signal]:
    """Exactly ``n_frames``: two resamplings may round to a sample more or less."""
    n_left = n_frames
    for block in blocks:
        yield block[:n_left]
        n_left -= len(block[:n_left])
    yield np.zeros((n_left, block.shape[1]), np.float32)


def write_sources(
    blocks: Iterable[Signal], folder: Path, sample_rate: int, n_frames: int
) -> list[str]:
    """Write ``[time, n_src]``, ``n_frames`` in all; the names of the files, one for each source.

    Raises:
        UsageError: the disk is full.
    """
    names: list[str] = []
    with ExitStack() as stack:
        for block in blocks:
            if not names:
                names = [f"source{number}.wav" for number in range(1, block.shape[1] + 1)]
                opened = [open_source(folder / name, sample_rate, n_frames) for name in names]
                files = [stack.enter_context(file) for file in opened]
            for file, column in zip(files, block.T, strict=True):
                write_block(file, column, folder.parent)
    return names


def scale_source(path: Path, gain: float) -> None:
    """Multiply a file's samples, block by block.

    Raises:
        UsageError: the disk is full.
    """
    scaled = path.with_name(f"scaled-{path.name}")
    with (
        soundfile.SoundFile(path) as raw,
        open_source(scaled, raw.samplerate, raw.frames) as file,
    ):
        for block in raw.blocks(BLOCK_FRAMES, dtype="float32"):
            write_block(file, block * np.float32(gain), path.parent.parent)
    scaled.replace(path)


def write_block(file: soundfile.SoundFile, block: Signal, folder: Path) -> None:
    """Write samples ``[time]``.

    Raises:
        UsageError: the disk is full; the sentence names ``folder``.
    """
    try:
        file.write(block)
    except (soundfile.LibsndfileError, AssertionError) as error:
        raise UsageError(f"{folder} is full: the sources don't fit.") from error


def open_source(path: Path, sample_rate: int, n_frames: int) -> soundfile.SoundFile:
    """An empty file for one source: WAV, or its form with 64-bit lengths where it needs them.

    Raises:
        UsageError: the disk is full.
    """
    container = "WAV" if n_frames * SAMPLE_BYTES <= MOST_WAV_BYTES else "RF64"
    try:
        return soundfile.SoundFile(
            path, "w", sample_rate, channels=1, subtype="FLOAT", format=container
        )
    except soundfile.LibsndfileError as error:
        raise UsageError(
            f"{path.name} can't be written: {error.error_string.rstrip('.')}. "
            "Free some space, or choose another folder."
        ) from error


@contextmanager
def unfinished_folder(folder: Path) -> Iterator[Path]:
    """A hidden folder beside ``folder`` that takes its name at the end, or disappears.

    Raises:
        UsageError: ``folder`` already exists, or can't be made or written.
    """
    target = folder.resolve()
    if target.exists() and not (target.is_dir() and not any(target.iterdir())):
        raise UsageError(f"{folder} already exists. Choose another folder.")
    unfinished = target.with_name(f".{target.name}.{os.getpid()}")
    try:
        unfinished.mkdir()
        yield unfinished
        unfinished.rename(target)
    except OSError as error:
        raise UsageError(f"{folder} can't be written: {error.strerror}.") from error
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)
