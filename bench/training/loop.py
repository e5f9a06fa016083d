"""The loop of a training: steps, validations, lines of metrics, saved states."""

import time
from collections.abc import Callable, Iterator
from typing import Protocol

import torch
from torch import Tensor

from bench.errors import TrainingStoppedError
from bench.evaluation.metric import score_estimates
from bench.measuring.contract import check_estimates
from bench.results.record import CellError
from bench.results.training import TrainingLine
from bench.training.batches import Batch, Mixtures
from bench.training.folder import TrainingFolder
from bench.training.parallel import sum_over_processes
from bench.training.settings import advise
from bench.training.training import Position, Training

LINE_STEPS = 50  # between two lines of metrics


class Observer(Protocol):
    """Is told what happens; of steps and lines, only in the process that leads."""

    def step(self, position: Position, audio_s: float) -> None:
        """After each step."""

    def validating(self, n_done: int, n_mixtures: int) -> None:
        """At the beginning of a validation and after each batch."""

    def line(self, line: TrainingLine) -> None:
        """After each line of metrics."""


def run_training(
    training: Training,
    data: Mixtures,
    folder: TrainingFolder,
    observers: tuple[Observer, ...],
    save_s: float,
    clock: Callable[[], float] = time.monotonic,
) -> None:
    """Train to the first limit, or until one of the processes wants to stop.

    The state is saved every ``save_s`` seconds, at each epoch's end and at the end.

    Raises:
        TrainingStoppedError: the loss is not finite, or the disk is full.
    """
    position, leads = training.position, training.group.leads
    training.agree_on_share()
    saved_at = clock()
    batches: Iterator[Batch] | None = None
    while not training.is_over and not training.is_stopping:
        if training.validation_is_due:
            if not _validate(training, data, folder, observers):
                break
            continue  # it may have taken the rest of the time
        if position.batches == training.settings.steps_per_epoch:
            batches = None
            if not _end_epoch(training, data, folder, observers):
                break
            continue  # and so may its validation
        training.advance_phase()
        batches = batches or data.train(position.epoch, position.batches)
        training.update(*next(batches))
        if leads:
            for observer in observers:
                observer.step(position, training.audio_s)
            if position.step % LINE_STEPS == 0:
                _report(training, folder, observers, None)
            if clock() - saved_at >= save_s:
                folder.save(training)
                saved_at = clock()
    if not training.is_stopping and position.validated_step != position.step:
        _validate(training, data, folder, observers)
    if leads:
        folder.save(training)


def _end_epoch(
    training: Training, data: Mixtures, folder: TrainingFolder, observers: tuple[Observer, ...]
) -> bool:
    """Validate, if epochs are when to, and go on to the next; False when that was broken off."""
    position = training.position
    is_due = training.settings.validations is None and position.validated_step != position.step
    if is_due and not _validate(training, data, folder, observers):
        return False
    position.epoch += 1
    position.batches = 0
    if training.group.leads:
        folder.save(training)
    return True


def _validate(
    training: Training, data: Mixtures, folder: TrainingFolder, observers: tuple[Observer, ...]
) -> bool:
    position, began_s = training.position, training.position.wall_s
    improvement = measure_improvement(training, data, observers)
    if improvement is None:
        return False
    position.validated_step = position.step
    position.validation_s = position.wall_s - began_s
    training.agree_on_share()  # the next validation takes its time too
    position.validated_share = position.share
    if training.group.leads:
        line = _report(training, folder, observers, improvement)
        is_last_phase = position.phase == len(training.phases) - 1
        if is_last_phase and (position.best_db is None or improvement > position.best_db):
            position.best_db = improvement
            folder.keep_best(training, line)
    return True


def measure_improvement(
    training: Training, data: Mixtures, observers: tuple[Observer, ...] = ()
) -> float | None:
    """Mean SI-SDRi (dB) over the validation mixtures; None when it was broken off.

    What it takes is part of the training's time and not of its operations.

    Raises:
        TrainingStoppedError: the estimates are not finite.
    """
    total, count = 0.0, 0
    n_mixtures, at_once = training.settings.n_validation, data.validated_at_once
    training.kept.eval()
    for observer in observers:
        observer.validating(0, n_mixtures)
    for number, batch in enumerate(data.validation(), start=1):
        if batch is not None:
            mixture, sources = (part.to(training.device) for part in batch)
            with torch.inference_mode():
                estimates = _estimate(training, mixture, sources)
                scores = score_estimates(estimates, mixture, sources)
            total += float(scores.improvement_db.sum())
            count += mixture.shape[0]
        spent = training.meter.read()
        message = torch.tensor(
            [float(training.wants_stop()), *spent.share()],
            dtype=torch.float64,
            device=training.device,
        )
        stop, *shares = sum_over_processes(message, training.group).tolist()
        training.spend(spent.of_all(*shares))
        if stop > 0:
            training.is_stopping = True
            return None
        for observer in observers:
            observer.validating(min(number * at_once, n_mixtures), n_mixtures)
    sums = torch.tensor([total, count], dtype=torch.float64, device=training.device)
    total, count = sum_over_processes(sums, training.group).tolist()
    return float(total / count)


def _estimate(training: Training, mixture: Tensor, sources: Tensor) -> Tensor:
    position = training.position
    try:
        return check_estimates(training.estimate(mixture, sources), mixture)
    except CellError as error:
        raise TrainingStoppedError(
            f"At the validation after step {position.step}: {error} "
            f"{advise(training.settings, position.step)}"
        ) from error


def _report(
    training: Training,
    folder: TrainingFolder,
    observers: tuple[Observer, ...],
    si_sdri_db: float | None,
) -> TrainingLine:
    position, settings = training.position, training.settings
    line = TrainingLine(
        model=settings.model,
        corpus=settings.corpus,
        n_samples=settings.n_samples,
        batch=settings.batch,
        phase=training.phase_name,
        step=position.step,
        epoch=position.epoch,
        loss=training.mean_loss(),
        si_sdri_db=si_sdri_db,
        n_validation=settings.n_validation,
        learning_rate=position.learning_rate,
        macs=position.macs,
        flops=position.flops,
        audio_s=training.audio_s,
        wall_s=position.wall_s,
        cpu_s=position.cpu_s,
        energy_j=position.energy_j,
        share=position.share,
        runtime=settings.runtime,
    )
    folder.record(line)
    for observer in observers:
        observer.line(line)
    return line
