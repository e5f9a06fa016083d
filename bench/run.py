"""python -m bench.run: measure what networks cost, then write the reports.

Exit codes: 0 everything was measured; 1 at least one cell was not (its reason is in its row);
2 the request can't be met, nothing was measured; 130 Ctrl-C and 143 SIGTERM (finished records
are on disk).
"""

import argparse
import os
import sys
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path

from bench.command import (
    measure,
    measure_with,
    name_program,
    read_and_warn,
    run_command,
    running_in,
)
from bench.errors import EXIT_OK, UsageError
from bench.form_rounds import plan_next_forms
from bench.machine.description import available_cpus
from bench.measuring.isolate import prepare_measuring
from bench.measuring.made_by_run import sharing_what_is_made
from bench.measuring.place import choose_card, choose_device, device_name, explain_auto
from bench.options import build_parser, choose_shard, is_plain, read_forms, read_settings
from bench.plan import Settings, plan_exact
from bench.registry import Entry, describe_registry, select_entries
from bench.results.resumption import records_to_keep
from bench.results.store import list_runs
from bench.rounds import plan_next
from bench.run_reports import report, report_forms


def main(argv: Sequence[str] | None = None) -> int:
    """Parse, run, and turn every ending into an exit code."""
    arguments = build_parser(name_program("run")).parse_args(argv)
    arguments.typed = sys.argv[1:] if argv is None else list(argv)
    if arguments.list:
        print(describe_registry())
        return EXIT_OK
    return run_command(lambda: measure_and_report(arguments))


def measure_and_report(arguments: argparse.Namespace) -> int:
    """The whole job on each number of threads; the reports of all but the first lie apart."""
    entries = select_entries(arguments.models)
    arguments.shard = choose_shard(arguments, entries)
    if arguments.shard:
        entries = tuple(entry for entry in entries if arguments.shard.has(entry.name))
    arguments.device = choose_card(arguments.device, os.environ)
    measure_one = choose_way(arguments)
    first, *others = read_settings(arguments)
    codes = [measure_one(first, entries, arguments, Path())]
    codes += [
        measure_one(settings, entries, arguments, Path(f"threads-{settings.threads}"))
        for settings in others
    ]
    return max(codes)


def choose_way(
    arguments: argparse.Namespace,
) -> Callable[[Settings, Sequence[Entry], argparse.Namespace, Path], int]:
    """How a run with these options is measured.

    Raises:
        UsageError: the address of a cluster that is not used.
    """
    if arguments.launcher:
        from bench.run_on_ray import measure_on_ray  # after --help has had its answer

        return measure_on_ray
    if arguments.address:
        raise UsageError("--address is of a Ray cluster: add --launcher ray.")
    return measure_plainly if is_plain(arguments) else measure_forms


def measure_forms(
    settings: Settings, entries: Sequence[Entry], arguments: argparse.Namespace, folder: Path
) -> int:
    """Time every form of every network beside eager float32, and write runtimes.md.

    Raises:
        UsageError: a form or a device that can't be had here, or a request that only a run for
            Table 1 meets.
    """
    if arguments.energy:
        raise UsageError("Energy is of eager PyTorch in one precision: leave out --energy.")
    of_plain_runs = arguments.resume, arguments.beside, arguments.shard, arguments.exact
    if any(of_plain_runs):
        raise UsageError(
            "Runtimes are measured anew and with times: leave out --resume, --beside, --shard and "
            "--exact."
        )
    device = "cuda" if arguments.device == "cuda" else "cpu"  # auto: on the CPU, as most are
    if device == "cuda" and arguments.roofline:
        raise UsageError("Ceilings are of the CPU: leave out --roofline, or --device cuda.")
    forms = read_forms(arguments, settings.on(device))
    with sharing_what_is_made():
        environment = prepare_measuring(entries, settings.threads)
        place = device_name(choose_device(device, environment), environment)
        reports = Path("reports") if device == "cpu" else Path("reports") / place
        output = (arguments.output or reports) / folder
        name = f"{place}-{datetime.now(UTC):%Y%m%dT%H%M%SZ}.jsonl"
        path = output / "records" / "runtimes" / name
        measure(lambda records: plan_next_forms(entries, forms, records), path, environment)
    return report_forms(path, output)


def measure_plainly(
    settings: Settings, entries: Sequence[Entry], arguments: argparse.Namespace, folder: Path
) -> int:
    """Plan, measure one by one, summarise, write into this folder of the output."""
    from bench.render.terminal.expectations import say_what_to_expect, warn_of_threads

    if warning := warn_of_threads(settings.threads, available_cpus()):
        print(warning, file=sys.stderr)
    environment = prepare_measuring(entries, settings.threads)
    device = choose_device(arguments.device, environment)
    if arguments.device == "auto":
        print(explain_auto(device, environment), file=sys.stderr)
    place = device_name(device, environment)
    reports = Path("reports") if device == "cpu" else Path("reports") / place
    output = (arguments.output or reports) / folder
    settings = settings.on(device)
    records, shard = output / "records", arguments.shard
    name = f"{place}-{shard.name}" if shard else place
    path, done = records / f"{name}-{datetime.now(UTC):%Y%m%dT%H%M%SZ}.jsonl", None
    if arguments.resume and (earlier := list_runs(records, name)):
        path = earlier[0]
        done = records_to_keep(path, read_and_warn(path), settings.workload, environment)
    plan_some = plan_exact if arguments.exact else plan_next
    plan = say_what_to_expect(lambda records: plan_some(entries, settings, records), settings)
    is_alone = not arguments.exact or device == "cuda"  # which has one memory for all
    measure_with(running_in(environment, shard), plan, path, done, is_alone=is_alone)
    beside = list_runs(arguments.beside / "records", place) if arguments.beside else ()
    return report(path, output, beside, shard)


if __name__ == "__main__":
    sys.exit(main())
