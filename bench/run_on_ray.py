"""``bench.run --launcher ray``: a run over the nodes of a Ray cluster, and its reports."""

import argparse
import os
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from bench.command import name_failures, read_and_warn
from bench.errors import EXIT_CELL_FAILED, EXIT_OK, UsageError
from bench.launching.asking import ask_nodes
from bench.launching.cluster_run import ClusterRun
from bench.launching.differences import describe_differences
from bench.launching.nodes import Node, by_kind, refuse_others
from bench.launching.task_files import RUN, files_of, newest_run
from bench.launching.tasks import DealtTask, Request, deal_tasks
from bench.machine.description import describe_code, describe_versions
from bench.options import arguments_for_nodes, is_plain
from bench.plan import Settings, plan_exact
from bench.registry import Entry
from bench.results.gathering import gather_files, merge_files
from bench.results.record import Record
from bench.results.summary import newest_of_each_cell
from bench.rounds import plan_next
from bench.stored_runs import compare, report_one, summarize_shards

AUTO = "auto"
"""The address of a cluster that Ray finds on this machine."""


def measure_on_ray(
    settings: Settings, entries: Sequence[Entry], arguments: argparse.Namespace, folder: Path
) -> int:
    """Have every kind of machine of the cluster measure the networks; the exit code.

    Raises:
        UsageError: the cluster or the request is not as it must be; or this disk is full.
    """
    _refuse_what_is_of_one_machine(arguments)
    from bench.launching.ray_cluster import connect  # which says what is missing

    output = (arguments.output or Path("reports")) / folder
    now, names = datetime.now(UTC), [entry.name for entry in entries]
    earlier = newest_run(output / "records", names) if arguments.resume else None
    run = earlier or output / "records" / f"{RUN}-{now:%Y%m%dT%H%M%SZ}"
    request = read_request(settings, entries, arguments)
    with connect(arguments.address or os.environ.get("RAY_ADDRESS", AUTO)) as cluster:
        nodes, left_out = ask_nodes(cluster)
        refuse_others(nodes, request.code, request.torch)
        _introduce(nodes)
        dealt_tasks = deal_tasks(request, nodes, run, now)
        unfinished = ClusterRun(cluster, nodes, dealt_tasks, say).run()
    for sentence in [*map(_describe_unfinished, unfinished), *left_out]:
        say(sentence)
    failed = report_kinds(run, output)
    return EXIT_CELL_FAILED if failed or unfinished or left_out else EXIT_OK


def report_kinds(run: Path, output: Path) -> list[Record]:
    """Print and write the reports of a run, whose kinds of machines have a folder each; the cells
    that failed.

    Raises:
        UsageError: nothing was measured at all.
    """
    from rich.console import Console

    from bench.render.terminal.table import print_summary

    kinds = [
        {path: read_and_warn(path) for path in files_of(kind)} for kind in sorted(run.iterdir())
    ]
    runs = [files for kind in kinds for files in gather_files(kind) if files]
    if not runs:
        raise UsageError("No node has measured anything; what each of them said is above.")
    for files in runs:
        print_summary(summarize_shards(files), Console())
    print(run, *(compare(runs, output) if len(runs) > 1 else report_one(runs[0], output)), sep="\n")
    merged = [newest_of_each_cell(merge_files(files)) for files in runs]
    return [failure for records in merged for failure in name_failures(records)]


def read_request(
    settings: Settings, entries: Sequence[Entry], arguments: argparse.Namespace
) -> Request:
    """What is asked of every kind of machine."""
    return Request(
        arguments=arguments_for_nodes(arguments.typed, settings.threads),
        entries=tuple(entries),
        settings=settings,
        device=arguments.device,
        plan=plan_exact if arguments.exact else plan_next,
        is_exact=arguments.exact,
        code=describe_code().identity,
        torch=describe_versions()["torch"],
    )


def say(sentence: str) -> None:
    """Tell people how it goes, on standard error."""
    print(sentence, file=sys.stderr, flush=True)


def _refuse_what_is_of_one_machine(arguments: argparse.Namespace) -> None:
    """A run over many machines has no use for them.

    Raises:
        UsageError: such an option was given.
    """
    if arguments.shard or arguments.beside or not is_plain(arguments):
        raise UsageError(
            "--launcher ray deals the networks itself, and measures eager PyTorch in one "
            "precision: leave out --shard, --beside, --runtime and further precisions."
        )


def _introduce(nodes: Sequence[Node]) -> None:
    """Say which kinds there are, and in what nodes of one differ."""
    for kind, members in by_kind(nodes).items():
        say(f"{kind}: {', '.join(node.name for node in members)}.")
        for sentence in describe_differences(members):
            say(f"  These nodes are not alike. {sentence}")
    for node in nodes:
        if node.niceness > 0:
            say(
                f"{node.name} measures with niceness {node.niceness}, behind all that runs there "
                "besides. Ray gives it to its workers; start the node with RAY_worker_niceness=0."
            )


def _describe_unfinished(dealt: DealtTask) -> str:
    networks = ", ".join(dealt.shard.own or [dealt.shard.reference])
    which = f"{str(dealt.task).capitalize()} of {dealt.task.kind}"
    return (
        f"{which} is not complete ({networks}): no node of this kind is left that can measure it."
    )
