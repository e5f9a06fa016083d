"""The command ``separation-bench``: one door to bench.run, bench.report and all others.

It takes the package ``bench`` that lies beside this file, whatever package of that name the
user's folder or PYTHONPATH holds.
"""

import difflib
import importlib
import runpy
import sys
from collections.abc import Sequence
from pathlib import Path

COMMANDS = {
    "run": "measure what networks cost, then write the reports",
    "report": "write the reports again from stored records",
    "operations": "where the operations go, beside other counters",
    "published": "published figures beside exact counts, and their rules",
    "explain": "where the time and the memory of a step go",
    "sweep": "how time and memory grow with length, batch and threads",
    "streaming": "real-time factor against latency on a stream",
    "family": "what every SuDoRM-RF costs, beside what its authors print",
    "doctor": "say what makes this machine unfit to measure on",
    "repeatability": "how far ratios move between runs, quiet and under load",
    "pages": "what an allocator that keeps its pages is worth",
    "check": "hold networks to budgets (PASS, FAIL or INCONCLUSIVE)",
    "compare": "measure two revisions, or two networks, in turns",
    "history": "a value over commits, and where it changed",
    "train": "train a network on mixtures of recordings",
    "evaluate": "SI-SDRi of trained networks on fixed mixtures",
    "separate": "separate a recording into its sources",
    "export": "write a network as a file that can be deployed",
}
HELP = (
    "usage: separation-bench COMMAND [OPTION ...]\n\n"
    "What audio source separation networks cost in operations, memory and time.\n\n"
    + "".join(f"  {name:<15}{what}\n" for name, what in COMMANDS.items())
    + "\nseparation-bench COMMAND --help shows its options; --version the version."
)
EXIT_OK, EXIT_USAGE = 0, 2  # as in bench/errors.py


def main(argv: Sequence[str] | None = None) -> int:
    """Hand the arguments to the command that they name; its exit code."""
    command, *rest = (sys.argv[1:] if argv is None else argv) or [""]
    if command in ("-h", "--help"):
        print(HELP)
        return EXIT_OK
    if command == "--version":
        print(describe_version())
        return EXIT_OK
    if command not in COMMANDS:
        print(f"error: {describe_mistake(command)}", file=sys.stderr)
        return EXIT_USAGE
    root = Path(__file__).parent
    runpy.run_path(str(root / "bench" / "origin.py"))["load_from"](root, "bench")
    if argv is None:  # the command is a program too, and may start itself again
        sys.argv[1:] = rest
    module = importlib.import_module(f"bench.{command}")
    exit_code: int = module.main(None if argv is None else rest)
    return exit_code


def describe_mistake(command: str) -> str:
    """What is wrong with a first argument that names no command."""
    if not command:
        return "No command was given. separation-bench --help lists them."
    near = difflib.get_close_matches(command, COMMANDS, n=1)
    hint = f" Did you mean {near[0]!r}?" if near else ""
    return f"There is no command {command!r}.{hint} separation-bench --help lists them."


def describe_version() -> str:
    """The installed version, or that it is not installed."""
    from importlib import metadata  # takes as long as all the rest, and only this needs it

    try:
        return f"separation-bench {metadata.version('separation-bench')}"
    except metadata.PackageNotFoundError:
        return "separation-bench, not installed: run from its sources"


if __name__ == "__main__":
    sys.exit(main())
