"""python -m bench.evaluate: what a separator gains on a test set, in dB of SI-SDR.

Writes to the output folder: ``quality/evaluations.jsonl`` (a line more), ``quality.md`` (the table
of all lines), and in ``quality/`` the scores of each mixture as CSV, their figure and the manifest
of the mixtures.

Exit codes: 0 evaluated; 2 the request can't be met; 130 Ctrl-C and 143 SIGTERM.
"""

import argparse
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bench.command import run_command
from bench.errors import EXIT_OK, UsageError
from bench.machine.description import describe_code
from bench.results.quality import (
    EVALUATIONS,
    EvaluationRecord,
    Kind,
    MixtureScore,
    Summary,
    append_evaluation,
    mean_without,
    read_evaluations,
    summarize_scores,
)

if TYPE_CHECKING:  # torch is imported after --help has had its answer
    from bench.evaluation.evaluation import EvaluationSet, Separator


def build_parser() -> argparse.ArgumentParser:
    """The command line."""
    parser = argparse.ArgumentParser(
        prog="python -m bench.evaluate",
        description="Separate the mixtures of a test set and report the SI-SDR improvement.",
        epilog="Exit codes: 0 evaluated, 2 the request can't be met, 130 Ctrl-C, 143 SIGTERM.",
    )
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("--checkpoint", type=Path, metavar="FILE", help="of bench.train")
    what.add_argument("--reference", type=Path, metavar="FILE", help="weights of the authors")
    what.add_argument("--estimates", type=Path, metavar="DIR", help="estimates as WAV files")
    what.add_argument("--oracle", action="store_true", help="the ideal ratio mask (upper line)")
    what.add_argument("--mixture", action="store_true", help="the mixture itself (lower line)")
    parser.add_argument(
        "--corpus", type=Path, metavar="DIR", help="(default: the small one of this package)"
    )
    parser.add_argument("--task", choices=("speech", "sounds"), default="speech")
    parser.add_argument("--split", choices=("train", "val", "test"), default="test")
    parser.add_argument(
        "--mixtures", type=int, metavar="N", help="(default: 3000, or all ready ones)"
    )
    parser.add_argument("--seed", type=int, metavar="N", help="of the mixtures (default: 0)")
    parser.add_argument(
        "--manifest",
        type=Path,
        metavar="FILE",
        help="mixtures, with their number and seed; drawn and written if the file is not there "
        "(default: in quality/)",
    )
    parser.add_argument(
        "--model", metavar="PACKAGE.MODULE:FUNCTION", help="of a checkpoint of your own network"
    )
    parser.add_argument("--device", choices=("cpu", "cuda"), default="cpu", help="default: cpu")
    parser.add_argument("--batch", type=int, default=4, help="mixtures at once (default: 4)")
    parser.add_argument(
        "--listen", type=int, default=0, metavar="N", help="write so many mixtures as WAV files"
    )
    parser.add_argument("--cache", type=Path, metavar="DIR", help="for decoded audio")
    parser.add_argument("--skip-bad", action="store_true", help="leave out unusable files")
    parser.add_argument(
        "--output", type=Path, default=Path("reports"), metavar="DIR", help="(default: reports)"
    )
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Parse, evaluate, and turn every ending into an exit code."""
    arguments = build_parser().parse_args(argv)
    kept = "No evaluation that was not finished is recorded; its manifest is kept."
    return run_command(lambda: evaluate_and_report(arguments), kept)


@dataclass(frozen=True)
class Subject:
    """What is evaluated."""

    name: str
    kind: Kind
    separate: "Separator"
    training: dict[str, Any] | None = None


@dataclass(frozen=True)
class Material:
    """What it is evaluated on."""

    mixtures: "EvaluationSet"
    corpus: str
    task: str
    seed: int
    leaks: frozenset[str]


def evaluate_and_report(arguments: argparse.Namespace) -> int:
    """Load, separate, score, write."""
    check_numbers(arguments)
    started_at = f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}"
    subject = load_subject(arguments)
    material = load_material(arguments)
    read_earlier(arguments.output)
    about = (material.corpus, arguments.split, material.seed, len(material.mixtures), subject.name)
    stem = "-".join(map(str, about)).replace("/", "_").replace(" ", "-")
    scores = score(arguments, subject, material, arguments.output / "quality" / stem)
    summary = summarize_scores(scores)
    record = make_record(arguments, subject, material, scores, summary, started_at)
    for path in write(arguments.output, stem, scores, summary, record):
        print(path)
    interval = "" if summary.low_db is None else f" ({summary.low_db:.2f} to {summary.high_db:.2f})"
    print(
        f"{subject.name} on {len(scores)} mixtures of {material.corpus}, {arguments.split}: "
        f"SI-SDRi {summary.mean_db:.2f} dB{interval}, median {summary.median_db:.2f} dB"
    )
    return EXIT_OK


def read_earlier(output: Path) -> None:
    """See that the evaluations so far can be read, before hours of separating.

    Raises:
        UsageError: they can't.
    """
    if (output / EVALUATIONS).exists():
        read_evaluations(output / EVALUATIONS)


def check_numbers(arguments: argparse.Namespace) -> None:
    """See that there is something to do.

    Raises:
        UsageError: no mixtures, no batch, a negative seed, or CUDA where there is none.
    """
    from bench.networks.device import choose_device

    for name in ("mixtures", "batch"):
        if getattr(arguments, name) is not None and getattr(arguments, name) < 1:
            raise UsageError(f"--{name} must be at least 1.")
    if arguments.seed is not None and arguments.seed < 0:
        raise UsageError("--seed must be at least 0.")
    choose_device(arguments.device)


def load_subject(arguments: argparse.Namespace) -> Subject:
    """The separator that was asked for.

    Raises:
        UsageError: a file is no checkpoint, or there is no folder of estimates.
    """
    from bench.evaluation import evaluation
    from bench.evaluation.oracle import separate_ideally

    if arguments.oracle:
        return Subject(
            "ideal ratio mask",
            "oracle",
            lambda given: separate_ideally(given.mixture, given.sources),
        )
    if arguments.mixture:
        return Subject("mixture", "mixture", evaluation.keep_mixture)
    if arguments.estimates:
        if not arguments.estimates.is_dir():
            raise UsageError(f"There is no folder {arguments.estimates}.")
        name = arguments.estimates.resolve().name
        return Subject(name, "estimates", evaluation.folder_separator(arguments.estimates))
    if arguments.reference:
        model = evaluation.load_reference(arguments.reference)
        separate = evaluation.network_separator(model, arguments.device)
        return Subject(arguments.reference.stem, "reference", separate)
    from bench.networks.trained import load_trained

    trained = load_trained(arguments.checkpoint, arguments.model)
    separate = evaluation.network_separator(trained.model, arguments.device)
    training = dict(trained.metadata) or None
    kind: Kind = "reference" if trained.is_published else "network"
    return Subject(trained.name, kind, separate, training)


def load_material(arguments: argparse.Namespace) -> Material:
    """The mixtures that were asked for: of a manifest, or ready ones of a corpus."""
    from bench.corpora.corpus import Corpus
    from bench.corpora.fixed import FixedMixer
    from bench.corpora.manifest import (
        DEFAULT_N_MIXTURES,
        ManifestMixer,
        load_or_draw_manifest,
        read_manifest,
    )
    from bench.corpora.mixing import Mixer
    from bench.corpora.readers import read_corpus
    from bench.evaluation.evaluation import EvaluationSet

    corpus = read_corpus(arguments.corpus, arguments.task)
    kept = {"cache": arguments.cache, "skip_bad": arguments.skip_bad}
    if not isinstance(corpus, Corpus):
        fixed = FixedMixer(corpus, arguments.split, **kept)
        name_left_out(fixed.store.bad)
        mixtures = EvaluationSet(fixed, arguments.mixtures)
        return Material(mixtures, corpus.name, corpus.task, 0, frozenset())
    n_mixtures, seed = arguments.mixtures or DEFAULT_N_MIXTURES, arguments.seed or 0
    if arguments.manifest and arguments.manifest.exists():
        there = read_manifest(arguments.manifest)
        n_mixtures = arguments.mixtures or len(there.plans)
        seed = there.seed if arguments.seed is None else arguments.seed
    name = f"{corpus.name}-{arguments.split}-{seed}-{n_mixtures}.jsonl"
    path = arguments.manifest or arguments.output / "quality" / "manifests" / name
    mixer = Mixer(corpus, arguments.split, seed, **kept)
    name_left_out(mixer.store.bad)
    manifest = load_or_draw_manifest(mixer, arguments.split, n_mixtures, path)
    drawn = EvaluationSet(ManifestMixer(manifest, corpus, **kept))
    return Material(drawn, corpus.name, corpus.task, seed, corpus.leaks)


def name_left_out(problems: Sequence[str]) -> None:
    """Files that --skip-bad left out are named on standard error."""
    for problem in problems:
        print(f"Left out: {problem}", file=sys.stderr)


def score(
    arguments: argparse.Namespace, subject: Subject, material: Material, listening: Path
) -> list[MixtureScore]:
    """Score all mixtures, with a bar of progress; the first ones are kept for listening."""
    from rich.console import Console
    from rich.progress import track

    from bench.evaluation.evaluation import evaluate, write_listening_files

    scores = evaluate(
        subject.separate,
        material.mixtures,
        arguments.batch,
        lambda given, estimates: write_listening_files(
            listening, given, estimates, arguments.listen
        ),
    )
    console = Console(stderr=True)
    total = len(material.mixtures)
    return list(track(scores, subject.name, total=total, console=console))


def make_record(
    arguments: argparse.Namespace,
    subject: Subject,
    material: Material,
    scores: Sequence[MixtureScore],
    summary: Summary,
    started_at: str,
) -> EvaluationRecord:
    """The line that is kept."""
    n_without_leaks, without_leaks_db = mean_without(scores, material.leaks)
    return EvaluationRecord(
        separator=subject.name,
        kind=subject.kind,
        corpus=material.corpus,
        task=material.task,
        split=arguments.split,
        mixtures_digest=material.mixtures.digest,
        n_mixtures=len(scores),
        n_pairs=summary.n_pairs,
        si_sdri_mean_db=summary.mean_db,
        si_sdri_median_db=summary.median_db,
        si_sdri_low_db=summary.low_db,
        si_sdri_high_db=summary.high_db,
        input_mean_db=sum(one.input_db for one in scores) / len(scores),
        output_mean_db=sum(one.output_db for one in scores) / len(scores),
        n_without_leaks=n_without_leaks,
        si_sdri_without_leaks_db=without_leaks_db,
        training=subject.training,
        code=asdict(describe_code()),
        started_at=started_at,
    )


def write(
    output: Path,
    stem: str,
    scores: Sequence[MixtureScore],
    summary: Summary,
    record: EvaluationRecord,
) -> list[Path]:
    """Write the line, the scores, their figure and the table; returns the paths.

    Raises:
        UsageError: the folder can't be written to.
    """
    from bench.render.figures.scores import write_scores_figure
    from bench.render.tables.quality import render_quality, render_scores

    folder = output / "quality"
    records = output / EVALUATIONS
    append_evaluation(records, record)
    table = output / "quality.md"
    try:
        (folder / f"{stem}.csv").write_text(render_scores(scores), encoding="utf-8")
        title = f"{record.separator} on {record.corpus}, {record.split}"
        figures = write_scores_figure(scores, summary, title, folder / stem)
        table.write_text(render_quality(read_evaluations(records)), encoding="utf-8")
    except OSError as error:
        raise UsageError(f"Reports can't be written to {output}: {error.strerror}.") from error
    return [records, folder / f"{stem}.csv", *figures, table]


if __name__ == "__main__":
    sys.exit(main())
