"""python -m bench.evaluate: what a separator gains on a test set, in dB of SI-SDR.

Writes to the output folder: ``quality/evaluations.jsonl`` (a line more), ``quality.md`` (the table
of all lines), and in ``quality/`` the scores of each mixture as CSV, their figure and the manifest
of the mixtures.

Exit codes: 0 evaluated; 2 the request can't be met; 130 Ctrl-C and 143 SIGTERM.
"""

import argparse
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from bench.command import name_program, run_command
from bench.errors import EXIT_OK, UsageError
from bench.evaluation.options import build_parser, check_options, request_mixtures
from bench.machine.own_pages import keep_own_pages
from bench.results.quality import EVALUATIONS, read_evaluations
from bench.results.scores import MixtureScore, summarize_scores

if TYPE_CHECKING:  # torch is imported after --help has had its answer
    from bench.evaluation.mixtures import EvaluationSet
    from bench.evaluation.subjects import Subject


def main(argv: Sequence[str] | None = None) -> int:
    """Parse, evaluate, and turn every ending into an exit code."""
    arguments = build_parser(name_program("evaluate")).parse_args(argv)
    if argv is None:  # the program itself, and no call of it
        keep_own_pages()
    kept = "No evaluation that was not finished is recorded; its manifest is kept."
    return run_command(lambda: evaluate_and_report(arguments), kept)


def evaluate_and_report(arguments: argparse.Namespace) -> int:
    """Load, separate, score, write."""
    import torch

    from bench.evaluation.mixtures import open_material
    from bench.evaluation.results import make_record, stem_of
    from bench.evaluation.subjects import check_files
    from bench.networks.full_memory import full_memory_as, where_is_more
    from bench.render.evaluation import write_evaluation

    check_options(arguments)
    torch.set_num_threads(arguments.threads)
    started_at = f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}"
    if (arguments.output / EVALUATIONS).exists():
        read_evaluations(arguments.output / EVALUATIONS)  # before hours of separating
    elsewhere = where_is_more(arguments.device)
    with full_memory_as(UsageError, "The weights", f"You can {elsewhere}."):
        subject = load_subject(arguments)
    material = open_material(request_mixtures(arguments))
    for problem in material.left_out:
        print(f"Left out: {problem}", file=sys.stderr)
    if arguments.estimates:
        check_files(arguments.estimates, material.mixtures)
    stem = stem_of(subject, material, arguments.name)
    listening = arguments.output / "quality" / stem
    too_large = f"The intermediate results of {arguments.batch} mixtures at once"
    remedy = f"Separate fewer with --batch (it was {arguments.batch}), or {elsewhere}."
    with full_memory_as(UsageError, too_large, remedy):
        scores = score(subject, material.mixtures, arguments.batch, listening, arguments.listen)
    summary = summarize_scores(scores)
    record = make_record(subject, material, scores, summary, started_at, arguments.name)
    for path in write_evaluation(arguments.output, stem, record, scores, summary):
        print(path)
    interval = "" if summary.low_db is None else f" ({summary.low_db:.2f} to {summary.high_db:.2f})"
    print(
        f"{arguments.name or subject.name} on {len(scores)} mixtures of {material.corpus}, "
        f"{material.split}: SI-SDRi {summary.mean_db:.2f} dB{interval}, "
        f"median {summary.median_db:.2f} dB"
    )
    return EXIT_OK


def load_subject(arguments: argparse.Namespace) -> "Subject":
    """The separator that was asked for."""
    from bench.evaluation import subjects

    if arguments.oracle:
        return subjects.IDEAL_MASK
    if arguments.mixture:
        return subjects.MIXTURE
    if arguments.estimates:
        return subjects.stored_estimates(arguments.estimates)
    return subjects.trained_network(arguments.checkpoint, arguments.model, arguments.device)


def score(
    subject: "Subject", mixtures: "EvaluationSet", batch: int, listening: Path, n_listening: int
) -> list[MixtureScore]:
    """Score all mixtures, with a bar of progress; the first ones are kept for listening."""
    from rich.console import Console
    from rich.progress import track

    from bench.evaluation.listening import write_listening_files
    from bench.evaluation.scoring import evaluate

    scores = evaluate(
        subject.separate,
        mixtures,
        batch,
        lambda given, estimates: write_listening_files(listening, given, estimates, n_listening),
    )
    console = Console(stderr=True)
    return list(track(scores, subject.name, total=len(mixtures), console=console))


if __name__ == "__main__":
    sys.exit(main())
