"""What can be asked of ``bench.explain``."""

import argparse
from pathlib import Path

from bench.errors import UsageError
from bench.options import add_precision
from bench.plan import Effort, Settings
from bench.results.workload import GPU_PHASES, Phase

DEADLINE_S = 900.0


def build_parser(program: str) -> argparse.ArgumentParser:
    """Which networks to profile, on what."""
    parser = argparse.ArgumentParser(
        prog=program,
        description="Say where the time and the memory of a network's step go, by module, operator "
        "and line of source; compare two networks, or two revisions of one.",
        epilog="Exit codes: 0 all profiled, 1 one could not be, 2 not possible, "
        "130 Ctrl-C, 143 SIGTERM.",
    )
    parser.add_argument(
        "subjects",
        nargs="+",
        metavar="MODEL",
        help="names, patterns, or package.module:function; with --model two git revisions",
    )
    parser.add_argument("--model", metavar="NAME", help="the network of which two revisions differ")
    parser.add_argument(
        "--phase", choices=GPU_PHASES, help="default: inference and update, on the device"
    )
    parser.add_argument(
        "--device", choices=("cpu", "cuda"), default="cpu", help="what runs there (default: cpu)"
    )
    parser.add_argument("--samples", type=int, default=8000, help="length (default: 8000)")
    parser.add_argument("--batch", type=int, default=1, help="mixtures at once (default: 1)")
    add_precision(parser)
    parser.add_argument("--threads", type=int, default=1, metavar="N", help="default: 1")
    parser.add_argument(
        "--time", type=float, default=10.0, metavar="S", help="for each phase (default: 10 s)"
    )
    parser.add_argument("--depth", type=int, default=5, help="of the tree of modules (default: 5)")
    parser.add_argument(
        "--trace",
        action="store_true",
        help="also write explain/<model>-<phase>.trace.json.gz, for Perfetto or chrome://tracing",
    )
    parser.add_argument(
        "--records", type=Path, metavar="RECORDS.jsonl", help="render these, measure nothing"
    )
    parser.add_argument(
        "--output", type=Path, default=Path("reports"), metavar="DIR", help="default: reports"
    )
    return parser


def read_settings(arguments: argparse.Namespace) -> Settings:
    """What was asked for.

    Raises:
        UsageError: a number that means nothing.
    """
    if not arguments.time > 0:
        raise UsageError(f"--time must be above 0 s, not {arguments.time:g}.")
    return Settings(
        update_device=arguments.device,
        n_samples=arguments.samples,
        batch=arguments.batch,
        dtype=arguments.dtype,
        threads=arguments.threads,
        seed=0,
        effort=Effort(1, arguments.time, 1.0, budget_s=arguments.time, deadline_s=DEADLINE_S),
        tf32=arguments.tf32 == "on",
    )


def phases_on(arguments: argparse.Namespace, settings: Settings) -> list[Phase]:
    """The phase that was asked for, or all that run on the device.

    Raises:
        UsageError: what was asked for does not run there.
    """
    device = settings.update_device
    there = [phase for phase in settings.phases if settings.workload(phase).device == device]
    if arguments.phase and arguments.phase not in there:
        raise UsageError(
            f"--phase {arguments.phase} does not run on --device {device}: {' or '.join(there)}."
        )
    return [arguments.phase] if arguments.phase else there


def make_folder(output: Path) -> Path:
    """Where explanations go; made before anything is measured.

    Raises:
        UsageError: it can't be written.
    """
    folder = output / "explain"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / ".writable").touch()
        (folder / ".writable").unlink()
    except OSError as error:
        raise UsageError(
            f"{folder} can't be written: {error.strerror}. Choose --output."
        ) from error
    return folder
