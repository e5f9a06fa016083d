"""python -m bench.train: train a network on mixtures of recordings; the same command goes on.

Writes into DIR: model.safetensors (the weights of the best validation), state.pt (all that the
next step depends on) and metrics.jsonl. torchrun starts it in several processes.

Exit codes: 0 trained to a limit; 1 the loss is not finite, or memory or the disk is full (the
last good state is kept); 2 the request can't be met; 130 Ctrl-C and 143 SIGTERM (the state is
saved).
"""

import argparse
import sys
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import replace
from typing import TYPE_CHECKING

from bench.command import name_program, run_command
from bench.corpora.readers import read_corpus
from bench.errors import EXIT_OK, EXIT_STOPPED, TrainingStoppedError, UsageError
from bench.machine.description import describe_code
from bench.machine.own_pages import keep_own_pages
from bench.training.options import choose_limits, choose_settings, parse_options

if TYPE_CHECKING:  # torch is imported after --help has had its answer
    from bench.render.terminal.training import TrainingProgress
    from bench.training.batches import Prepared
    from bench.training.folder import TrainingFolder
    from bench.training.training import Training


def main(argv: Sequence[str] | None = None) -> int:
    """Parse, train, and turn every ending into an exit code."""
    arguments = parse_options(argv, name_program("train"))
    if argv is None:  # the program itself, and no call of it
        keep_own_pages()
    kept = "A state that was saved before is whole; the same command goes on from it."
    return run_command(lambda: train(arguments), kept)


def train(arguments: argparse.Namespace) -> int:
    """The whole job: build, resume, train, and say how it ended."""
    import torch
    from rich.console import Console

    from bench.networks.device import choose_device
    from bench.networks.full_memory import full_memory_as, where_is_more
    from bench.render.terminal.training import show_training
    from bench.training.batches import open_mixtures
    from bench.training.folder import open_folder
    from bench.training.interruption import notice_interruption
    from bench.training.parallel import join_group, local_rank
    from bench.training.start import start_training

    corpus = read_corpus(arguments.corpus, arguments.task)
    settings, limits = choose_settings(arguments, corpus.name), choose_limits(arguments)
    if arguments.threads < 1:
        raise UsageError(f"--threads must be at least 1, not {arguments.threads}.")
    torch.set_num_threads(arguments.threads)
    with ExitStack() as stack:
        device = choose_device(arguments.device, local_rank())
        group = stack.enter_context(join_group(device))
        console = Console(stderr=True, quiet=not group.leads)
        progress = stack.enter_context(show_training(console))
        means = arguments.cache, arguments.skip_bad, progress.decoding
        prepared = open_mixtures(corpus, settings, group, *means)
        settings = replace(settings, recordings=prepared.digest)
        interruption = stack.enter_context(notice_interruption())
        elsewhere = where_is_more(device.type)
        with full_memory_as(UsageError, "The weights", f"You can {elsewhere}."):
            training = start_training(
                settings, limits, device, group, lambda: interruption.exit_code != 0
            )
        folder = stack.enter_context(open_folder(arguments.output, group.leads))
        try:
            announce(training, prepared, folder, progress)
            run(arguments, training, prepared, folder, progress)
        except TrainingStoppedError as error:
            if group.leads:
                progress.say(f"error: {error} {folder.describe()}")
            else:  # its display is quiet, and the others may know nothing of it
                sys.stderr.write(f"error, in process {group.rank}: {error}\n")
            return EXIT_STOPPED
    return interruption.exit_code or EXIT_OK


def announce(
    training: "Training",
    prepared: "Prepared",
    folder: "TrainingFolder",
    progress: "TrainingProgress",
) -> None:
    """Take up the state that is there, if any, and say what begins or goes on."""
    import torch

    from bench.render.terminal.announcements import (
        Beginning,
        describe_beginning,
        describe_resumption,
    )

    for problem in prepared.left_out:
        progress.say(f"Left out: {problem}")
    code = folder.resume(training)
    names = [phase.name for phase in training.phases]
    beginning = Beginning(
        n_recordings=prepared.n_recordings,
        n_parameters=sum(weights.numel() for weights in training.model.parameters()),
        step_macs=dict(zip(names, [one.macs for one in training.operations], strict=True)),
        device=str(training.device),
        n_threads=torch.get_num_threads(),
        n_processes=training.group.size,
        folder=folder.path,
    )
    progress.say(describe_beginning(training.settings, training.limits, beginning))
    if code is not None:
        commits = code["commit"], describe_code().commit
        progress.say(describe_resumption(training.position.step, *commits))


def run(
    arguments: argparse.Namespace,
    training: "Training",
    prepared: "Prepared",
    folder: "TrainingFolder",
    progress: "TrainingProgress",
) -> None:
    """Train to a limit or an interruption, and say which.

    Raises:
        TrainingStoppedError: the loss is not finite, or memory or the disk is full.
    """
    from bench.networks.full_memory import full_memory_as
    from bench.render.terminal.announcements import describe_ending, describe_interruption
    from bench.training.curves import Curves
    from bench.training.loop import Observer, run_training

    observers: list[Observer] = [progress]
    if arguments.tensorboard and training.group.leads:
        observers.append(Curves(arguments.output / "tensorboard"))
    with full_memory_as(TrainingStoppedError, *describe_batch(training)):
        run_training(training, prepared.mixtures, folder, tuple(observers), arguments.save_s)
    position = training.position
    if training.is_stopping:
        progress.say(describe_interruption(position.step))
    else:
        progress.say(describe_ending(training.standing, training.limits, position.best_db))


def describe_batch(training: "Training") -> tuple[str, str]:
    """What is held at once, and what to do where that is too much."""
    from bench.networks.full_memory import where_is_more

    settings = training.settings
    return (
        f"The intermediate results of {settings.batch} mixtures",
        f"Begin anew in another --output DIR with a smaller --batch (it was {settings.batch}) or "
        f"--samples (it was {settings.n_samples}), or {where_is_more(training.device.type)}.",
    )


if __name__ == "__main__":
    sys.exit(main())
