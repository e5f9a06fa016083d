"""python -m bench.gate.trial: what `bench.compare` says on this machine, for real.

Compares a revision with itself many times, idle and beside a process that burns a processor, and
two networks of which one is known to be slower, if they are named. Prints a line for each
comparison and a count. INCONCLUSIVE does not count as wrong.

Exit codes: 0 nothing wrong; 1 a FAIL of the same code, or a PASS of the slower network;
2 the request can't be met; 130 Ctrl-C.
"""

import argparse
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from bench.errors import EXIT_FAIL, EXIT_INCONCLUSIVE, EXIT_INTERRUPTED, EXIT_OK, EXIT_USAGE

BURNER = [sys.executable, "-c", "while True: pass"]
NAMES = {EXIT_OK: "PASS", EXIT_FAIL: "FAIL", EXIT_INCONCLUSIVE: "INCONCLUSIVE"}


def build_parser() -> argparse.ArgumentParser:
    """How often to compare what."""
    parser = argparse.ArgumentParser(
        prog="python -m bench.gate.trial",
        description="Compare the same code with itself, and a slower network, and count verdicts.",
        epilog="Exit codes: 0 nothing wrong, 1 a wrong verdict, 2 the request can't be met.",
    )
    parser.add_argument("--runs", type=int, default=20, help="of each kind (default: 20)")
    parser.add_argument("--revision", default="HEAD", help="compared with itself (default: HEAD)")
    parser.add_argument("--model", default="sudormrf-0.25x", metavar="NAME")
    parser.add_argument(
        "--slower",
        nargs=2,
        metavar=("BASE", "SLOWER"),
        help="two networks, such as tests.slow_models:base tests.slow_models:slower_by_10_percent",
    )
    parser.add_argument(
        "--time", type=float, default=28.0, metavar="S", help="for each (default: 28 s)"
    )
    return parser


@contextmanager
def burner(is_burning: bool) -> Iterator[None]:
    """A process that uses one processor all the time, or none."""
    if not is_burning:
        yield
        return
    process = subprocess.Popen(BURNER)
    try:
        yield
    finally:
        process.kill()
        process.wait()


def compare(base: str, head: str, arguments: argparse.Namespace) -> str:
    """The verdict of one comparison in a process of its own; its reason is printed."""
    command = [sys.executable, "-m", "bench.compare", base, head]
    options = ["--models", arguments.model, "--time", str(arguments.time)]
    run = subprocess.run(command + options, stdout=subprocess.PIPE, text=True, check=False)
    verdict = NAMES.get(run.returncode)
    if verdict is None:
        raise ChildProcessError(f"{' '.join(command)} ended with {run.returncode}")
    print(run.stdout.splitlines()[0], flush=True)
    return verdict


def try_out(arguments: argparse.Namespace) -> int:
    """All comparisons; counts them and says whether one was wrong."""
    wrong = 0
    for is_burning in (False, True):
        place = "beside a burner" if is_burning else "idle"
        with burner(is_burning):
            same = Counter(
                compare(arguments.revision, arguments.revision, arguments)
                for _ in range(arguments.runs)
            )
            print(f"the same code, {place}: {dict(same)}", flush=True)
            wrong += same["FAIL"]
            if arguments.slower:
                base, slower = (f"model:{name}" for name in arguments.slower)
                found = Counter(compare(base, slower, arguments) for _ in range(arguments.runs))
                print(f"{slower}, {place}: {dict(found)}", flush=True)
                wrong += found["PASS"]
    return EXIT_FAIL if wrong else EXIT_OK


def main(argv: Sequence[str] | None = None) -> int:
    """Parse, try, and turn every ending into an exit code."""
    arguments = build_parser().parse_args(argv)
    try:
        return try_out(arguments)
    except ChildProcessError as error:
        print(f"error: {error}", file=sys.stderr)
        return EXIT_USAGE
    except KeyboardInterrupt:
        return EXIT_INTERRUPTED


if __name__ == "__main__":
    sys.exit(main())
