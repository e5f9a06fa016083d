"""What a training is: the settings that decide the weights, and the limits that end it."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

from bench.errors import UsageError

Schedule = Literal["paper", "cosine"]
Precision = Literal["float32", "bfloat16"]
Form = Literal["eager", "native"]

LEAST_S = 1e-9  # for training steps, where a validation takes all of the time
DECAY_EPOCHS = 50  # paper, section 3.4: "decrease it by a factor of 5 every 50 epochs"
DECAY_FACTOR = 5.0
WARM_UP_SHARE = 0.03  # of a cosine schedule: Adam's moments are noise at first
LEAST_SHARE = 0.01  # of the learning rate, at the end of a cosine schedule

OPTIONS = {
    "factory": "--model",
    "n_samples": "--samples",
    "n_validation": "--validation",
    "epoch_size": "--epoch-size",
    "learning_rate": "--learning-rate",
    "max_norm": "--max-norm",
    "n_src": "--n-src",
    "steps": "--max-steps",
    "macs": "--max-macs",
    "wall_s": "--budget-s",
    "cpu_s": "--max-cpu-s",
}
"""What the user calls a field; the others have the field's own name."""


WITHOUT_A_WORD: Mapping[str, Any] = {
    "n_src": 2,
    "runtime": "eager",
    "average": False,
    "augment": False,
    "validations": None,
}
"""What code did that had no setting for it."""


def option_of(name: str) -> str:
    """The option of a field of the settings or limits."""
    return OPTIONS.get(name, f"--{name}")


@dataclass(frozen=True)
class TrainingSettings:
    """Decides the weights together with the code: a resumed training must have the same.

    The defaults are the paper's (sections 3.2 to 3.4), but for the gradient's norm, which the
    paper does not name.

    Raises:
        UsageError: a size below 1, a rate or norm not above 0 or infinite, a negative seed, fewer
            than two sources, or an epoch shorter than a batch.
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
    n_src: int = 2  # sources of a mixture; older states lack it and mean two
    runtime: Form = "eager"  # native: the network's own fast form; older states mean eager
    average: bool = False  # validate and keep the running mean of the weights
    augment: bool = False  # change the sources' speeds and gains
    validations: int | None = None  # at equal shares of the training; None: at each epoch's end

    def __post_init__(self) -> None:
        least = {
            "n_samples": 1,
            "batch": 1,
            "epoch_size": 1,
            "n_validation": 1,
            "seed": 0,
            "n_src": 2,
            "validations": 1,
        }
        for name, bound in least.items():
            value = getattr(self, name)
            if value is not None and value < bound:
                raise UsageError(f"{option_of(name)} must be at least {bound}, not {value}.")
        for name in ("learning_rate", "max_norm"):
            if not getattr(self, name) > 0:
                value = getattr(self, name)
                raise UsageError(f"{option_of(name)} must be above 0, not {value:g}.")
            if not math.isfinite(getattr(self, name)):
                raise UsageError(f"{option_of(name)} must be finite, not {getattr(self, name)}.")
        if self.epoch_size < self.batch:
            raise UsageError(
                f"An epoch of {self.epoch_size} mixtures has no batch of {self.batch}. "
                "Choose a longer --epoch-size or a smaller --batch."
            )

    @property
    def steps_per_epoch(self) -> int:
        """Whole batches; a rest is left out."""
        return self.epoch_size // self.batch


class Standing(NamedTuple):
    """How far a training has come, in the measures of its limits."""

    step: int
    steps_per_epoch: int
    macs: int
    wall_s: float
    validation_s: float = 0.0  # that the validation at the end will take
    cpu_s: float = 0.0


@dataclass(frozen=True)
class Limits:
    """A training ends at the first of these. They may differ when it is resumed.

    Processor time is a stop and no plan: how much of a training is behind, which a cosine's rate
    and its validations follow, does not depend on it, so the weights of a step don't either.

    Raises:
        UsageError: one of them is not above 0.
    """

    epochs: int = 120
    steps: int | None = None
    macs: int | None = None
    wall_s: float | None = None
    cpu_s: float | None = None  # of all processes

    def __post_init__(self) -> None:
        for name in ("epochs", "steps", "macs", "wall_s", "cpu_s"):
            limit = getattr(self, name)
            if limit is not None and not limit > 0:
                raise UsageError(f"{option_of(name)} must be above 0, not {limit:g}.")

    def shares(self, at: Standing) -> dict[str, float]:
        """How much of each limit is behind, by the limit's name.

        A validation still to come belongs to the time, so the steps end early enough for it.
        """
        shares = {"epochs": at.step / (self.epochs * at.steps_per_epoch)}
        if self.steps is not None:
            shares["steps"] = at.step / self.steps
        if self.macs is not None:
            shares["macs"] = at.macs / self.macs
        if self.wall_s is not None:
            shares["wall_s"] = at.wall_s / max(self.wall_s - at.validation_s, LEAST_S)
        return shares

    def share(self, at: Standing) -> float:
        """How much of the training is behind, 0 to 1: the largest share of any limit."""
        return min(1.0, max(self.shares(at).values()))

    def has_spent_processor_time(self, at: Standing) -> bool:
        """Whether it is over for that, however much of it is behind."""
        return self.cpu_s is not None and at.cpu_s >= self.cpu_s


def learning_rate(settings: TrainingSettings, epoch: int, share: float) -> float:
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


def advise(settings: TrainingSettings, step: int) -> str:
    """What to change after values that are not finite in the step after ``step``."""
    changes = []
    if step > 0:
        lower = f"{settings.learning_rate / 10:g}"
        changes.append(f"--learning-rate {lower} (it was {settings.learning_rate:g})")
    if step > 0 and settings.max_norm > TrainingSettings.max_norm:
        changes.append(f"--max-norm {TrainingSettings.max_norm:g} (it was {settings.max_norm:g})")
    if settings.precision != "float32":
        changes.append(f"--precision float32 (it was {settings.precision})")
    if changes:
        return f"Begin anew in another --output DIR with {' or '.join(changes)}."
    return (
        "No step was made before it, so it is not the settings: look at the network with its first "
        "weights, and at the recordings."
    )


def check_same_settings(settings: TrainingSettings, saved: Mapping[str, Any]) -> None:
    """See that a saved training had the same settings.

    Of those that the code which saved them did not have yet, some had one value then
    (``WITHOUT_A_WORD``); the others are not compared.

    Raises:
        UsageError: some differ; names the options of all of them.
    """
    before = dict(WITHOUT_A_WORD) | dict(saved)
    now = {name: getattr(settings, name) for name in before if hasattr(settings, name)}
    differing = [name for name in now if now[name] != before[name]]
    if "model" in differing and "factory" in differing:
        differing.remove("factory")  # the model's name says it
    if differing:
        differences = [
            "other recordings than --corpus DIR has now"
            if name == "recordings"
            else f"{option_of(name)} {before[name]}, not {now[name]}"
            for name in differing
        ]
        raise UsageError(
            f"The folder holds a training with {'; '.join(differences)}. Repeat its options to "
            "go on with it, or choose another --output DIR."
        )
