"""Decoded audio, kept memory-mapped: no file is decoded twice."""

import hashlib
import json
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import soundfile
import soxr
from numpy.typing import NDArray

from bench.corpora.corpus import Recording
from bench.errors import UsageError
from bench.files import replacing, write_whole
from bench.registry import SAMPLE_RATE

FULL_SCALE = 32768
DURATION_TOLERANCE_S = 0.01
FORMAT = 1  # of the files in the cache
Samples = NDArray[np.int16]
Advance = Callable[[int, int], None]
"""Is told how many files are decoded, and of how many."""


class BadAudioError(UsageError):
    """A file that can't be used: names it and says why."""


def decode(root: Path, recording: Recording) -> Samples:
    """The recording at 8 kHz, its channels averaged, in 16 bits: ``[time]``.

    What has 8 kHz, one channel and at most 16 bits comes out to the bit; anything else is
    resampled (soxr, high quality), rounded, and clipped at full scale.

    Raises:
        BadAudioError: the file is no audio, is cut off, holds NaN or only silence, or is not as the
            corpus declares it.
    """
    path = root / recording.path
    try:
        about = soundfile.info(str(path), verbose=True)
        samples, rate = soundfile.read(str(path), dtype="float64", always_2d=True)
    except (soundfile.LibsndfileError, OSError) as error:
        raise BadAudioError(
            f"{path} can't be decoded: {str(error).rstrip('.')}. It may be cut off or no audio."
        ) from error
    # libsndfile shortens a cut WAV in silence and says so in its log only.
    if len(samples) != about.frames or "should be" in about.extra_info:
        raise BadAudioError(f"{path} is cut off: its header announces more than the file holds.")
    if not np.isfinite(samples).all():
        raise BadAudioError(f"{path} holds NaN or infinite samples.")
    _check_declared(path, recording, rate, len(samples) / rate)
    mono = samples.mean(1)
    if rate != SAMPLE_RATE:
        mono = soxr.resample(mono, rate, SAMPLE_RATE)
    scaled: Samples = np.rint(mono * FULL_SCALE).clip(-FULL_SCALE, FULL_SCALE - 1).astype(np.int16)
    if not scaled.any():
        raise BadAudioError(f"{path} holds nothing but silence.")
    return scaled


def _check_declared(path: Path, recording: Recording, rate: int, duration_s: float) -> None:
    if recording.declared_rate not in (None, rate):
        raise BadAudioError(
            f"{path} has {rate} Hz and the corpus declares {recording.declared_rate} Hz. "
            "Correct the metadata or the file."
        )
    if (
        recording.declared_s is not None
        and abs(recording.declared_s - duration_s) > DURATION_TOLERANCE_S
    ):
        raise BadAudioError(
            f"{path} lasts {duration_s:.3f} s and the corpus declares "
            f"{recording.declared_s:.3f} s. Correct the metadata or the file."
        )


class AudioStore:
    """The decoded recordings of one split, by their paths in the corpus.

    They lie one after another in one file of the cache, named by the files' sizes and times, so
    that a changed corpus is decoded anew. Processes that start together may each decode; the last
    to finish wins, with the same content.

    Raises:
        UsageError: the cache can't be written, or a file can't be used (without ``skip_bad``).
    """

    def __init__(
        self,
        root: Path,
        recordings: Sequence[Recording],
        cache: Path | None = None,
        *,
        skip_bad: bool = False,
        advance: Advance = lambda n_done, n_files: None,
    ) -> None:
        folder = cache or default_cache()
        key = _key(root, recordings)
        audio, index = folder / f"{key}.i16", folder / f"{key}.json"
        known = _read_index(index)
        if known is None or not audio.is_file():
            known = _fill(folder, audio, index, _decode_all(root, recordings, skip_bad, advance))
        self.bad: tuple[str, ...] = tuple(known["bad"])
        if self.bad and not skip_bad:
            raise BadAudioError(self.bad[0] + SKIP_HINT)
        ends: list[int] = np.cumsum([0, *known["lengths"]]).tolist()
        self._bounds: dict[str, tuple[int, int]] = dict(
            zip(known["paths"], pairwise(ends), strict=True)
        )
        self._samples: Samples = np.memmap(audio, dtype="<i2", mode="r")

    def __contains__(self, path: str) -> bool:
        return path in self._bounds

    def __getitem__(self, path: str) -> Samples:
        start, end = self._bounds[path]
        return self._samples[start:end]

    def length(self, path: str) -> int:
        """Samples at 8 kHz."""
        start, end = self._bounds[path]
        return end - start


SKIP_HINT = " Fix it or take it out, or pass --skip-bad."


class _Decoded(NamedTuple):
    path: str
    samples: Samples | None
    problem: str


def _decode_all(
    root: Path, recordings: Sequence[Recording], skip_bad: bool, advance: Advance
) -> Iterator[_Decoded]:
    for n_done, recording in enumerate(recordings):
        advance(n_done, len(recordings))
        try:
            yield _Decoded(recording.path, decode(root, recording), "")
        except BadAudioError as error:
            if not skip_bad:
                raise BadAudioError(str(error) + SKIP_HINT) from error
            yield _Decoded(recording.path, None, str(error))
    advance(len(recordings), len(recordings))


def _fill(folder: Path, audio: Path, index: Path, decoded: Iterable[_Decoded]) -> dict[str, Any]:
    """Write both files whole or not at all, the index last."""
    known: dict[str, Any] = {"paths": [], "lengths": [], "bad": []}
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with replacing(audio) as file:
            for one in decoded:
                if one.samples is None:
                    known["bad"].append(one.problem)
                    continue
                file.write(one.samples.astype("<i2").tobytes())
                known["paths"].append(one.path)
                known["lengths"].append(len(one.samples))
            if not known["paths"]:
                raise UsageError(f"No file can be used; the first: {known['bad'][0]}")
        write_whole(index, json.dumps(known).encode())
    except OSError as error:
        raise UsageError(
            f"Decoded audio can't be kept in {folder}: {error.strerror or error}. "
            "Name a folder with more space by --cache DIR."
        ) from error
    return known


def _read_index(path: Path) -> dict[str, Any] | None:
    try:
        known: dict[str, Any] = json.loads(path.read_text())
    except (OSError, ValueError):
        return None
    return known


def _key(root: Path, recordings: Iterable[Recording]) -> str:
    """A name for these files as they are now."""
    digest = hashlib.sha256(f"{FORMAT} {root.resolve()}".encode())
    for recording in recordings:
        try:
            state = (root / recording.path).stat()
        except OSError as error:
            raise BadAudioError(
                f"{root / recording.path} can't be read: {error.strerror}."
            ) from error
        digest.update(f"{recording} {state.st_size} {state.st_mtime_ns}\n".encode())
    return digest.hexdigest()[:32]


def default_cache() -> Path:
    """Where the XDG Base Directory Specification has caches, in a folder of our own."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "separation-bench"
