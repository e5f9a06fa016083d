"""python -m bench.corpora.mixing_speed: how many mixtures one core draws in a second.

Training of the smallest network consumes some tens of them a second on a core.

Exit codes: 0 measured; 2 the corpus can't be used.
"""

import argparse
import sys
import time
from collections.abc import Sequence
from itertools import count
from pathlib import Path

from bench.corpora.corpus import SPLITS
from bench.corpora.readers import open_mixer, read_corpus
from bench.errors import EXIT_OK, EXIT_USAGE, UsageError


def main(argv: Sequence[str] | None = None) -> int:
    """Draw for some seconds after the audio is decoded, and say how fast that was."""
    parser = argparse.ArgumentParser(description="Measure how fast mixtures are drawn.")
    parser.add_argument("--corpus", type=Path, metavar="DIR")
    parser.add_argument("--task", choices=("speech", "sounds"), default="speech")
    parser.add_argument("--split", choices=SPLITS, default="train")
    parser.add_argument("--seconds", type=float, default=3.0)
    parser.add_argument("--cache", type=Path, metavar="DIR")
    arguments = parser.parse_args(argv)
    try:
        return measure_speed(arguments)
    except UsageError as error:
        sys.stderr.write(f"error: {error}\n")
        return EXIT_USAGE


def measure_speed(arguments: argparse.Namespace) -> int:
    """Open the mixer, draw for as long as was asked for, and write mixtures per second."""
    corpus = read_corpus(arguments.corpus, arguments.task)
    mixer = open_mixer(corpus, arguments.split, cache=arguments.cache)
    mixer.draw(0, 0)  # pages of the cache come into memory with use; the first are warm
    began_s = time.process_time()
    for index in count(1):
        mixer.draw(0, index)
        spent_s = time.process_time() - began_s
        if spent_s > arguments.seconds:
            sys.stdout.write(f"{index / spent_s:.0f} mixtures of 4 s per second and core\n")
            return EXIT_OK
    raise AssertionError("count never ends")


if __name__ == "__main__":
    sys.exit(main())
