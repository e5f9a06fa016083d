"""The options of bench.evaluate."""

import argparse
from dataclasses import dataclass
from pathlib import Path

from bench.corpora.corpus import Split, Task
from bench.errors import UsageError
from bench.machine.description import available_cpus

AT_LEAST = {"mixtures": 1, "n_src": 2, "threads": 1, "batch": 1, "seed": 0, "listen": 0}


def build_parser(program: str) -> argparse.ArgumentParser:
    """Options in three groups: what is evaluated, on which mixtures, and where results go.

    ``program`` is what the user typed to start it.
    """
    parser = argparse.ArgumentParser(
        prog=program,
        description="Separate the mixtures of a test set and report the SI-SDR improvement.",
        epilog="Exit codes: 0 evaluated, 2 the request can't be met, 130 Ctrl-C, 143 SIGTERM.",
    )
    group = parser.add_argument_group("what is evaluated")
    what = group.add_mutually_exclusive_group(required=True)
    what.add_argument(
        "--checkpoint",
        type=Path,
        metavar="FILE",
        help="weights: of bench.train, of the authors of SuDoRM-RF, or a state dict",
    )
    what.add_argument("--estimates", type=Path, metavar="DIR", help="estimates as WAV files")
    what.add_argument("--oracle", action="store_true", help="the ideal ratio mask (upper bound)")
    what.add_argument("--mixture", action="store_true", help="the mixture itself (lower bound)")
    add = group.add_argument
    add(
        "--model",
        metavar="NAME",
        help="network of a state dict, or your own: of the registry, or package.module:function",
    )
    add("--name", metavar="TEXT", help="of the row in quality.md and the CSV")
    add("--device", choices=("cpu", "cuda"), default="cpu", help="default: cpu")
    add("--threads", type=int, default=available_cpus(), metavar="N", help="default: %(default)s")
    add("--batch", type=int, default=4, metavar="N", help="mixtures at once (default: 4)")
    add = parser.add_argument_group("on which mixtures").add_argument
    add("--corpus", type=Path, metavar="DIR", help="default: the small one of this package")
    add("--task", choices=("speech", "sounds"), default="speech", help="default: speech")
    add("--split", choices=("train", "val", "test"), default="test", help="default: test")
    add("--mixtures", type=int, metavar="N", help="default: 3000, or all ready ones")
    add("--n-src", type=int, metavar="N", help="sources of each mixture (default: 2)")
    add("--seed", type=int, metavar="N", help="of the mixtures (default: 0)")
    add(
        "--manifest",
        type=Path,
        metavar="FILE",
        help="mixtures, with their number, sources and seed; drawn and written if it is not there "
        "(default: in quality/)",
    )
    add("--cache", type=Path, metavar="DIR", help="for decoded audio")
    add("--skip-bad", action="store_true", help="leave out unusable files")
    add = parser.add_argument_group("results").add_argument
    add("--listen", type=int, default=0, metavar="N", help="write so many mixtures as WAV files")
    add("--output", type=Path, default=Path("reports"), metavar="DIR", help="default: reports")
    return parser


def check_options(arguments: argparse.Namespace) -> None:
    """See that there is something to do.

    Raises:
        UsageError: a number is too small, or a name can't stand in a table; the option is named.
    """
    if arguments.name is not None and not (arguments.name.strip() and arguments.name.isprintable()):
        raise UsageError(f"--name {arguments.name!r} can't name a row. Give it a line of text.")
    for name, least in AT_LEAST.items():
        value = getattr(arguments, name)
        if value is not None and value < least:
            option = name.replace("_", "-")
            raise UsageError(f"--{option} must be at least {least}, not {value}.")


@dataclass(frozen=True)
class MixtureRequest:
    """Which mixtures are asked for; None: as the manifest or the corpus has it."""

    corpus: Path | None  # its folder; None: the small one of this package
    task: Task
    split: Split
    n_mixtures: int | None
    n_src: int | None
    seed: int | None
    manifest: Path | None
    manifests: Path  # the folder of manifests that are not named
    cache: Path | None = None
    skip_bad: bool = False


def request_mixtures(arguments: argparse.Namespace) -> MixtureRequest:
    """The mixtures that the options ask for."""
    return MixtureRequest(
        corpus=arguments.corpus,
        task=arguments.task,
        split=arguments.split,
        n_mixtures=arguments.mixtures,
        n_src=arguments.n_src,
        seed=arguments.seed,
        manifest=arguments.manifest,
        manifests=arguments.output / "quality" / "manifests",
        cache=arguments.cache,
        skip_bad=arguments.skip_bad,
    )
