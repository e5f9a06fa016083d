"""Scores of separated mixtures, and what sums them up."""

from collections.abc import Iterable, Sequence
from statistics import fmean, median
from typing import NamedTuple

CONFIDENCE = 0.95
MIN_LABELS = 10
"""Of fewer voices or classes an interval for others of their kind can't be told."""


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
    n_labels: int


class Mean(NamedTuple):
    """A mean over mixtures, and its 95 % interval where there are enough labels."""

    mean_db: float
    low_db: float | None
    high_db: float | None
    n_pairs: int  # different sets of labels
    n_labels: int


def mean_over_labels(values_db: Sequence[float], labels: Sequence[Sequence[str]]) -> Mean:
    """The mean over mixtures with its interval; ``labels`` has those of each mixture's sources.

    The interval is for other voices or classes of their kind. Mixtures that share one are not
    independent, so the variance of the mean sums the products of residuals over all pairs of
    mixtures with a label in common (Aronow, Samii and Assenova 2015, "Cluster-robust variance
    estimation for dyadic data"), and never less than over those with all labels in common.
    Student's t has one degree of freedom less than there are labels, and ``(n - 1) / (n - 3)``
    makes up for residuals of a mean that was fitted to few of them.
    """
    import numpy as np  # here: commands that compute nothing start without them
    from scipy.special import stdtrit

    values = np.array(values_db)
    names, places = np.unique([name for one in labels for name in one], return_inverse=True)
    sizes = [len(one) for one in labels]
    has = np.zeros((len(values), len(names)), dtype=bool)
    has[np.repeat(np.arange(len(values)), sizes), places] = True
    sets, which = np.unique(has, axis=0, return_inverse=True)
    mean, n_labels = float(values.mean()), len(names)
    if n_labels < MIN_LABELS:
        return Mean(mean, None, None, len(sets), n_labels)
    residuals = np.bincount(which.ravel(), weights=values - mean)
    shares_a_label = sets.astype(float) @ sets.T > 0
    few = (n_labels - 1) / (n_labels - 3)
    together = few * (residuals @ shares_a_label @ residuals)
    variance = max(together, residuals @ residuals) / len(values) ** 2
    half = float(stdtrit(n_labels - 1, (1 + CONFIDENCE) / 2) * variance**0.5)
    return Mean(mean, mean - half, mean + half, len(sets), n_labels)


def summarize_scores(scores: Sequence[MixtureScore]) -> QualitySummary:
    """Mean and median improvement, and the interval of the mean."""
    improvements = [score.improvement_db for score in scores]
    mean = mean_over_labels(improvements, [score.labels for score in scores])
    return QualitySummary(mean.mean_db, median(improvements), *mean[1:])


def mean_without(scores: Iterable[MixtureScore], labels: Iterable[str]) -> tuple[int, float | None]:
    """How many mixtures have none of the labels, and their mean improvement in dB."""
    shunned = set(labels)
    kept = [score.improvement_db for score in scores if not shunned & set(score.labels)]
    return len(kept), (fmean(kept) if kept else None)
