"""What a training says of itself at its beginning, when it goes on, and at its end."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from bench.registry import SAMPLE_RATE
from bench.training.settings import Limits, Standing, TrainingSettings, option_of
from bench.units import format_si


@dataclass(frozen=True)
class Beginning:
    """What a banner says beside the settings and the limits."""

    n_recordings: int  # of training and validation
    n_parameters: int
    step_macs: Mapping[str, int]  # of one training step, by the phase of the training
    device: str
    n_threads: int  # of each process
    n_processes: int
    folder: Path


def describe_beginning(settings: TrainingSettings, limits: Limits, beginning: Beginning) -> str:
    """The banner: network, corpus, mixtures, what a step is and costs, and when it ends."""
    macs = [format_si(macs, "MAC") for macs in beginning.step_macs.values()]
    if len(macs) > 1:
        macs = [f"{one} ({name})" for one, name in zip(macs, beginning.step_macs, strict=True)]
    form = "" if settings.runtime == "eager" else f" in its {settings.runtime} form"
    return (
        f"Training {settings.model}{form} ({beginning.n_parameters:,} parameters) on "
        f"{settings.corpus} "
        f"({beginning.n_recordings:,} recordings), on {_describe_means(beginning)}, into "
        f"{beginning.folder}\n"
        f"  a training step: {settings.batch} mixtures of {settings.n_src} sources and "
        f"{settings.n_samples / SAMPLE_RATE:g} s, {', then '.join(macs)}\n"
        f"  {_describe_validations(settings)}\n"
        f"  it ends at {_describe_limits(settings, limits)}"
    )


def _describe_validations(settings: TrainingSettings) -> str:
    mixtures = f"{settings.n_validation:,} mixtures"
    if settings.validations is None:
        return f"an epoch: {settings.steps_per_epoch:,} steps and a validation on {mixtures}"
    times = f"{settings.validations:,} equal shares of the training"
    return f"an epoch: {settings.steps_per_epoch:,} steps; validations on {mixtures} after {times}"


def _describe_means(beginning: Beginning) -> str:
    threads = f"{beginning.n_threads} thread{'s' * (beginning.n_threads > 1)}"
    if beginning.n_processes == 1:
        return f"{beginning.device} with {threads}"
    return f"{beginning.device}, {beginning.n_processes} processes with {threads} each"


def _describe_limits(settings: TrainingSettings, limits: Limits) -> str:
    n_steps = limits.epochs * settings.steps_per_epoch
    parts = [f"{limits.epochs:,} epochs ({n_steps:,} steps)"]
    if limits.steps is not None:
        parts.append(f"{limits.steps:,} steps")
    if limits.macs is not None:
        parts.append(format_si(limits.macs, "MAC"))
    if limits.wall_s is not None:
        parts.append(f"{limits.wall_s:,.0f} s, with the last validation")
    if limits.cpu_s is not None:
        parts.append(f"{limits.cpu_s:,.0f} s of processor time")
    return parts[0] if len(parts) == 1 else f"the first of {'; '.join(parts)}"


def describe_resumption(step: int, commit_before: str, commit: str) -> str:
    """Where it goes on, and whether other code brought it there."""
    text = f"Going on from step {step:,}."
    if commit_before != commit:
        text += (
            f" The state was written by commit {commit_before}, this is {commit}: the weights may "
            "not be those of an uninterrupted training."
        )
    return text


def describe_ending(at: Standing, limits: Limits, best_db: float | None) -> str:
    """Which limit ended a training, how to go on, how good it is, and whether it took too long."""
    shares = limits.shares(at)
    is_spent = limits.has_spent_processor_time(at) and max(shares.values()) < 1
    name = "cpu_s" if is_spent else max(shares, key=lambda one: shares[one])
    option = option_of(name)
    ended = "Ended" if is_spent else "Complete"
    sentences = [f"{ended} at step {at.step:,}: raise {option} {getattr(limits, name):g} to go on."]
    if best_db is not None:
        sentences.append(f"The best validation has an SI-SDRi of {best_db:.2f} dB.")
    if limits.wall_s is not None and at.wall_s > limits.wall_s:
        sentences.append(
            f"It took {at.wall_s:,.0f} s, of which a validation takes {at.validation_s:,.0f} s; "
            "--validation asks for fewer mixtures."
        )
    return " ".join(sentences)


def describe_interruption(step: int) -> str:
    """What an interrupted training leaves."""
    return f"Saved at step {step:,}; the same command goes on from there."
