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
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from bench.command import measure, name_failures, name_program, read_and_warn, run_command
from bench.errors import EXIT_CELL_FAILED, EXIT_OK, UsageError
from bench.explain_options import build_parser, make_folder, phases_on, read_settings
from bench.gate.graft import N_ROUNDS, measure_in_turns, two_grafts
from bench.machine.lock import measuring_alone
from bench.measuring.isolate import prepare_measuring, run_jobs
from bench.measuring.place import choose_device
from bench.plan import (
    Settings,
    plan_after,
    plan_contract_jobs,
    plan_job,
    plan_profile_jobs,
)
from bench.registry import Entry, select_entries
from bench.results.profile import Profile
from bench.results.record import Job, Record, results_of
from bench.results.store import RecordFile
from bench.results.workload import Phase


def main(argv: Sequence[str] | None = None) -> int:
    """Parse, profile, write, and turn every ending into an exit code."""
    arguments = build_parser(name_program("explain")).parse_args(argv)
    return run_command(lambda: profile_and_report(arguments))


def profile_and_report(arguments: argparse.Namespace) -> int:
    """The whole job on networks, or on two revisions of one."""
    settings = read_settings(arguments)
    phases = phases_on(arguments, settings)
    folder = make_folder(arguments.output)
    if arguments.model:
        return explain_revisions(arguments, settings, phases, folder)
    return explain_networks(arguments, settings, phases, folder)


def explain_networks(
    arguments: argparse.Namespace, settings: Settings, phases: Sequence[Phase], folder: Path
) -> int:
    """Profile each network or read what was profiled, write its report, and compare two."""
    from bench.render.differing import compare_networks
    from bench.render.explanation import print_explanations, write_explanations, write_traces

    entries = [entry for text in arguments.subjects for entry in select_entries([text])]
    records: Sequence[Record]
    if arguments.records:
        records = read_and_warn(arguments.records)
    else:
        records = profile(entries, settings, phases, arguments)
    paths = write_explanations(entries, records, folder, arguments.depth)
    paths += write_traces(entries, records, folder)
    print_explanations(entries, records)
    if len(entries) == 2:
        paths += compare_networks(entries, records, folder, arguments.depth)
    print(*paths, sep="\n")
    return EXIT_CELL_FAILED if name_failures(records) else EXIT_OK


def profile(
    entries: Sequence[Entry],
    settings: Settings,
    phases: Sequence[Phase],
    arguments: argparse.Namespace,
) -> list[Record]:
    """Profile each network. Traces are in no file of records: they have files of their own."""
    environment = prepare_measuring(entries, settings.threads)
    choose_device(settings.update_device, environment)
    contracts = plan_contract_jobs(entries, settings)
    jobs = plan_profile_jobs(entries, settings, phases)
    path = name_records(arguments.output)
    measure(lambda records: plan_after(contracts, jobs, records), path, environment)
    records = [*read_and_warn(path)]
    if arguments.trace:
        with measuring_alone():
            records += run_jobs(plan_profile_jobs(entries, settings, phases, "trace"), environment)
    return records


def name_records(output: Path) -> Path:
    """A new file of records."""
    return output / "records" / "explain" / f"{datetime.now(UTC):%Y%m%dT%H%M%SZ}.jsonl"


def explain_revisions(
    arguments: argparse.Namespace, settings: Settings, phases: Sequence[Phase], folder: Path
) -> int:
    """Profile one network in two revisions, in rounds of processes, and compare them.

    Raises:
        UsageError: there are not two revisions and one network, or no such ones.
    """
    from bench.render.differing import compare_revisions

    entries = select_entries([arguments.model])
    if len(arguments.subjects) != 2 or len(entries) != 1:
        raise UsageError("--model NAME compares one network in two git revisions: REV1 REV2.")
    shorter = replace(settings.effort, budget_s=settings.effort.budget_s / N_ROUNDS)
    settings = replace(settings, effort=shorter)

    def plan(entry: Entry, index: int) -> list[Job]:
        return [plan_job(entry, phase, "profile", settings, index) for phase in phases]

    base, head = arguments.subjects
    path = name_records(arguments.output)
    records: list[Record] = []
    found: dict[Phase, tuple[list[Profile], list[Profile]]] = {phase: ([], []) for phase in phases}
    with two_grafts(base, head, entries[0], settings.threads) as sides, measuring_alone():
        for side in sides:
            choose_device(settings.update_device, side.environment)
        file = RecordFile.create(path)
        for side, record in measure_in_turns(sides, plan):
            file.append(record)
            records.append(record)
            for _, profile in results_of(Profile, [record]):
                found[record.job.workload.phase][side is sides[1]].append(profile)
    paths = compare_revisions(entries[0], (base, head), found, folder, arguments.depth)
    print(path, *paths, sep="\n")
    return EXIT_CELL_FAILED if name_failures(records) else EXIT_OK


if __name__ == "__main__":
    sys.exit(main())
