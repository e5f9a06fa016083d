"""The options of bench.run, and the settings that they mean."""

import argparse
import math
import re
from dataclasses import replace
from pathlib import Path

from bench.errors import UsageError
from bench.machine.description import available_cpus
from bench.plan import DTYPES, EFFORTS, Effort, Settings

DEVICE = re.compile(r"cpu|cuda(:\d+)?|auto", re.ASCII)


def build_parser(program: str) -> argparse.ArgumentParser:
    """What to measure, on what, for how long, and where the reports go.

    ``program`` is what the user typed to start it.
    """
    parser = argparse.ArgumentParser(
        prog=program,
        description="Measure operations, parameters, peak memory and time of separation networks "
        "and write table1.md, table1.csv and the Pareto figure.",
        epilog="Exit codes: 0 all measured, 1 a cell failed, 2 nothing measured, "
        "130 Ctrl-C, 143 SIGTERM.",
    )
    parser.add_argument(
        "--models",
        nargs="+",
        default=["all"],
        metavar="NAME",
        help="`table1` or `all` (its seven), `table2` (its nine), `family` (every SuDoRM-RF), "
        "`zoo` (of other packages), names, patterns such as 'sudormrf-*', or file.py:function of "
        "your own (default: all)",
    )
    parser.add_argument("--list", action="store_true", help="show all names and exit")
    parser.add_argument(
        "--device",
        type=read_device,
        default="auto",
        metavar="{cpu,cuda,cuda:N,auto}",
        help="where the training step (B) runs; with cuda inference is measured there too, beside "
        "that on the CPU. cuda:1 is the second of the GPUs that CUDA sees (default: auto)",
    )
    parser.add_argument("--samples", type=int, default=8000, help="length (default: 8000)")
    parser.add_argument("--batch", type=int, default=1, help="mixtures at once (default: 1)")
    parser.add_argument(
        "--threads",
        type=read_threads,
        default=[1],
        metavar="N[,N]",
        help="threads of a measuring process; `all` is every processor available, here "
        f"{available_cpus()}. Several, such as 1,all, are runs of their own: the reports of those "
        "after the first go to DIR/threads-N (default: 1, which neighbours disturb least)",
    )
    add_precision(parser)
    parser.add_argument(
        "--effort",
        choices=tuple(EFFORTS),
        default="standard",
        help="how long to measure (default: standard, some minutes)",
    )
    parser.add_argument(
        "--time",
        type=float,
        metavar="S",
        help="to spend on times, instead of what --effort gives them "
        f"(standard: {EFFORTS['standard'].time_s:g} s)",
    )
    parser.add_argument(
        "--roofline",
        action="store_true",
        help="after each round of inference on the CPU, measure what its matrix products and "
        "bytes take by themselves; write roofline.md, .csv and the figure",
    )
    parser.add_argument("--seed", type=int, default=0, help="of the weights (default: 0)")
    parser.add_argument(
        "--resume",
        action="store_true",
        help="go on with the newest run in DIR: measure only what it has not measured "
        "(where there is none, begin)",
    )
    parser.add_argument(
        "--output",
        type=Path,
        metavar="DIR",
        help="where reports and records/ go (default: reports, or reports/GPU with a GPU)",
    )
    parser.add_argument(
        "--beside",
        type=Path,
        metavar="DIR",
        help="print ratios of times beside those of the newest run of the same networks in DIR",
    )
    return parser


def read_device(text: str) -> str:
    """A device, with the number of a GPU where there is one.

    Raises:
        ArgumentTypeError: something else.
    """
    if not DEVICE.fullmatch(text):
        raise argparse.ArgumentTypeError(f"cpu, cuda, cuda:N or auto, not {text!r}")
    return text


def add_precision(parser: argparse.ArgumentParser) -> None:
    """How exactly networks compute."""
    parser.add_argument(
        "--dtype",
        choices=DTYPES,
        default="float32",
        help="amp-: float32 parameters, and autocast (default: float32)",
    )
    parser.add_argument(
        "--tf32",
        choices=("off", "on"),
        default="off",
        help="whether a GPU may round the factors of float32 products to 10 bits (default: off)",
    )


def read_threads(text: str) -> list[int]:
    """Numbers of threads, separated by commas; ``all`` is every processor available.

    Raises:
        ArgumentTypeError: something else.
    """
    parts = text.split(",")
    if wrong := [part for part in parts if part != "all" and not part.isdecimal()]:
        raise argparse.ArgumentTypeError(f"a number of threads or `all`, not {wrong[0]!r}")
    return [available_cpus() if part == "all" else int(part) for part in parts]


def read_settings(arguments: argparse.Namespace) -> list[Settings]:
    """One for each number of threads, with the training step on the CPU.

    Raises:
        UsageError: a number that means nothing.
    """
    effort = read_effort(arguments)
    return [
        Settings(
            update_device="cpu",
            n_samples=arguments.samples,
            batch=arguments.batch,
            dtype=arguments.dtype,
            threads=threads,
            seed=arguments.seed,
            effort=effort,
            tf32=arguments.tf32 == "on",
            roofline=arguments.roofline,
        )
        for threads in dict.fromkeys(arguments.threads)
    ]


def read_effort(arguments: argparse.Namespace) -> Effort:
    """How much time to take, by ``--effort`` and ``--time``.

    Raises:
        UsageError: no time at all.
    """
    effort, time_s = EFFORTS[arguments.effort], arguments.time
    if time_s is None:
        return effort
    if not 0 < time_s < math.inf:
        raise UsageError(f"--time must be above 0 s and finite, not {time_s:g}.")
    return replace(effort, time_s=time_s)
