"""Scores of separated mixtures, and what sums them up."""

from collections.abc import Iterable, Sequence
from statistics import fmean
from typing import NamedTuple

import numpy as np

N_RESAMPLES = 2000
CONFIDENCE = 0.95


class SourceScore(NamedTuple):
    """One source of a mixture and the estimate that stands for it."""

    label: str
    estimate: int  # its number among those that the separator returned, from 1
    input_db: float  # SI-SDR of the mixture
    output_db: float  # SI-SDR of the estimate

    @property
    def improvement_db(self) -> float:
        """What the estimate gains over the mixture."""
        return self.output_db - self.input_db


class MixtureScore(NamedTuple):
    """One mixture, by its sources."""

    number: int  # from 0
    snr_db: float  # power of the first source over that of the others together
    sources: tuple[SourceScore, ...]

    @property
    def labels(self) -> tuple[str, ...]:
        """Of its sources, in their order."""
        return tuple(source.label for source in self.sources)

    @property
    def input_db(self) -> float:
        """Mean over the sources."""
        return fmean(source.input_db for source in self.sources)

    @property
    def output_db(self) -> float:
        """Mean over the sources."""
        return fmean(source.output_db for source in self.sources)

    @property
    def improvement_db(self) -> float:
        """Mean over the sources."""
        return fmean(source.improvement_db for source in self.sources)


class QualitySummary(NamedTuple):
    """Mean, median and the interval of the mean, in dB."""

    mean_db: float
    median_db: float
    low_db: float | None
    high_db: float | None
    n_pairs: int


class Mean(NamedTuple):
    """A mean over mixtures, and its bootstrap interval where there are several sets of labels."""

    mean_db: float
    low_db: float | None
    high_db: float | None
    n_pairs: int


def bootstrap_mean(values_db: Sequence[float], labels: Sequence[str], seed: int = 0) -> Mean:
    """The mean over mixtures with its bootstrap interval (Efron 1979); ``labels`` says of what.

    Mixtures of the same labels (of a pair, where there are two sources) resemble each other, so
    whole pairs are drawn with replacement, not mixtures. Pairs share labels, which this leaves
    out: the interval is somewhat narrow.
    """
    values = np.array(values_db)
    _, which = np.unique(labels, return_inverse=True)
    counts = np.bincount(which)
    sums = np.bincount(which, weights=values)
    low = high = None
    if len(counts) > 1:
        random = np.random.default_rng(seed)
        drawn = random.integers(len(counts), size=(N_RESAMPLES, len(counts)))
        means = sums[drawn].sum(1) / counts[drawn].sum(1)
        tail = (1 - CONFIDENCE) / 2
        low, high = (float(limit) for limit in np.quantile(means, [tail, 1 - tail]))
    return Mean(float(values.mean()), low, high, len(counts))


def summarize_scores(scores: Sequence[MixtureScore], seed: int = 0) -> QualitySummary:
    """Mean and median improvement, and the interval of the mean."""
    improvements = [score.improvement_db for score in scores]
    labels = [" ".join(sorted(score.labels)) for score in scores]
    mean = bootstrap_mean(improvements, labels, seed)
    median = float(np.median(improvements))
    return QualitySummary(mean.mean_db, median, mean.low_db, mean.high_db, mean.n_pairs)


def mean_without(scores: Iterable[MixtureScore], labels: Iterable[str]) -> tuple[int, float | None]:
    """How many mixtures have none of the labels, and their mean improvement in dB."""
    shunned = set(labels)
    kept = [score.improvement_db for score in scores if not shunned & set(score.labels)]
    return len(kept), (float(np.mean(kept)) if kept else None)
