"""Rounds of processes that live side by side and take turns, call by call."""

from collections.abc import Generator, Sequence
from dataclasses import dataclass
from pathlib import Path

from bench.results.environment import Environment
from bench.results.record import Job, Record


@dataclass(frozen=True)
class Player:
    """One process of a round: its job, what it says of its environment, where its sources are.

    Players of one ``server`` are forked by one process and share the layout of its address space.
    ``job.budget_s`` is how long its calls may take in this round, loading and warm-up left out.
    """

    job: Job
    environment: Environment
    root: Path | None = None  # None: this project and the current folder
    server: int = 0


def measure_round(players: Sequence[Player]) -> Generator[Record, None, None]:
    """One record of each player, in their order, whatever happens in any of them.

    Every turn is one call of each player whose budget is not spent, in random order; a round
    ends when fewer than two have time left (of a lone player: when its own is spent).
    """
    raise NotImplementedError
    yield
