"""python -m bench.compare BASE HEAD: is one thing slower than another?

BASE and HEAD are git revisions (WORKTREE or `.` is the working tree as it lies there) or two
networks (`model:NAME`). In each round two fresh processes of either live side by side on this
machine, and their calls take turns.

Exit codes: 0 PASS, no slow-down that matters; 1 FAIL; 3 INCONCLUSIVE; 2 the request can't be
met; 130 Ctrl-C and 143 SIGTERM (the worktrees are removed).
"""

import argparse
import sys
from collections.abc import Sequence
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

from bench.command import announce, name_program, run_command
from bench.errors import UsageError
from bench.gate.comparison import Duel, settle
from bench.gate.effect import SMALLEST_EFFECT
from bench.gate.outlook import Allowance
from bench.gate.sides import Side, two_sides
from bench.machine.lock import measuring_alone
from bench.measuring.conductor import Player, measure_round
from bench.measuring.place import choose_device
from bench.options import add_precision
from bench.plan import Effort, Settings, plan_job
from bench.registry import Entry
from bench.results.record import Job, Record
from bench.results.store import RecordFile
from bench.results.verdict import FORMS, Check
from bench.results.workload import GPU_PHASES, Phase

EFFORT = Effort(1, 0.0, 1.0, budget_s=1.2, deadline_s=600)


def build_parser() -> argparse.ArgumentParser:
    """Which two sides to compare, on what, for how long."""
    parser = argparse.ArgumentParser(
        prog=name_program("compare"),
        description="Measure two revisions or networks in turns; say whether HEAD is slower.",
        epilog="Exit codes: 0 PASS, 1 FAIL, 3 INCONCLUSIVE, 2 the request can't be met.",
    )
    parser.add_argument("base", metavar="BASE", help="a git revision, WORKTREE or model:NAME")
    parser.add_argument("head", metavar="HEAD", help="the same kind of thing")
    parser.add_argument(
        "--models",
        nargs="+",
        default=["all"],
        metavar="NAME",
        help="the networks whose revisions are compared (default: all)",
    )
    parser.add_argument(
        "--phase",
        choices=GPU_PHASES,
        help="default: inference, or with --device cuda what runs there",
    )
    parser.add_argument("--samples", type=int, default=8000, help="length (default: 8000)")
    parser.add_argument("--batch", type=int, default=1, help="mixtures at once (default: 1)")
    add_precision(parser)
    parser.add_argument(
        "--device", choices=("cpu", "cuda"), default="cpu", help="what runs there (default: cpu)"
    )
    parser.add_argument(
        "--threads", type=int, default=1, help="default: 1, which neighbours disturb least"
    )
    parser.add_argument(
        "--smallest-effect",
        type=float,
        default=100 * SMALLEST_EFFECT,
        metavar="PERCENT",
        help="a slow-down that matters (default: %(default)g)",
    )
    parser.add_argument(
        "--time", type=float, default=300.0, metavar="S", help="to spend (default: 300 s)"
    )
    parser.add_argument(
        "--format", choices=FORMS, default="text", dest="form", help="default: text"
    )
    parser.add_argument(
        "--output",
        type=Path,
        default=Path("build/gate"),
        metavar="DIR",
        help="where records/ go (default: build/gate)",
    )
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Parse, compare, and turn every ending into an exit code."""
    arguments = build_parser().parse_args(argv)
    return run_command(lambda: compare(arguments))


def compare(arguments: argparse.Namespace) -> int:
    """The whole job: find both sides, measure them in turns, say the verdicts."""
    if not 0 < arguments.smallest_effect < 100:
        raise UsageError(
            f"--smallest-effect must lie between 0 and 100 %, not {arguments.smallest_effect:g}."
        )
    settings = Settings(
        update_device=arguments.device,
        n_samples=arguments.samples,
        batch=arguments.batch,
        dtype=arguments.dtype,
        threads=arguments.threads,
        seed=0,
        effort=EFFORT,
        tf32=arguments.tf32 == "on",
    )
    phase = choose_phase(arguments.phase, settings)
    with two_sides(arguments.base, arguments.head, arguments.models, arguments.threads) as pairs:
        for side in pairs[0]:
            choose_device(arguments.device, side.environment)
        checks = measure_in_turns(pairs, phase, settings, arguments)
    title = f"{arguments.base} to {arguments.head}, {phase} on {arguments.device}"
    return announce(checks, title, arguments.form)


def choose_phase(asked: Phase | None, settings: Settings) -> Phase:
    """What is judged: what was asked for, or else what runs on the device, inference before all.

    Raises:
        UsageError: what was asked for does not run there.
    """
    device = settings.update_device
    there = [phase for phase in settings.phases if settings.workload(phase).device == device]
    default = min(there, key=lambda phase: phase == "update")
    if asked is not None and asked not in there:
        raise UsageError(
            f"--phase {asked} runs on {settings.workload(asked).device}, and --device {device} "
            f"asks for what runs on {device}: --phase {' or '.join(there)}."
        )
    return asked or default


def measure_in_turns(
    pairs: Sequence[tuple[Side, Side]],
    phase: Phase,
    settings: Settings,
    arguments: argparse.Namespace,
) -> list[Check]:
    """All verdicts; the records of a round are on disk before the next one starts."""
    started = f"{datetime.now(UTC):%Y%m%dT%H%M%SZ}"
    path = arguments.output / "records" / f"compare-{started}.jsonl"

    def plan(entry: Entry, index: int) -> Job:
        return plan_job(entry, phase, "latency", settings, index)

    def measure(players: Sequence[Player]) -> list[Record]:
        progress.expect(len(players))
        measured = []
        with closing(measure_round(players)) as running:
            for record in running:
                records.append(record)
                measured.append(record)
                progress.advance(record)
        return measured

    from bench.render.terminal.progress import show_progress  # after --help has had its answer

    with measuring_alone(), show_progress() as progress:
        records = RecordFile.create(path)
        return settle(
            [Duel(base, head) for base, head in pairs],
            plan,
            measure,
            arguments.smallest_effect / 100,
            Allowance(arguments.time),
        )


if __name__ == "__main__":
    sys.exit(main())
