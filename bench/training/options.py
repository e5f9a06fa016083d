"""What bench.train is asked for: its options, and the settings and limits that they mean."""

import argparse
import os
from collections.abc import Sequence
from pathlib import Path

from bench.errors import UsageError
from bench.machine.description import available_cpus
from bench.registry import select_entries
from bench.training.settings import Limits, TrainingSettings

PAPER = {
    "task": "speech",
    "model": "sudormrf-0.25x",
    "samples": 32_000,
    "epochs": 120,
    "epoch_size": 20_000,
    "validation": 3_000,
    "batch": 4,
    "learning_rate": 1e-3,
    "schedule": "paper",
    "average": False,
    "augment": False,
}
SHORT = {"samples": 8_000, "batch": 2, "average": True}
"""For a small budget: found by make recipes (docs/training.md)."""
QUICK = {
    "task": "sounds",  # the shipped speech has too few voices to learn from
    "samples": 4_000,
    "epochs": 4,
    "epoch_size": 320,
    "validation": 40,
    "schedule": "cosine",
}


def parse_options(argv: Sequence[str] | None, program: str) -> argparse.Namespace:
    """The options; where none is given, the paper's (sections 3.2 to 3.4), short or quick ones.

    Ends the process at --help and at options that do not exist, as argparse does.
    """
    arguments = build_parser(program).parse_args(argv)
    short = SHORT if arguments.recipe == "short" else {}
    for name, value in (PAPER | (QUICK if arguments.quick else {}) | short).items():
        if getattr(arguments, name) is None:
            setattr(arguments, name, value)
    return arguments


def build_parser(program: str) -> argparse.ArgumentParser:
    """All options, in the groups that --help shows."""
    parser = argparse.ArgumentParser(
        prog=program,
        description="Train a separation network on mixtures of recordings. "
        "The same command goes on with a training that was interrupted.",
        epilog="Exit codes: 0 trained, 1 the loss is not finite, or memory or the disk is full, "
        "2 the request can't be met, 130 Ctrl-C, 143 SIGTERM.",
    )
    parser.add_argument(
        "--quick",
        action="store_true",
        help="other defaults, to see it work on the sounds that come with it (docs/training.md)",
    )
    parser.add_argument(
        "--recipe",
        choices=("paper", "short"),
        default="paper",
        help="short: other defaults, for a small budget (docs/training.md)",
    )
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
    add(
        "--model",
        metavar="NAME",
        help="of the registry, or package.module:function (default: sudormrf-0.25x)",
    )
    add("--n-src", type=int, default=2, metavar="N", help="sources of a mixture (default: 2)")
    add("--samples", type=int, metavar="N", help="length of a training mixture (default: 32000)")
    add("--batch", type=int, metavar="N", help="over all processes (default: 4)")
    add("--epoch-size", type=int, metavar="N", help="fresh mixtures (default: 20000)")
    add("--validation", type=int, metavar="N", help="mixtures of 4 s (default: 3000)")
    add("--validations", type=int, metavar="N", help="at N equal shares (default: each epoch)")
    add("--learning-rate", type=float, metavar="RATE", help="default: 0.001")
    add(
        "--schedule",
        choices=("paper", "cosine"),
        help="of the rate. paper: a fifth every 50 epochs; cosine: a warm-up, then down to the "
        "training's end (default: paper)",
    )
    add("--max-norm", type=float, default=5.0, metavar="NORM", help="of gradients (default: 5)")
    add("--precision", choices=("float32", "bfloat16"), default="float32", help="of the forward")
    add("--runtime", choices=("eager", "native"), default="eager", help="native: SuDoRM-RF, faster")
    on_or_off = argparse.BooleanOptionalAction
    add("--average", action=on_or_off, help="keep the running mean of the weights")
    add("--augment", action=on_or_off, help="change speeds by 10 %% and gains by 3 dB")
    add("--seed", type=int, default=0, metavar="N", help="default: 0")


def _add_limits(group: "argparse._ArgumentGroup") -> None:
    add = group.add_argument
    add("--epochs", type=int, metavar="N", help="default: 120")
    add("--max-steps", type=int, metavar="N", help="training steps")
    add("--max-macs", type=float, metavar="N", help="multiply-adds of the training steps")
    add("--max-cpu-s", type=float, metavar="S", help="processor seconds; the schedule ignores them")
    add(
        "--budget-s",
        type=float,
        metavar="S",
        help="seconds, with the last validation and earlier runs in DIR",
    )


def _add_means(group: "argparse._ArgumentGroup") -> None:
    add = group.add_argument
    add("--device", choices=("cpu", "cuda", "auto"), default="auto", help="default: auto")
    add("--threads", type=int, default=default_threads(), metavar="N", help="default: %(default)s")
    add("--save-s", type=float, default=60.0, metavar="S", help="between states (default: 60)")
    add("--tensorboard", action="store_true", help="write curves into DIR/tensorboard")


def default_threads() -> int:
    """This process's share of the processors, of those that torchrun started on this machine."""
    return max(1, available_cpus() // int(os.environ.get("LOCAL_WORLD_SIZE", "1")))


def choose_settings(arguments: argparse.Namespace, corpus: str) -> TrainingSettings:
    """What decides the weights.

    Raises:
        UsageError: a value out of its range, not exactly one network, or one that is known to
            return another number of sources.
    """
    entry, *others = select_entries([arguments.model])
    if others:
        raise UsageError(f"{arguments.model!r} names several networks; name one model to train.")
    if entry.n_src not in (None, arguments.n_src):
        raise UsageError(
            f"{entry.name} returns {entry.n_src} sources, not {arguments.n_src}. Give --n-src "
            f"{entry.n_src}, or a network of your own with {arguments.n_src}: --model "
            "package.module:function."
        )
    return TrainingSettings(
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
        n_src=arguments.n_src,
        runtime=arguments.runtime,
        average=arguments.average,
        augment=arguments.augment,
        validations=arguments.validations,
    )


def choose_limits(arguments: argparse.Namespace) -> Limits:
    """What ends the training.

    Raises:
        UsageError: a limit that is not above 0.
    """
    return Limits(
        epochs=arguments.epochs,
        steps=arguments.max_steps,
        macs=arguments.max_macs,
        wall_s=arguments.budget_s,
        cpu_s=arguments.max_cpu_s,
    )
