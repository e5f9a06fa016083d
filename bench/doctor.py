"""python -m bench.doctor: say before a run what makes this machine unfit, and what to do.

Exit codes: 0 fit, warnings allowed; 1 unfit: times would mislead, or there would be none;
2 the request can't be met (no measuring process can start); 130 Ctrl-C and 143 SIGTERM.
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from bench.command import name_program, run_command
from bench.errors import EXIT_OK, EXIT_UNFIT
from bench.measuring.forkserver import require_linux


def build_parser() -> argparse.ArgumentParser:
    """Where reports would go, and how to print what is found."""
    parser = argparse.ArgumentParser(
        prog=name_program("doctor"),
        description="Look at the load, settings, memory, GPU and packages of this machine, try "
        "for some seconds what its threads and its malloc are worth, and say what makes it unfit "
        "for measuring and what to do.",
        epilog="Exit codes: 0 fit (warnings allowed), 1 unfit, 2 could not look, "
        "130 Ctrl-C, 143 SIGTERM.",
    )
    parser.add_argument(
        "--output",
        type=Path,
        default=Path("reports"),
        metavar="DIR",
        help="where reports would go (default: reports)",
    )
    parser.add_argument(
        "--format", choices=("table", "json"), default="table", help="default: table"
    )
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Parse, look, and turn every ending into an exit code."""
    arguments = build_parser().parse_args(argv)
    return run_command(lambda: examine(arguments), kept="Nothing is left behind.")


def examine(arguments: argparse.Namespace) -> int:
    """Take the readings, judge them, print the findings."""
    require_linux()  # before what can only be imported there

    from rich.console import Console  # after --help has had its answer

    from bench.machine.fitness import find_faults, is_fit
    from bench.machine.readings import take_readings
    from bench.measuring.isolate import fetch_environment
    from bench.measuring.machine_trial import try_machine
    from bench.render.terminal.fitness import render_findings, render_json, render_verdict

    readings = take_readings(arguments.output, fetch_environment, try_machine)
    findings = find_faults(readings)
    if arguments.format == "json":
        print(render_json(findings, readings.environment))
    else:
        Console().print(render_findings(findings))
        print(render_verdict(findings))
    return EXIT_OK if is_fit(findings) else EXIT_UNFIT


if __name__ == "__main__":
    sys.exit(main())
