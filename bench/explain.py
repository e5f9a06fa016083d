"""python -m bench.explain MODEL ...: where the time and the memory of a network's step go.

Writes explain/<model>.md and .json, and figures of the memory over time. Two networks are compared
part by part; with --model, two revisions of one. Always passes of its own: no other figure is taken
with an instrument on.

Exit codes: 0 all was profiled; 1 a network could not be (its report says why); 2 the request can't
be met; 130 Ctrl-C and 143 SIGTERM (finished records are on disk).
"""

import argparse
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from bench.command import measure, name_failures, name_program, read_and_warn, run_command
from bench.errors import EXIT_CELL_FAILED, EXIT_OK, UsageError
from bench.machine.lock import measuring_alone
from bench.measuring.isolate import prepare_measuring, run_jobs
from bench.measuring.place import choose_device
from bench.options import add_precision
from bench.plan import Effort, Settings, plan_after, plan_contract_jobs, plan_profile_jobs
from bench.registry import select_entries
from bench.results.workload import GPU_PHASES, Phase

DEADLINE_S = 900.0


def build_parser() -> argparse.ArgumentParser:
    """Which networks to profile, on what."""
    parser = argparse.ArgumentParser(
        prog=name_program("explain"),
        description="Say where the time and the memory of a network's step go, by module, operator "
        "and line of source; compare two networks, or two revisions of one.",
        epilog="Exit codes: 0 all profiled, 1 one could not be, 2 not possible, 130 Ctrl-C.",
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
        "--time", type=float, default=10.0, metavar="S", help="of calls, a phase (default: 10 s)"
    )
    parser.add_argument("--depth", type=int, default=5, help="of the tree of modules (default: 5)")
    parser.add_argument(
        "--trace",
        action="store_true",
        help="also write explain/<model>-<phase>.trace.json.gz, for Perfetto or chrome://tracing",
    )
    parser.add_argument("--output", type=Path, default=Path("reports"), metavar="DIR")
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Parse, profile, write, and turn every ending into an exit code."""
    arguments = build_parser().parse_args(argv)
    return run_command(lambda: profile_and_report(arguments))


def profile_and_report(arguments: argparse.Namespace) -> int:
    """The whole job: select, profile, write."""
    from bench.render.explanation import print_explanations, write_explanations, write_traces

    settings = read_settings(arguments)
    entries = [entry for text in arguments.subjects for entry in select_entries([text])]
    phases = phases_on(arguments, settings)
    folder = make_folder(arguments.output)
    environment = prepare_measuring(entries, settings.threads)
    choose_device(settings.update_device, environment)
    path = arguments.output / "records" / "explain" / f"{datetime.now(UTC):%Y%m%dT%H%M%SZ}.jsonl"
    contracts = plan_contract_jobs(entries, settings)
    jobs = plan_profile_jobs(entries, settings, phases)
    measure(lambda records: plan_after(contracts, jobs, records), path, environment)
    records = read_and_warn(path)
    paths = write_explanations(entries, records, folder, arguments.depth)
    if arguments.trace:
        with measuring_alone():
            traced = [*run_jobs(plan_profile_jobs(entries, settings, phases, "trace"), environment)]
        paths += write_traces(entries, traced, folder)
        records = (*records, *traced)
    print_explanations(entries, records)
    print(*paths, sep="\n")
    return EXIT_CELL_FAILED if name_failures(records) else EXIT_OK


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


if __name__ == "__main__":
    sys.exit(main())
