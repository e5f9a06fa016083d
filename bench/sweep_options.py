"""What can be asked of ``bench.sweep``: the grid, the time, and where it goes."""

import argparse
import math
import re
from collections.abc import Callable
from pathlib import Path

from bench.errors import UsageError
from bench.grid import Grid
from bench.machine.description import available_cpus
from bench.plan import DTYPES
from bench.results.workload import Phase

RANGE = re.compile(r"(\d+):(\d+):(x\d+(?:\.\d+)?|\+\d+)", re.ASCII)
DURATION = re.compile(r"(\d+(?:\.\d+)?)(s|m|h|)", re.ASCII)
SECONDS = {"": 1.0, "s": 1.0, "m": 60.0, "h": 3600.0}
MOST_SIZES = 100
"""In one option."""
FORM = "sizes such as 4000,8000, or a range: 4000:256000:x2 doubles, 8000:64000:+8000 adds 8000"


def build_parser(program: str) -> argparse.ArgumentParser:
    """Which networks at which sizes, and for how long."""
    parser = argparse.ArgumentParser(
        prog=program,
        description="Measure how time and memory grow with length, batch and threads; tell the "
        "memory of each cell before it is measured, and leave out what would not fit.",
        epilog="Exit codes: 0 all measured, 1 a cell was not, 2 nothing measured, "
        "130 Ctrl-C, 143 SIGTERM.",
    )
    parser.add_argument(
        "--models",
        nargs="+",
        default=["table1"],
        metavar="NAME",
        help="names, patterns, or package.module:function (default: table1)",
    )
    parser.add_argument(
        "--samples",
        default="4000:256000:x2",
        metavar="SIZES",
        help=f"lengths: {FORM} (default: 4000:256000:x2)",
    )
    parser.add_argument(
        "--batch", default="1", metavar="SIZES", help="mixtures at once, such as 1,2,4 (default: 1)"
    )
    parser.add_argument(
        "--threads",
        default="1",
        metavar="SIZES",
        help=f"such as 1,2; `all` is every processor, here {available_cpus()} (default: 1)",
    )
    parser.add_argument(
        "--dtype",
        default="float32",
        metavar="NAMES",
        help=f"of {','.join(DTYPES)} (default: float32)",
    )
    parser.add_argument(
        "--phase",
        choices=("inference", "update", "both"),
        default="inference",
        help="a forward, a training step, or both (default: inference)",
    )
    parser.add_argument("--device", choices=("cpu", "cuda"), default="cpu", help="default: cpu")
    parser.add_argument(
        "--time",
        default="10m",
        metavar="TIME",
        help="for everything, such as 90s, 10m or 1h; small cells come first, and what does not "
        "fit is named (default: 10m)",
    )
    parser.add_argument(
        "--resume",
        action="store_true",
        help="go on with the newest sweep in DIR: measure only what it has not measured "
        "(where there is none, begin); --time is then for the rest",
    )
    parser.add_argument(
        "--records", type=Path, metavar="RECORDS.jsonl", help="render these, measure nothing"
    )
    parser.add_argument(
        "--output", type=Path, default=Path("reports"), metavar="DIR", help="default: reports"
    )
    return parser


def read_grid(arguments: argparse.Namespace) -> Grid:
    """The grid that was asked for.

    Raises:
        UsageError: an option that is no list of sizes, an unknown dtype, or a grid without a cell.
    """
    phases: dict[str, tuple[Phase, ...]] = {
        "inference": ("inference",) if arguments.device == "cpu" else ("gpu_inference",),
        "update": ("update",),
    }
    phases["both"] = phases["inference"] + phases["update"]
    n_cpus = available_cpus()
    return Grid(
        samples=read_sizes("--samples", arguments.samples),
        batches=read_sizes("--batch", arguments.batch),
        threads=read_sizes("--threads", re.sub(r"\ball\b", str(n_cpus), arguments.threads)),
        dtypes=read_dtypes(arguments.dtype),
        phases=phases[arguments.phase],
        device=arguments.device,
    )


def read_sizes(option: str, text: str) -> tuple[int, ...]:
    """Whole numbers from lists and ranges, each once, in their order.

    Raises:
        UsageError: it is none, a size is below 1, a range is empty or has no end.
    """
    sizes: list[int] = []
    for part in filter(None, (part.strip() for part in text.split(","))):
        if part.isascii() and part.isdecimal():
            sizes.append(int(part))
        elif found := RANGE.fullmatch(part):
            sizes += _read_range(option, part, *found.groups())
        else:
            raise UsageError(f"{option} takes {FORM}; not {part!r}.")
    if not sizes:
        raise UsageError(f"{option} names no size, so the grid has no cell. It takes {FORM}.")
    if min(sizes) < 1:
        raise UsageError(f"{option} must be at least 1, not {min(sizes)}.")
    return tuple(dict.fromkeys(sizes))


def _read_range(option: str, text: str, start: str, stop: str, step: str) -> list[int]:
    first, last = int(start), int(stop)
    if first < 1:
        raise UsageError(f"{option} must be at least 1, not {first} as in {text!r}.")
    if first > last:
        raise UsageError(
            f"{option}: the range {text!r} holds no size, because {first} is above {last}. "
            f"It takes {FORM}."
        )
    grow = _step(step)
    if grow(first) <= first:
        raise UsageError(f"{option}: the range {text!r} does not grow. It takes {FORM}.")
    sizes = [first]
    while len(sizes) <= MOST_SIZES and (following := grow(sizes[-1])) <= last:
        sizes.append(following)
    if len(sizes) > MOST_SIZES:
        raise UsageError(f"{option}: the range {text!r} holds more than {MOST_SIZES} sizes.")
    return sizes


def _step(text: str) -> Callable[[int], int]:
    """From one size to the next: ``x2`` or ``+8000``."""
    if text.startswith("+"):
        return lambda size: size + int(text[1:])
    return lambda size: round(size * float(text[1:]))


def read_dtypes(text: str) -> tuple[str, ...]:
    """Names of dtypes, separated by commas.

    Raises:
        UsageError: an unknown one, or none.
    """
    names = [name for part in text.split(",") if (name := part.strip())]
    wrong = [name for name in names if name not in DTYPES]
    if wrong or not names:
        raise UsageError(
            f"--dtype takes some of {', '.join(DTYPES)}, separated by commas; not "
            f"{(wrong or [text])[0]!r}."
        )
    return tuple(dict.fromkeys(names))


def read_time_s(text: str) -> float:
    """Seconds.

    Raises:
        UsageError: no such length of time, or one of 0.
    """
    found = DURATION.fullmatch(text.strip())
    seconds = float(found[1]) * SECONDS[found[2]] if found else 0.0
    if not 0 < seconds < math.inf:
        raise UsageError(f"--time takes a time above 0 such as 90s, 10m or 1h; not {text!r}.")
    return seconds
