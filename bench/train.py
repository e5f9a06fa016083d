"""python -m bench.train: train a network on mixtures of recordings; the same command goes on.

Writes into DIR: model.safetensors (the weights of the best validation), state.pt (all that the
next step depends on) and metrics.jsonl. torchrun starts it in several processes.

Exit codes: 0 trained to a limit; 1 the loss is not finite or the disk is full (the last good
state is kept); 2 the request can't be met; 130 Ctrl-C and 143 SIGTERM (the state is saved).
"""

import argparse
import os
import sys
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bench.command import name_program, run_command
from bench.corpora.readers import read_corpus
from bench.errors import EXIT_OK, EXIT_STOPPED, TrainingStoppedError, UsageError
from bench.machine.description import available_cpus, describe_code
from bench.registry import select_entries
from bench.training.settings import Limits, Settings

if TYPE_CHECKING:
    from bench.training.loop import Observer
    from bench.training.parallel import Group

PAPER = {
    "task": "speech",
    "model": "sudormrf-0.25x",
    "samples": 32_000,
    "epochs": 120,
    "epoch_size": 20_000,
    "validation": 3_000,
    "schedule": "paper",
}
QUICK = PAPER | {
    "task": "sounds",  # the shipped speech has too few voices to learn from
    "samples": 4_000,
    "epochs": 4,
    "epoch_size": 320,
    "validation": 40,
    "schedule": "cosine",
}


def build_parser() -> argparse.ArgumentParser:
    """The command line; the defaults are the paper's (sections 3.2 to 3.4)."""
    parser = argparse.ArgumentParser(
        prog=name_program("train"),
        description="Train a separation network on mixtures of two recordings. "
        "The same command goes on with a training that was interrupted.",
        epilog="Exit codes: 0 trained, 1 the loss is not finite or the disk is full, "
        "2 the request can't be met, 130 Ctrl-C, 143 SIGTERM.",
    )
    parser.add_argument("--quick", action="store_true", help=f"other defaults: {QUICK}")
    parser.add_argument(
        "--output", type=Path, default=Path("training"), metavar="DIR", help="default: training"
    )
    _add_corpus(parser.add_argument_group("recordings"))
    _add_settings(parser.add_argument_group("what decides the weights"))
    _add_limits(parser.add_argument_group("the training ends at the first of"))
    _add_means(parser.add_argument_group("with what it runs"))
    return parser


def _add_corpus(group: "argparse._ArgumentGroup") -> None:
    add = group.add_argument
    add("--corpus", type=Path, metavar="DIR", help="default: the few that come with it")
    add("--task", choices=("speech", "sounds"), help="default: speech")
    add("--cache", type=Path, metavar="DIR", help="for decoded audio")
    add("--skip-bad", action="store_true", help="leave out files that can't be used")


def _add_settings(group: "argparse._ArgumentGroup") -> None:
    add = group.add_argument
    add("--model", metavar="NAME", help="a name of the registry or package.module:function")
    add("--samples", type=int, metavar="N", help="length of a training mixture (default: 32000)")
    add("--batch", type=int, default=4, metavar="N", help="over all processes (default: 4)")
    add("--epoch-size", type=int, metavar="N", help="fresh mixtures (default: 20000)")
    add("--validation", type=int, metavar="N", help="mixtures of 4 s (default: 3000)")
    add("--learning-rate", type=float, default=1e-3, metavar="RATE", help="default: 0.001")
    add("--schedule", choices=("paper", "cosine"), help="a fifth every 50 epochs, or to the end")
    add("--max-norm", type=float, default=5.0, metavar="NORM", help="of gradients (default: 5)")
    add("--precision", choices=("float32", "bfloat16"), default="float32", help="of the forward")
    add("--seed", type=int, default=0, metavar="N", help="default: 0")


def _add_limits(group: "argparse._ArgumentGroup") -> None:
    add = group.add_argument
    add("--epochs", type=int, metavar="N", help="default: 120")
    add("--max-steps", type=int, metavar="N", help="update steps")
    add("--max-macs", type=float, metavar="N", help="multiply-adds of the update steps")
    add("--budget-s", type=float, metavar="S", help="seconds, earlier runs in DIR included")


def _add_means(group: "argparse._ArgumentGroup") -> None:
    add = group.add_argument
    add("--device", choices=("cpu", "cuda", "auto"), default="auto", help="default: auto")
    add("--threads", type=int, default=default_threads(), metavar="N", help="default: %(default)s")
    add("--save-s", type=float, default=60.0, metavar="S", help="between states (default: 60)")
    add("--tensorboard", action="store_true", help="write curves into DIR/tensorboard")


def default_threads() -> int:
    """This process's share of the processors, of those that torchrun started on this machine."""
    return max(1, available_cpus() // int(os.environ.get("LOCAL_WORLD_SIZE", "1")))


def main(argv: Sequence[str] | None = None) -> int:
    """Parse, train, and turn every ending into an exit code."""
    arguments = build_parser().parse_args(argv)
    for name, value in (QUICK if arguments.quick else PAPER).items():
        if getattr(arguments, name) is None:
            setattr(arguments, name, value)
    kept = "The last saved state, if any, is whole; the same command goes on from it."
    return run_command(lambda: train(arguments), kept)


def choose_settings(arguments: argparse.Namespace, corpus: str) -> Settings:
    """What decides the weights.

    Raises:
        UsageError: a value out of its range, or not exactly one network.
    """
    entry, *others = select_entries([arguments.model])
    if others:
        raise UsageError(f"{arguments.model!r} names several networks; name one model to train.")
    return Settings(
        model=entry.name,
        factory=entry.factory,
        corpus=corpus,
        n_samples=arguments.samples,
        batch=arguments.batch,
        epoch_size=arguments.epoch_size,
        n_validation=arguments.validation,
        learning_rate=arguments.learning_rate,
        schedule=arguments.schedule,
        max_norm=arguments.max_norm,
        precision=arguments.precision,
        seed=arguments.seed,
    )


def choose_limits(arguments: argparse.Namespace) -> Limits:
    """What ends the training."""
    return Limits(
        epochs=arguments.epochs,
        steps=arguments.max_steps,
        macs=arguments.max_macs,
        wall_s=arguments.budget_s,
    )


def train(arguments: argparse.Namespace) -> int:
    """The whole job: build, resume, train, and say how it ended."""
    import torch  # after --help has had its answer

    from bench.networks.device import choose_device
    from bench.training.batches import open_mixtures
    from bench.training.folder import open_folder
    from bench.training.interruption import notice_interruption
    from bench.training.loop import run_training
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
        prepared = open_mixtures(corpus, settings, group, arguments.cache, arguments.skip_bad)
        settings = replace(settings, recordings=prepared.digest)
        for problem in prepared.left_out if group.leads else ():
            print(f"Left out: {problem}", file=sys.stderr)
        interruption = stack.enter_context(notice_interruption())
        training = start_training(
            settings, limits, device, group, lambda: interruption.exit_code != 0
        )
        folder = stack.enter_context(open_folder(arguments.output, group.leads))
        code = folder.resume(training)
        if code is not None and group.leads:
            announce_resumption(training.position.step, code)
        observers = choose_observers(arguments, group, stack)
        try:
            run_training(training, prepared.mixtures, folder, observers, arguments.save_s)
        except TrainingStoppedError as error:
            print(f"error: {error}", file=sys.stderr)
            return EXIT_STOPPED
    return interruption.exit_code or EXIT_OK


def announce_resumption(step: int, code: Mapping[str, Any]) -> None:
    """Say where it goes on, and whether other code brought it there."""
    print(f"Going on from step {step}.", file=sys.stderr)
    commit = describe_code().commit
    if code["commit"] != commit:
        print(
            f"The state was written by commit {code['commit']}, this is {commit}: the weights may "
            "not be those of an uninterrupted training.",
            file=sys.stderr,
        )


def choose_observers(
    arguments: argparse.Namespace, group: "Group", stack: ExitStack
) -> "tuple[Observer, ...]":
    """Who is told how it goes: the console, and TensorBoard when asked for."""
    from bench.render.terminal.training import show_training
    from bench.training.curves import Curves

    if not group.leads:
        return ()
    shown: list[Observer] = [stack.enter_context(show_training())]
    if arguments.tensorboard:
        shown.append(Curves(arguments.output / "tensorboard"))
    return tuple(shown)


if __name__ == "__main__":
    sys.exit(main())
