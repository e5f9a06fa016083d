"""Metrics of trainings: JSON Lines, one line a report, raw and in SI units.

A line is written every so many training steps (without a validation value) and after each
validation (with one). Costs are sums since the training began, interruptions left out.

Schema versions:
    1  the first.
    2  also how much of the training was behind, and in which form the network was trained.
"""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Self

import msgspec

from bench.errors import UsageError
from bench.files import write_whole

SCHEMA = 2
METRICS_NAME = "metrics.jsonl"


@dataclass(frozen=True)
class TrainingLine:
    """Where a training stands."""

    model: str  # name in the registry, or dotted path of an own network
    corpus: str
    n_samples: int  # of one training mixture
    batch: int
    phase: str  # "separation", or "filterbank" for the first step of a two-step training
    step: int  # training steps so far
    epoch: int  # epochs begun before this step, from 0
    loss: float  # mean since the line before, in dB
    si_sdri_db: float | None  # mean over the validation mixtures; None between validations
    n_validation: int  # mixtures behind it
    learning_rate: float
    macs: int
    flops: int
    audio_s: float  # of training mixtures
    wall_s: float
    cpu_s: float  # of all processes together
    energy_j: float | None  # None where the machine has no counter
    share: float | None = None  # of the training that is behind, 0 to 1; None in schema 1
    runtime: str = "eager"  # or "native"

    def to_json(self) -> str:
        """One line, without its end."""
        return json.dumps({"schema": SCHEMA} | asdict(self))

    @classmethod
    def from_json(cls, text: str) -> Self:
        """The line that ``to_json`` wrote.

        Raises:
            ValueError: another schema, or a field that is missing or of another type; it is named.
        """
        fields = msgspec.json.decode(text)
        if not isinstance(fields, dict) or fields.get("schema") not in range(1, SCHEMA + 1):
            raise ValueError(f"not a line of schema 1 to {SCHEMA}")
        return msgspec.convert(fields, cls)


def read_training(path: Path) -> tuple[TrainingLine, ...]:
    """All complete lines of a file; one that a killed process left unfinished is left out.

    Raises:
        UsageError: the file can't be read, or a line before the last is none.
    """
    try:
        texts = path.read_text(encoding="utf-8").splitlines()
    except OSError as error:
        raise UsageError(f"No metrics can be read from {path}: {error.strerror}.") from error
    lines = []
    for number, text in enumerate(texts, start=1):
        try:
            lines.append(TrainingLine.from_json(text))
        except ValueError as error:
            if number == len(texts):
                break
            raise UsageError(f"{path}, line {number}, is not metrics: {error}.") from error
    return tuple(lines)


def rewind_training(path: Path, step: int, validated_step: int) -> None:
    """Keep the lines to ``step``, and validations to ``validated_step``: the rest comes again.

    Raises:
        OSError: the disk is full or gone.
    """
    lines = read_training(path) if path.exists() else ()
    kept = [
        line for line in lines if line.step <= (step if line.si_sdri_db is None else validated_step)
    ]
    write_whole(path, "".join(line.to_json() + "\n" for line in kept).encode())


def find_trainings(folder: Path) -> tuple[tuple[TrainingLine, ...], ...]:
    """Every training under a folder, in the order of their paths.

    Raises:
        UsageError: there is none, or one can't be read.
    """
    trainings = [read_training(path) for path in sorted(folder.rglob(METRICS_NAME))]
    if not any(trainings):
        raise UsageError(f"There are no trainings in {folder}. Train first: python -m bench.train")
    return tuple(filter(None, trainings))


def validations(lines: Sequence[TrainingLine]) -> tuple[TrainingLine, ...]:
    """The lines with a value of separation quality; those of a filterbank's training have none."""
    return tuple(
        line for line in lines if line.si_sdri_db is not None and line.phase == "separation"
    )
