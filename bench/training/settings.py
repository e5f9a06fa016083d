"""What a training is: the settings that decide the weights, and the limits that end it."""

import math
from dataclasses import dataclass
from typing import Literal

from bench.errors import UsageError

Schedule = Literal["paper", "cosine"]
Precision = Literal["float32", "bfloat16"]

DECAY_EPOCHS = 50  # paper, section 3.4: "decrease it by a factor of 5 every 50 epochs"
DECAY_FACTOR = 5.0
WARM_UP_SHARE = 0.03  # of a cosine schedule: Adam's moments are noise at first
LEAST_SHARE = 0.01  # of the learning rate, at the end of a cosine schedule


@dataclass(frozen=True)
class Settings:
    """Decides the weights together with the code: a resumed training must have the same.

    The defaults are the paper's (sections 3.2 to 3.4), but for the gradient's norm, which the
    paper does not name.

    Raises:
        UsageError: a size below 1, a rate or norm not above 0, an infinite rate, a negative seed,
            or an epoch shorter than a batch.
    """

    model: str
    factory: str  # "package.module:function"
    corpus: str  # what the mixtures are of; named in every line and checkpoint
    n_samples: int = 32_000  # of one training mixture
    batch: int = 4  # over all processes
    epoch_size: int = 20_000  # fresh mixtures
    n_validation: int = 3_000
    learning_rate: float = 1e-3
    schedule: Schedule = "paper"
    max_norm: float = 5.0  # gradients longer than this are cut to it
    precision: Precision = "float32"
    seed: int = 0
    recordings: str = ""  # digest of those that can be used; older states lack it

    def __post_init__(self) -> None:
        for name in ("n_samples", "batch", "epoch_size", "n_validation"):
            if getattr(self, name) < 1:
                raise UsageError(f"{name} must be at least 1, not {getattr(self, name)}.")
        for name in ("learning_rate", "max_norm"):
            if not getattr(self, name) > 0:
                raise UsageError(f"{name} must be above 0, not {getattr(self, name)}.")
        if not math.isfinite(self.learning_rate):
            raise UsageError(f"learning_rate must be finite, not {self.learning_rate}.")
        if self.seed < 0:
            raise UsageError(f"seed must be at least 0, not {self.seed}.")
        if self.epoch_size < self.batch:
            raise UsageError(
                f"An epoch of {self.epoch_size} mixtures has no batch of {self.batch}. "
                "Choose a longer --epoch-size or a smaller --batch."
            )

    @property
    def steps_per_epoch(self) -> int:
        """Whole batches; a rest is left out."""
        return self.epoch_size // self.batch


@dataclass(frozen=True)
class Limits:
    """A training ends at the first of these. They may differ when it is resumed.

    Raises:
        UsageError: one of them is not above 0.
    """

    epochs: int = 120
    steps: int | None = None
    macs: int | None = None
    wall_s: float | None = None

    def __post_init__(self) -> None:
        for name in ("epochs", "steps", "macs", "wall_s"):
            limit = getattr(self, name)
            if limit is not None and not limit > 0:
                raise UsageError(f"The limit {name} must be above 0, not {limit}.")

    def share(self, step: int, steps_per_epoch: int, macs: int, wall_s: float) -> float:
        """How much of the training is behind, 0 to 1: the largest share of any limit."""
        spent: list[tuple[float, float | None]] = [
            (step, self.epochs * steps_per_epoch),
            (step, self.steps),
            (macs, self.macs),
            (wall_s, self.wall_s),
        ]
        return min(1.0, max(amount / limit for amount, limit in spent if limit is not None))


def learning_rate(settings: Settings, epoch: int, share: float) -> float:
    """The rate of a step: the paper's stairs over epochs, or a cosine over the whole training.

    ``share`` is how much of the training (of its present phase) is behind, 0 to 1.
    """
    if settings.schedule == "paper":
        return float(settings.learning_rate / DECAY_FACTOR ** (epoch // DECAY_EPOCHS))
    if share < WARM_UP_SHARE:
        return settings.learning_rate * max(LEAST_SHARE, share / WARM_UP_SHARE)
    descent = (share - WARM_UP_SHARE) / (1 - WARM_UP_SHARE)
    wave = (1 + math.cos(math.pi * descent)) / 2
    return settings.learning_rate * (LEAST_SHARE + (1 - LEAST_SHARE) * wave)
