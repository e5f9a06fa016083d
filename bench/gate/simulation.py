"""python -m bench.gate.simulation: how often the gate is wrong, and what it costs.

Simulates whole gates of `bench.compare` on a synthetic clock and prints the table of
docs/method.md. Exit codes: 0 printed, 2 the records hold too little to model noise on.
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from bench.errors import EXIT_OK, EXIT_USAGE, UsageError
from bench.gate.effect import ALPHA, LOOKS, SMALLEST_EFFECT, Contrasts, judge
from bench.gate.noise import Bank, Conditions, read_bank, simulate_rounds
from bench.results.store import read_records

CONDITIONS = {
    "as recorded": Conditions(),
    "drift": Conditions(walk=0.01, trend=0.3),
    "bursts": Conditions(burst_rate=0.05),
    "drift and bursts": Conditions(walk=0.01, trend=0.3, burst_rate=0.05),
    "wild": Conditions(scale=2.0, walk=0.03, trend=0.3, burst_rate=0.1, burst_size=0.6),
}
SLOW_DOWNS = (0.0, 0.02, 0.05, 0.1, -0.1)
ROUNDS = 25  # for which the default of `bench.compare --time` is enough
SEED = 5


class Rates(NamedTuple):
    """Shares of the simulated gates, and their mean length."""

    fails: float
    passes: float
    inconclusive: float
    probable: float  # those of the inconclusive that are called probably slower
    mean_rounds: float


def rate_gates(same_code: Contrasts, slow_down: float) -> Rates:
    """Gates to their verdicts, with the looks and the judgement of the real one.

    ``same_code`` is ``[gates, rounds]``, after which the time is spent; the head is made slower by
    ``slow_down``.
    """
    n_gates, n_most = same_code.effect.shape
    effects = same_code.effect + np.log1p(slow_down)
    is_open = np.ones(n_gates, dtype=bool)
    fails = passes = probable = 0
    rounds = np.full(n_gates, n_most)
    for n_rounds in (*(look for look in LOOKS if look < n_most), n_most):
        seen = Contrasts(effects[is_open, :n_rounds], same_code.control[is_open, :n_rounds])
        judgement = judge(seen, SMALLEST_EFFECT, ALPHA / len(LOOKS))
        fails += int(judgement.is_fail.sum())
        passes += int(judgement.is_pass.sum())
        probable = int(judgement.is_probable.sum())
        settled = np.flatnonzero(is_open)[judgement.is_fail | judgement.is_pass]
        rounds[settled] = n_rounds
        is_open[settled] = False
    shares = (fails / n_gates, passes / n_gates, float(is_open.mean()), probable / n_gates)
    return Rates(*shares, float(rounds.mean()))


def render_table(bank: Bank, n_gates: int) -> str:
    """The Markdown table of all conditions and slow-downs."""
    lines = [
        "| Machine | True slow-down | FAIL | PASS | INCONCLUSIVE | of these probably slower "
        "| Rounds, mean |",
        "| :--- | ---: | ---: | ---: | ---: | ---: | ---: |",
    ]
    rng = np.random.default_rng(SEED)
    for name, conditions in CONDITIONS.items():
        same_code = simulate_rounds(bank, conditions, (n_gates, ROUNDS), rng)
        for slow_down in SLOW_DOWNS:
            rates = rate_gates(same_code, slow_down)
            shares = " | ".join(f"{share:.1%}" for share in rates[:4])
            lines.append(f"| {name} | {slow_down:.0%} | {shares} | {rates.mean_rounds:.1f} |")
    return "\n".join(lines)


def recorded_runs(folder: Path = Path("reports/records/gate")) -> list[Path]:
    """The runs that come with the project."""
    return sorted(folder.glob("*.jsonl"))


def main(argv: Sequence[str] | None = None) -> int:
    """Parse, simulate, print."""
    parser = argparse.ArgumentParser(
        prog="python -m bench.gate.simulation",
        description="Simulate the gate of bench.compare and print how often it is wrong.",
    )
    parser.add_argument(
        "records",
        nargs="*",
        type=Path,
        metavar="RECORDS.jsonl",
        help="whose noise to model (default: reports/records/gate)",
    )
    parser.add_argument("--gates", type=int, default=1000, help="for each row (default: 1000)")
    arguments = parser.parse_args(argv)
    try:
        files = arguments.records or recorded_runs()
        bank = read_bank(read_records(path).records for path in files)
    except UsageError as error:
        print(f"error: {error}", file=sys.stderr)
        return EXIT_USAGE
    print(render_table(bank, arguments.gates))
    return EXIT_OK


if __name__ == "__main__":
    sys.exit(main())
