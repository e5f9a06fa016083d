"""Mixtures drawn from a corpus (paper, section 3.2).

Two labels (or more), a 4 s crop of each, a random signal-to-noise ratio; the means are removed, and
mixture and sources are divided by the mixture's standard deviation. Every mixture is a pure
function of corpus, split, seed, epoch and index.

Arithmetic: samples are 16-bit integers, so that their sum over a crop is exact in float64 in
whatever order they are added. What is left is one subtraction, one multiplication and one rounding
to float32 a sample, which IEEE 754 fixes. Gains need powers of fractions and of ten, which it does
not fix to the last bit; manifests store them.
"""

import zlib
from collections import defaultdict
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path
from typing import NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

from bench.corpora.audio import Advance, AudioStore
from bench.corpora.corpus import Corpus, Recording, Split
from bench.errors import UsageError
from bench.registry import SAMPLE_RATE

Chosen = TypeVar("Chosen")

MAX_TRIES = 100  # redraws of a crop that is silent


class Mixture(NamedTuple):
    """A mixture ``[time]`` and its sources ``[n_src, time]``, float32.

    Each source has zero mean; the mixture is their sum to the bit and has unit variance.
    """

    mixture: NDArray[np.float32]
    sources: NDArray[np.float32]


class Piece(NamedTuple):
    """Part of a recording, and where it stands in the crop (samples at 8 kHz)."""

    path: str
    start: int
    n_samples: int
    at: int


@dataclass(frozen=True)
class Part:
    """One source of a mixture: what it is made of, and its gain on 16-bit samples."""

    label: str
    pieces: tuple[Piece, ...]
    gain: float


@dataclass(frozen=True)
class Plan:
    """All that is random about a mixture."""

    snr_db: float  # power of the first source over that of the second, over the whole crop
    parts: tuple[Part, ...]
    n_samples: int


class Mixer:
    """Draws mixtures of one split.

    Raises:
        UsageError: the split has not as many labels that may be mixed as a mixture has sources,
            or its audio can't be used.
    """

    def __init__(
        self,
        corpus: Corpus,
        split: Split,
        seed: int = 0,
        *,
        cache: Path | None = None,
        skip_bad: bool = False,
        advance: Advance = lambda n_done, n_files: None,
    ) -> None:
        recordings = corpus.of_split(split)
        self.corpus, self.seed, self.recipe = corpus, seed, corpus.recipe
        self.store = AudioStore(corpus.root, recordings, cache, skip_bad=skip_bad, advance=advance)
        self._stream = zlib.crc32(split.encode())
        self._by_label: dict[str, list[Recording]] = defaultdict(list)
        self._by_group: dict[tuple[str, str], list[Recording]] = defaultdict(list)
        self.recordings = tuple(one for one in recordings if one.path in self.store)
        for recording in self.recordings:
            self._by_label[recording.label].append(recording)
            self._by_group[recording.label, recording.group].append(recording)
        self._partners = _find_partners(self._by_label, corpus)
        self._partner_sets = {label: set(found) for label, found in self._partners.items()}
        self._labels = [label for label in sorted(self._partners) if self._can_complete((label,))]
        if not self._labels:
            n_src = self.recipe.n_src
            raise UsageError(
                f"The split {split!r} of the corpus in {corpus.root} has {len(self._by_label)} "
                f"labels and no {n_src} that may be mixed. A mixture of {n_src} sources needs them."
            )

    def draw(self, epoch: int, index: int) -> Mixture:
        """Mixture number ``index`` of an epoch, always the same."""
        return realize(self.plan(epoch, index), self.store)

    def plan(self, epoch: int, index: int) -> Plan:
        """What mixture number ``index`` of an epoch is made of.

        The label is drawn first, then the recording: labels have uneven amounts of audio.

        Raises:
            UsageError: nothing but silence was drawn, many times over.
        """
        random = np.random.default_rng([self.seed, self._stream, epoch, index])
        for _ in range(MAX_TRIES):
            labels = self._draw_labels(random)
            pieces = [tuple(self._choose(random, label)) for label in labels]
            limit_db, n_samples = self.recipe.snr_db, self.recipe.n_samples
            snrs_db = [float(random.uniform(-limit_db, limit_db)) for _ in labels[1:]]
            crops = [_centre(assemble(choice, n_samples, self.store)) for choice in pieces]
            gains = _choose_gains(crops, snrs_db)
            if gains:
                return Plan(snrs_db[0], tuple(map(Part, labels, pieces, gains)), n_samples)
        raise UsageError(
            f"{MAX_TRIES} crops in a row were silent in the corpus in {self.corpus.root}."
        )

    def _draw_labels(self, random: np.random.Generator) -> tuple[str, ...]:
        """Labels that may all be mixed with each other; drawn again where a choice was a dead end.

        Every first label can be completed, so it ends.
        """
        while True:
            labels: tuple[str, ...] = (_pick(random, self._labels),)
            while candidates := self._candidates(labels):
                labels += (_pick(random, candidates),)
                if len(labels) == self.recipe.n_src:
                    return labels

    def _candidates(self, labels: tuple[str, ...]) -> list[str]:
        """Labels that may be mixed with all of these, in a fixed order."""
        first, *others = labels
        sets = [self._partner_sets[label] for label in others]
        return [one for one in self._partners[first] if all(one in found for found in sets)]

    def _can_complete(self, labels: tuple[str, ...]) -> bool:
        """Whether there are enough others that may be mixed with these and with each other."""
        return len(labels) == self.recipe.n_src or any(
            self._can_complete((*labels, one)) for one in self._candidates(labels)
        )

    def _choose(self, random: np.random.Generator, label: str) -> list[Piece]:
        """A window on one recording, or on events of one label and group joined with gaps."""
        n_samples = self.recipe.n_samples
        recording = _pick(random, self._by_label[label])
        length = self.store.length(recording.path)
        pieces = [Piece(recording.path, 0, length, 0)]
        if self.recipe.max_gap_s is not None and length < n_samples:
            others = self._by_group[label, recording.group]
            for number in random.permutation(len(others)):
                if length >= 2 * n_samples:  # enough for the window to begin anywhere in it
                    break
                if others[number].path != recording.path:
                    length += int(random.integers(int(self.recipe.max_gap_s * SAMPLE_RATE) + 1))
                    path = others[number].path
                    pieces.append(Piece(path, 0, self.store.length(path), length))
                    length += pieces[-1].n_samples
        if length >= n_samples:
            return _look_through(pieces, int(random.integers(length - n_samples + 1)), n_samples)
        return _look_through(pieces, -int(random.integers(n_samples - length + 1)), n_samples)


def _find_partners(labelled: dict[str, list[Recording]], corpus: Corpus) -> dict[str, list[str]]:
    """For each label those that it may be mixed with; labels without any are left out."""
    families = {label: {one.family for one in found} for label, found in labelled.items()}
    partners = {
        label: [
            other
            for other in sorted(labelled)
            if not families[label] & families[other] and {label, other} not in corpus.apart
        ]
        for label in labelled
    }
    return {label: found for label, found in partners.items() if found}


def _choose_gains(crops: list[NDArray[np.float64]], snrs_db: list[float]) -> list[float]:
    """Gains that put the first crop so far over each other one, and the mixture's power to one.

    None at all where a crop or the mixture is silent. Sums go through the crops in order, so that
    they come out the same to the bit.
    """
    first, *others = powers = [float(crop @ crop) for crop in crops]
    if not all(powers):
        return []
    gains = [1.0]
    for power, snr_db in zip(others, snrs_db, strict=True):
        gains.append((first / power) ** 0.5 * 10 ** (-snr_db / 20))
    mixed = 0.0
    for gain, power in zip(gains, powers, strict=True):
        mixed += gain * gain * power
    for one, other in combinations(range(len(crops)), 2):
        mixed += 2 * gains[one] * gains[other] * float(crops[one] @ crops[other])
    scale = (len(crops[0]) / mixed) ** 0.5 if mixed > 0 else 0.0
    return [gain * scale for gain in gains] if scale else []


def _pick(random: np.random.Generator, choices: list[Chosen]) -> Chosen:
    return choices[int(random.integers(len(choices)))]


def _look_through(pieces: list[Piece], begin: int, n_samples: int) -> list[Piece]:
    """What a window that begins there sees; a begin below zero leaves silence before."""
    seen = []
    for piece in pieces:
        at = max(piece.at - begin, 0)
        skipped = max(begin - piece.at, 0)
        length = min(piece.n_samples - skipped, n_samples - at)
        if length > 0:
            seen.append(Piece(piece.path, piece.start + skipped, length, at))
    return seen


def assemble(
    pieces: list[Piece] | tuple[Piece, ...], n_samples: int, store: AudioStore
) -> NDArray[np.float64]:
    """The pieces at their places with silence around, in 16-bit steps: ``[time]``."""
    crop = np.zeros(n_samples)
    for path, start, length, at in pieces:
        crop[at : at + length] = store[path][start : start + length]
    return crop


def _centre(crop: NDArray[np.float64]) -> NDArray[np.float64]:
    centred: NDArray[np.float64] = crop - crop.sum() / len(crop)
    return centred


def realize(plan: Plan, store: AudioStore) -> Mixture:
    """The mixture that a plan describes, the same to the bit on any machine."""
    sources = np.stack(
        [
            (_centre(assemble(part.pieces, plan.n_samples, store)) * part.gain).astype(np.float32)
            for part in plan.parts
        ]
    )
    mixture = sources[0]
    for source in sources[1:]:
        mixture = mixture + source
    return Mixture(mixture, sources)
