"""python -m bench.recordings.chunk_lengths: what separating in chunks costs and saves.

Long mixtures of a corpus are separated as bench.separate does, in chunks of several lengths and
overlaps, each time in a fresh process, and compared with the same network on the whole mixture: how
far the estimates differ, what they gain over the mixture, and how much memory the process took.

Exit codes: 0 measured; 2 the corpus or the checkpoint can't be used.
"""

import argparse
import multiprocessing
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from math import inf
from pathlib import Path
from statistics import mean
from tempfile import TemporaryDirectory
from typing import NamedTuple

import numpy as np
import soundfile
import torch
from torch import Tensor

from bench.corpora.corpus import Corpus
from bench.corpora.mixing import Mixture
from bench.corpora.readers import open_mixer, read_corpus
from bench.errors import EXIT_OK, EXIT_USAGE, UsageError
from bench.evaluation.metric import score_estimates
from bench.measuring.memory.peaks import read_resident_bytes
from bench.recordings.recording import measure_recording
from bench.recordings.separation import load_network, separate_recording
from bench.recordings.settings import SeparationSettings
from bench.registry import SAMPLE_RATE

MAX_GAP_S = 0.5  # between the utterances of a voice


class Separated(NamedTuple):
    """What a process made of one mixture."""

    estimates: Tensor  # [n_src, time]
    peak_bytes: int  # resident, of the process


@dataclass(frozen=True)
class Outcome:
    """One way to separate, over all mixtures."""

    settings: SeparationSettings
    against_whole_db: float  # mean SI-SDR of the estimates against those of the whole mixture
    improvement_db: float  # mean SI-SDRi against the sources
    peak_bytes: int  # of the process that took most


def main(argv: Sequence[str] | None = None) -> int:
    """Measure every length and overlap, and write a table to standard output."""
    parser = argparse.ArgumentParser(description="Measure what separating in chunks changes.")
    parser.add_argument("--checkpoint", type=Path, required=True, metavar="FILE")
    parser.add_argument("--corpus", type=Path, metavar="DIR")
    parser.add_argument("--cache", type=Path, metavar="DIR")
    parser.add_argument("--duration-s", type=float, default=60.0, metavar="S")
    parser.add_argument("--mixtures", type=int, default=4, metavar="N")
    parser.add_argument("--chunk-s", type=float, nargs="+", default=[2, 4, 8, 16, 32], metavar="S")
    parser.add_argument("--overlap", type=float, nargs="+", default=[0.125, 0.25, 0.5])
    arguments = parser.parse_args(argv)
    try:
        if arguments.mixtures < 1:
            raise UsageError(f"--mixtures must be at least 1, not {arguments.mixtures}.")
        ways = [
            SeparationSettings(chunk_s, overlap=overlap)
            for chunk_s in arguments.chunk_s
            for overlap in arguments.overlap
        ]
        mixtures = draw_long_mixtures(arguments)
        write_table(compare(ways, mixtures, arguments.checkpoint), sys.stdout.write)
    except UsageError as error:
        sys.stderr.write(f"error: {error}\n")
        return EXIT_USAGE
    return EXIT_OK


def draw_long_mixtures(arguments: argparse.Namespace) -> list[Mixture]:
    """Mixtures of two voices of the test split that each speak all the time.

    Raises:
        UsageError: the corpus can't be used, or has ready mixtures.
    """
    corpus = read_corpus(arguments.corpus, "speech")
    if not isinstance(corpus, Corpus):
        raise UsageError(f"{corpus.name} has ready mixtures. Name a corpus of recordings.")
    n_samples = round(arguments.duration_s * SAMPLE_RATE)
    recipe = replace(corpus.recipe, n_samples=n_samples, max_gap_s=MAX_GAP_S)
    mixer = open_mixer(replace(corpus, recipe=recipe), "test", cache=arguments.cache)
    return [mixer.draw(0, index) for index in range(arguments.mixtures)]


def compare(
    ways: Sequence[SeparationSettings], mixtures: Sequence[Mixture], checkpoint: Path
) -> Iterator[Outcome]:
    """The outcome of each way; the whole mixture, with which they are compared, is the last."""
    unchunked = SeparationSettings(inf)
    whole = [separate_apart(one, checkpoint, unchunked) for one in mixtures]
    for settings in ways:
        found = [separate_apart(one, checkpoint, settings) for one in mixtures]
        yield judge(settings, found, whole, mixtures)
    yield judge(unchunked, whole, whole, mixtures)


def judge(
    settings: SeparationSettings,
    found: Sequence[Separated],
    whole: Sequence[Separated],
    mixtures: Sequence[Mixture],
) -> Outcome:
    """Means over the mixtures, and the most memory of all."""
    apart_db, gains_db = [], []
    for one, reference, mixture in zip(found, whole, mixtures, strict=True):
        heard = torch.from_numpy(mixture.mixture)[None, None]
        sources = torch.from_numpy(mixture.sources)[None]
        against = score_estimates(one.estimates[None], heard, reference.estimates[None])
        apart_db.append(float(against.output_db.mean()))
        gained = score_estimates(one.estimates[None], heard, sources)
        gains_db.append(float(gained.improvement_db.mean()))
    return Outcome(settings, mean(apart_db), mean(gains_db), max(one.peak_bytes for one in found))


def separate_apart(mixture: Mixture, checkpoint: Path, settings: SeparationSettings) -> Separated:
    """What a fresh process makes of a mixture."""
    context = multiprocessing.get_context("spawn")
    with TemporaryDirectory() as name, ProcessPoolExecutor(1, mp_context=context) as pool:
        recording, folder = Path(name) / "mixture.wav", Path(name) / "sources"
        soundfile.write(recording, mixture.mixture, SAMPLE_RATE, subtype="FLOAT")
        peak_bytes = pool.submit(separate_here, recording, folder, checkpoint, settings).result()
        sources = [soundfile.read(path, dtype="float32")[0] for path in sorted(folder.iterdir())]
    return Separated(torch.from_numpy(np.stack(sources)), peak_bytes)


def separate_here(
    recording: Path, folder: Path, checkpoint: Path, settings: SeparationSettings
) -> int:
    """Do what bench.separate does; the most memory that this process had resident until then."""
    torch.set_num_threads(1)
    model = load_network(checkpoint, "cpu")
    moments = measure_recording(recording)
    separate_recording(recording, folder, model, moments, settings, lambda done_s: None)
    return read_resident_bytes("VmHWM")


def write_table(outcomes: Iterable[Outcome], write: Callable[[str], object]) -> None:
    """A row of Markdown for each outcome as it comes."""
    write("| chunk | overlap | SI-SDR against the whole | SI-SDRi | peak memory |\n")
    write("| ---: | ---: | ---: | ---: | ---: |\n")
    for one in outcomes:
        is_whole = one.settings.chunk_s == inf
        chunk = "whole" if is_whole else f"{one.settings.chunk_s:g} s"
        overlap = "-" if is_whole else f"{one.settings.chunk_s * one.settings.overlap:g} s"
        against = "-" if is_whole else f"{one.against_whole_db:.1f} dB"
        quality, peak = f"{one.improvement_db:.2f} dB", f"{one.peak_bytes / 1e6:.0f} MB"
        write(f"| {chunk} | {overlap} | {against} | {quality} | {peak} |\n")


if __name__ == "__main__":
    sys.exit(main())
