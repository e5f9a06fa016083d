"""python -m bench.gate.trial: what `bench.compare` says on this machine, for real.

Compares the same code with itself, and networks with one that is slower by a known share of
multiply-adds, on the machine as it is and beside a neighbour (`bench.neighbour`). Prints a line for
each comparison and a count for each case. INCONCLUSIVE is not wrong.

Exit codes: 0 nothing wrong; 1 a FAIL of the same code, or a PASS of a slower network;
2 the request can't be met; 130 Ctrl-C.
"""

import argparse
import subprocess
import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from bench.errors import EXIT_FAIL, EXIT_INCONCLUSIVE, EXIT_INTERRUPTED, EXIT_OK, EXIT_USAGE
from bench.neighbour import neighbour

NAMES = {EXIT_OK: "PASS", EXIT_FAIL: "FAIL", EXIT_INCONCLUSIVE: "INCONCLUSIVE"}
CONDITIONS = ("quiet", "loaded")
BASE = "model:tests.slow_models:base"


@dataclass(frozen=True)
class Case:
    """Two sides of which the truth is known."""

    base: str
    head: str
    wrong: str  # the verdict that would be


CASES = {
    "same": Case("HEAD", "HEAD", "FAIL"),
    "slower-5": Case(BASE, "model:tests.slow_models:slower_by_5_percent", "PASS"),
    "slower-10": Case(BASE, "model:tests.slow_models:slower_by_10_percent", "PASS"),
}


def build_parser() -> argparse.ArgumentParser:
    """How often to compare what."""
    parser = argparse.ArgumentParser(
        prog="python -m bench.gate.trial",
        description="Compare the same code with itself, and slower networks, and count verdicts.",
        epilog="Exit codes: 0 nothing wrong, 1 a wrong verdict, 2 the request can't be met.",
    )
    parser.add_argument("--runs", type=int, default=6, help="of each case (default: 6)")
    parser.add_argument(
        "--time", type=float, default=180.0, metavar="S", help="for each run (default: 180 s)"
    )
    parser.add_argument("--cases", nargs="+", choices=CASES, default=[*CASES])
    parser.add_argument("--conditions", nargs="+", choices=CONDITIONS, default=[*CONDITIONS])
    parser.add_argument(
        "--model", default="sudormrf-0.25x", metavar="NAME", help="of the case same"
    )
    return parser


def compare(case: Case, arguments: argparse.Namespace) -> str:
    """The verdict of one comparison in a process of its own; its reason is printed.

    Raises:
        ChildProcessError: it came to none.
    """
    command = [sys.executable, "-m", "bench.compare", case.base, case.head]
    options = ["--models", arguments.model, "--time", str(arguments.time)]
    run = subprocess.run(command + options, stdout=subprocess.PIPE, text=True, check=False)
    verdict = NAMES.get(run.returncode)
    if verdict is None:
        raise ChildProcessError(f"{' '.join(command)} ended with {run.returncode}")
    print(run.stdout.splitlines()[0], flush=True)
    return verdict


def try_out(arguments: argparse.Namespace) -> int:
    """All comparisons; counts them and says whether one was wrong.

    Runs of the cases alternate, so that a change of the machine hits all alike.
    """
    found = {
        (name, condition): Counter[str]()
        for name in arguments.cases
        for condition in arguments.conditions
    }
    for run in range(arguments.runs):
        for (name, condition), verdicts in found.items():
            print(f"{name}, {condition}: ", end="", flush=True)
            with neighbour(condition == "loaded", seed=run):
                verdicts[compare(CASES[name], arguments)] += 1
    wrong = 0
    for (name, condition), verdicts in found.items():
        counts = ", ".join(f"{verdicts[verdict]} {verdict}" for verdict in NAMES.values())
        n_wrong = verdicts[CASES[name].wrong]
        print(f"{name}, {condition}: {counts}; {n_wrong} wrong")
        wrong += n_wrong
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
