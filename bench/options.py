"""The options of bench.run, and the settings that they mean."""

import argparse
import math
import re
from collections.abc import Iterable, Sequence
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path

from bench.errors import UsageError
from bench.machine.description import available_cpus
from bench.machine.instructions import NO_BFLOAT16, has_bfloat16
from bench.plan import DTYPES, EFFORTS, Effort, Settings
from bench.registry import Entry
from bench.results.shard import Shard, deal
from bench.results.summary import choose_base
from bench.runtimes import RUNTIMES, Runtime

DEVICE = re.compile(r"cpu|cuda(:\d+)?|auto", re.ASCII)
SHARD = re.compile(r"(-?\d+)/(-?\d+)", re.ASCII)


def build_parser(program: str) -> argparse.ArgumentParser:
    """What to measure, on what, for how long, and where the reports go.

    ``program`` is what the user typed to start it.
    """
    parser = argparse.ArgumentParser(
        prog=program,
        description="Measure operations, parameters, peak memory and time of separation networks "
        "and write tables (Markdown, CSV, JSON, LaTeX), figures and index.html.",
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
    parser.add_argument(
        "--precision",
        "--dtype",
        type=read_names,
        default=["float32"],
        metavar="NAME[,NAME]",
        help=f"{', '.join(DTYPES)}; amp-: float32 parameters, and autocast; or int8, in runtimes "
        "that have it. Several are forms of one run, as several runtimes are (default: float32)",
    )
    add_tf32(parser)
    parser.add_argument(
        "--runtime",
        type=read_names,
        default=["eager"],
        metavar="NAME[,NAME]",
        help=f"{', '.join(RUNTIMES)}. With any but eager, or several precisions, only inference is "
        "measured, on the CPU or with --device cuda on a GPU, each form beside eager float32, and "
        "runtimes.md is written (default: eager)",
    )
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
    parser.add_argument(
        "--energy",
        action="store_true",
        help="after all times, measure joules for each second of audio, where a counter tells "
        "them: about a minute for each network and phase; write energy.md and .csv",
    )
    parser.add_argument(
        "--exact",
        action="store_true",
        help="counts and memory only, no times; other programs may run beside it",
    )
    parser.add_argument(
        "--shard",
        type=read_shard,
        metavar="I/N",
        help="measure the I-th of N parts of these networks, and the reference beside each; "
        "bench.report puts their files together",
    )
    parser.add_argument("--seed", type=int, default=0, help="of the weights (default: 0)")
    add_own(parser)
    return parser


def add_own(parser: argparse.ArgumentParser) -> None:
    """What is of the machine where a run is started, and of no other that measures for it."""
    parser.add_argument(
        "--launcher",
        choices=("ray",),
        help="measure on the nodes of a Ray cluster: every kind of machine measures all networks, "
        "spread over its nodes (docs/clusters.md)",
    )
    parser.add_argument(
        "--address",
        metavar="HOST:PORT",
        help="of the cluster's head (default: RAY_ADDRESS, or a cluster found on this machine)",
    )
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


def arguments_for_nodes(typed: Sequence[str], threads: int) -> tuple[str, ...]:
    """What was typed, without what is of this machine alone, on so many threads."""
    own = argparse.ArgumentParser(add_help=False)
    add_own(own)
    return *own.parse_known_args(typed)[1], "--threads", str(threads)


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
    add_tf32(parser)


def add_tf32(parser: argparse.ArgumentParser) -> None:
    """How exactly a GPU multiplies in float32."""
    parser.add_argument(
        "--tf32",
        choices=("off", "on"),
        default="off",
        help="whether a GPU may round the factors of float32 products to 10 bits (default: off)",
    )


def read_names(text: str) -> list[str]:
    """Names, separated by commas, each once."""
    return list(dict.fromkeys(text.split(",")))


def read_threads(text: str) -> list[int]:
    """Numbers of threads, separated by commas; ``all`` is every processor available.

    Raises:
        ArgumentTypeError: something else.
    """
    parts = text.split(",")
    if wrong := [part for part in parts if part != "all" and not part.isdecimal()]:
        raise argparse.ArgumentTypeError(f"a number of threads or `all`, not {wrong[0]!r}")
    return [available_cpus() if part == "all" else int(part) for part in parts]


def read_shard(text: str) -> tuple[int, int]:
    """The number of a shard, and of how many.

    Raises:
        ArgumentTypeError: something else.
    """
    found = SHARD.fullmatch(text)
    if not found:
        raise argparse.ArgumentTypeError(f"I/N, such as 2/4 (the second of four), not {text!r}")
    return int(found[1]), int(found[2])


def choose_shard(arguments: argparse.Namespace, entries: Sequence[Entry]) -> Shard | None:
    """The one that ``--shard`` asks for; None without it.

    Raises:
        UsageError: there is no such shard of these networks.
    """
    if arguments.shard is None:
        return None
    index, count = arguments.shard
    names = [entry.name for entry in entries]
    reference = choose_base(names)
    assert reference is not None  # who selects no network is refused
    return deal(index, count, names, reference)


def read_settings(arguments: argparse.Namespace) -> list[Settings]:
    """One for each number of threads, in the first precision, with the training step on the CPU.

    Raises:
        UsageError: a number that means nothing, or options of times in a run without any.
    """
    if arguments.exact and (arguments.roofline or arguments.energy or arguments.time is not None):
        raise UsageError("--exact measures no times: leave out --time, --roofline and --energy.")
    effort = read_effort(arguments)
    return [
        Settings(
            update_device="cpu",
            n_samples=arguments.samples,
            batch=arguments.batch,
            dtype=arguments.precision[0] if is_plain(arguments) else "float32",
            threads=threads,
            seed=arguments.seed,
            effort=effort,
            tf32=arguments.tf32 == "on",
            roofline=arguments.roofline,
            energy=arguments.energy,
        )
        for threads in dict.fromkeys(arguments.threads)
    ]


def is_plain(arguments: argparse.Namespace) -> bool:
    """Whether eager PyTorch alone is asked for, in one precision: a run for Table 1."""
    return arguments.runtime == ["eager"] and len(arguments.precision) == 1


def read_forms(arguments: argparse.Namespace, settings: Settings) -> list[Settings]:
    """Every runtime in every precision that it has, eager float32 the first.

    Raises:
        UsageError: a runtime that is none, is not installed or does not run on this device, a
            precision that no runtime asked for has, or none but one that this processor lacks.
    """
    device = settings.update_device
    if wrong := [name for name in arguments.runtime if name not in RUNTIMES]:
        raise UsageError(f"--runtime must be some of {', '.join(RUNTIMES)}, not {wrong[0]!r}.")
    asked = [RUNTIMES[name] for name in arguments.runtime]
    if absent := [runtime.name for runtime in asked if not runtime.dtypes_on(device)]:
        there = [runtime.name for runtime in RUNTIMES.values() if runtime.dtypes_on(device)]
        raise UsageError(
            f"The runtime {absent[0]} does not run on {device}; these do: {', '.join(there)}."
        )
    for precision in arguments.precision:
        if not any(precision in runtime.dtypes_on(device) for runtime in asked):
            every = RUNTIMES.values()
            having = [runtime.name for runtime in every if precision in runtime.dtypes_on(device)]
            advice = f"these have it: {', '.join(having)}" if having else "no runtime has it"
            raise UsageError(
                f"No runtime that was asked for has --precision {precision}; {advice}."
            )
    require_installed(asked)
    if device == "cpu" and arguments.precision == ["bfloat16"] and not has_bfloat16():
        raise UsageError(f"{NO_BFLOAT16} Ask for another --precision.")
    forms = [
        replace(settings, runtime=runtime.name, dtype=precision)
        for runtime in asked
        for precision in arguments.precision
        if precision in runtime.dtypes_on(device)
    ]
    return list(dict.fromkeys([settings, *forms]))


def require_installed(runtimes: Iterable[Runtime]) -> None:
    """See that the packages of runtimes are there, without importing them.

    Raises:
        UsageError: some are not; says what installs them.
    """
    for runtime in runtimes:
        missing = [name for name in runtime.packages if find_spec(name) is None]
        if missing:
            raise UsageError(
                f"The runtime {runtime.name} needs packages that are not installed: "
                f"{', '.join(missing)}. To install them: "
                f"pip install 'separation-bench[{runtime.extra}]'"
            )


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
