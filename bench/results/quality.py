"""Evaluations of separation quality: scores of mixtures, and the record that sums them up.

Records are JSON Lines like those of measurements, with a schema of their own.

Schema versions:
    1  the first.
"""

import json
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal, NamedTuple, Self

import numpy as np

from bench.errors import UsageError
from bench.files import append_line

SCHEMA = 1
N_RESAMPLES = 2000
CONFIDENCE = 0.95

EVALUATIONS = Path("quality") / "evaluations.jsonl"
"""Where evaluations stand in a folder of reports."""

Kind = Literal["network", "reference", "estimates", "mixture", "oracle"]


class MixtureScore(NamedTuple):
    """One mixture: means over its sources, in dB."""

    number: int  # from 0
    labels: tuple[str, ...]
    snr_db: float  # power of the first source over that of the second
    input_db: float  # SI-SDR of the mixture
    output_db: float  # SI-SDR of the estimates
    improvement_db: float


@dataclass(frozen=True)
class EvaluationRecord:
    """What came of one evaluation."""

    separator: str  # name in the registry, or of a folder, or "mixture", "ideal ratio mask"
    kind: Kind
    corpus: str
    task: str
    split: str
    mixtures_digest: str  # equal for equal sets of mixtures
    n_mixtures: int
    n_pairs: int  # of labels; the interval is over them
    si_sdri_mean_db: float
    si_sdri_median_db: float
    si_sdri_low_db: float | None  # 95 % bootstrap interval of the mean; None with one pair
    si_sdri_high_db: float | None
    input_mean_db: float
    output_mean_db: float
    n_without_leaks: int  # mixtures without labels that are known to leak between splits
    si_sdri_without_leaks_db: float | None
    training: Mapping[str, Any] | None  # as the checkpoint says; None where nothing was trained
    code: Mapping[str, Any]
    started_at: str  # ISO 8601, UTC
    schema: int = SCHEMA

    @property
    def mixtures(self) -> tuple[str, str, str]:
        """What it was evaluated on: figures of equal mixtures may be compared."""
        return self.corpus, self.split, self.mixtures_digest

    @property
    def trained_on(self) -> str | None:
        """The corpus of the training, where one is known."""
        return (self.training or {}).get("corpus")

    @property
    def is_of_other_corpus(self) -> bool:
        """Whether it was trained on another corpus than it was evaluated on."""
        return self.trained_on not in (None, self.corpus)

    def to_json(self) -> str:
        """One line of a record file."""
        return json.dumps(asdict(self), allow_nan=False)

    @classmethod
    def from_json(cls, line: str) -> Self:
        """The record that a line holds.

        Raises:
            ValueError: not JSON, of another schema, or with a field missing or unknown.
        """
        fields = json.loads(line)
        if not isinstance(fields, dict) or fields.get("schema") != SCHEMA:
            raise ValueError(f"not an evaluation of schema {SCHEMA}")
        try:
            return cls(**fields)
        except TypeError as error:
            raise ValueError(f"not a whole evaluation: {error}") from error


class Summary(NamedTuple):
    """Mean, median and the interval of the mean, in dB."""

    mean_db: float
    median_db: float
    low_db: float | None
    high_db: float | None
    n_pairs: int


def summarize_scores(scores: Sequence[MixtureScore], seed: int = 0) -> Summary:
    """Mean and median improvement, and a bootstrap interval of the mean (Efron 1979).

    Mixtures of one pair of labels resemble each other, so whole pairs are drawn with replacement,
    not mixtures. Pairs share labels, which this leaves out: the interval is somewhat narrow.
    """
    improvements = np.array([score.improvement_db for score in scores])
    _, which = np.unique([" ".join(sorted(s.labels)) for s in scores], return_inverse=True)
    counts = np.bincount(which)
    sums = np.bincount(which, weights=improvements)
    low = high = None
    if len(counts) > 1:
        random = np.random.default_rng(seed)
        drawn = random.integers(len(counts), size=(N_RESAMPLES, len(counts)))
        means = sums[drawn].sum(1) / counts[drawn].sum(1)
        tail = (1 - CONFIDENCE) / 2
        low, high = (float(limit) for limit in np.quantile(means, [tail, 1 - tail]))
    mean, median = float(improvements.mean()), float(np.median(improvements))
    return Summary(mean, median, low, high, len(counts))


def mean_without(scores: Iterable[MixtureScore], labels: Iterable[str]) -> tuple[int, float | None]:
    """How many mixtures have none of the labels, and their mean improvement in dB."""
    shunned = set(labels)
    kept = [score.improvement_db for score in scores if not shunned & set(score.labels)]
    return len(kept), (float(np.mean(kept)) if kept else None)


def append_evaluation(path: Path, record: EvaluationRecord) -> None:
    """Write one record and wait until it is on the disk.

    Raises:
        UsageError: it can't be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        append_line(path, record.to_json())
    except OSError as error:
        raise UsageError(
            f"The evaluation can't be written to {path}: {error.strerror or error}. "
            "Choose another folder with --output DIR."
        ) from error


def read_evaluations(path: Path) -> tuple[EvaluationRecord, ...]:
    """The evaluations of a file, the newest of each separator on each set of mixtures.

    Lines that are none, as a full disk or a killed process leaves them, are named on standard error
    and left out.

    Raises:
        UsageError: there is no such file.
    """
    newest: dict[tuple[str, ...], EvaluationRecord] = {}
    try:
        lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError as error:
        raise UsageError(
            f"No evaluations can be read from {path}: {error.strerror}. "
            "Make some with python -m bench.evaluate."
        ) from error
    for number, line in enumerate(lines, start=1):
        try:
            record = EvaluationRecord.from_json(line)
        except ValueError as error:
            sys.stderr.write(f"{path}, line {number}, is left out: {error}.\n")
            continue
        newest[record.separator, record.kind, *record.mixtures] = record
    return tuple(newest.values())


def pick_own(evaluations: Iterable[EvaluationRecord]) -> dict[tuple[str, str], EvaluationRecord]:
    """By network and task, the evaluation of a trained network that tables show.

    Of several one that was trained on the corpus it is evaluated on, of those that on the most
    test mixtures, and of those the last.
    """
    chosen: dict[tuple[str, str], EvaluationRecord] = {}
    for record in evaluations:
        if record.kind == "network" and record.split == "test":
            before = chosen.get((record.separator, record.task))
            if before is None or _fitness(record) >= _fitness(before):
                chosen[record.separator, record.task] = record
    return chosen


def _fitness(record: EvaluationRecord) -> tuple[bool, int]:
    return record.trained_on == record.corpus, record.n_mixtures
