"""Evaluations of separation quality, and their file: JSON Lines like those of measurements.

Schema versions:
    1  the first: what was evaluated is known by its name alone.
    2  also by a digest of its weights; a name that the user gave; the number of sources.
    3  the interval is for other labels than these, and there is their number. Intervals of older
       lines, which were for other pairs of the same labels, are made anew from the scores.
"""

import json
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal, Self

import msgspec

from bench.errors import UsageError
from bench.files import append_line
from bench.results.environment import Code
from bench.results.score_files import Evaluated, Files, find_gains, read_gains
from bench.results.scores import mean_over_labels

SCHEMA = 3

EVALUATIONS = Path("quality") / "evaluations.jsonl"
"""Where evaluations stand in a folder of reports."""

Kind = Literal["network", "reference", "estimates", "mixture", "oracle"]
"""``reference``: a network with weights that the authors of SuDoRM-RF published."""


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
    n_pairs: int  # of labels
    si_sdri_mean_db: float
    si_sdri_median_db: float
    si_sdri_low_db: float | None  # 95 % interval of the mean; None with few labels
    si_sdri_high_db: float | None
    input_mean_db: float
    output_mean_db: float
    n_without_leaks: int  # mixtures without labels that are known to leak between splits
    si_sdri_without_leaks_db: float | None
    training: Mapping[str, Any] | None  # as the checkpoint says; None where nothing was trained
    code: Code
    started_at: str  # ISO 8601, UTC
    name: str | None = None  # that the user gave
    digest: str | None = None  # of the weights, or of a folder's path; None in schema 1
    n_src: int = 2
    n_labels: int | None = None  # voices or classes; None in older lines without their scores
    schema: int = SCHEMA

    @property
    def mixtures(self) -> tuple[str, str, str]:
        """What it was evaluated on: values of equal mixtures may be compared."""
        return self.corpus, self.split, self.mixtures_digest

    @property
    def subject(self) -> tuple[str, Kind, str | None]:
        """What was evaluated: two trainings of one network are two."""
        return self.separator, self.kind, self.digest

    @property
    def evaluated(self) -> Evaluated:
        """What its file of scores is of."""
        return Evaluated(self.digest, self.corpus, self.split)

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
        return json.dumps(msgspec.to_builtins(self), allow_nan=False)

    @classmethod
    def from_json(cls, line: str) -> Self:
        """The record that a line of any schema holds; of an older one without its interval.

        Raises:
            ValueError: not JSON, of another schema, or with a field that is missing or of another
                type; it is named.
        """
        record = msgspec.json.decode(line, type=cls)
        if record.schema not in range(1, SCHEMA + 1):
            raise ValueError(f"it has schema {record.schema}; this code reads 1 to {SCHEMA}")
        if record.schema < 3:
            record = replace(record, si_sdri_low_db=None, si_sdri_high_db=None)
        return replace(record, schema=SCHEMA)


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
    """The evaluations of a file, the newest of each subject on each set of mixtures.

    Lines that are none, as a full disk or a killed process leaves them, are named on standard error
    and left out.

    Raises:
        UsageError: there is no such file.
    """
    newest: dict[tuple[str | None, ...], EvaluationRecord] = {}
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
        newest[*record.subject, *record.mixtures] = record
    if all(record.n_labels is not None for record in newest.values()):
        return tuple(newest.values())
    files = read_gains(path.parent)
    return tuple(_with_interval(record, files) for record in newest.values())


def _with_interval(record: EvaluationRecord, files: Files) -> EvaluationRecord:
    """A record of an older schema with the interval that its file of scores gives today."""
    if record.n_labels is not None:
        return record
    gains = find_gains(files, record.evaluated, record.si_sdri_mean_db)
    if gains is None:
        return record
    values = [gain.improvement_db for gain in gains.values()]
    mean = mean_over_labels(values, [gain.labels for gain in gains.values()])
    return replace(
        record,
        si_sdri_low_db=mean.low_db,
        si_sdri_high_db=mean.high_db,
        n_labels=mean.n_labels,
    )


def pick_own(evaluations: Iterable[EvaluationRecord]) -> dict[tuple[str, str], EvaluationRecord]:
    """By network and task, the evaluation of a trained network that tables show.

    Of several one that was trained on the corpus it is evaluated on, of those one without a name
    that the user gave (such a row is of a training that is shown apart), of those that on the most
    test mixtures, and of those the last. The paper's tables are of two sources, so others are not
    shown beside them.
    """
    chosen: dict[tuple[str, str], EvaluationRecord] = {}
    for record in evaluations:
        if record.kind == "network" and record.split == "test" and record.n_src == 2:
            before = chosen.get((record.separator, record.task))
            if before is None or _fitness(record) >= _fitness(before):
                chosen[record.separator, record.task] = record
    return chosen


def _fitness(record: EvaluationRecord) -> tuple[bool, bool, int]:
    return record.trained_on == record.corpus, record.name is None, record.n_mixtures


def read_own(folder: Path) -> Mapping[tuple[str, str], EvaluationRecord]:
    """The evaluations in a folder of reports that tables show; none where there are none.

    Raises:
        UsageError: they can't be read.
    """
    evaluations = folder / EVALUATIONS
    return pick_own(read_evaluations(evaluations)) if evaluations.exists() else {}
