"""Shards of a plan: which of its networks each of several machines measures.

All networks but the reference are dealt in turn, in the plan's order. Every shard measures the
reference too, so that ratios to it are of calls on one machine. Who is dealt what follows from the
plan alone, so machines need not ask each other.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

from bench.errors import UsageError


@dataclass(frozen=True)
class Shard:
    """One part of a plan, which is known by its networks; the machines may differ."""

    index: int  # from 1
    count: int
    networks: tuple[str, ...]  # of the whole plan, in its order
    reference: str  # the one of them that others are compared with

    @property
    def own(self) -> tuple[str, ...]:
        """The networks that no other shard measures."""
        others = [name for name in self.networks if name != self.reference]
        return tuple(others[self.index - 1 :: self.count])

    def has(self, network: str) -> bool:
        """Whether it measures a network of the plan: one of its own, or the reference."""
        return network == self.reference or network in self.own

    @property
    def plan(self) -> str:
        """In file names: the number of shards, and what tells the networks from others."""
        digest = hashlib.sha256("\n".join(self.networks).encode()).hexdigest()
        return f"of-{self.count}-{digest[:8]}"

    @property
    def name(self) -> str:
        """In file names; no other shard of any plan has it."""
        return f"shard-{self.index}-{self.plan}"


def deal(index: int, count: int, networks: Sequence[str], reference: str) -> Shard:
    """One of so many shards of a plan of at least one network.

    Raises:
        UsageError: there is no such shard, or one of them would have the reference alone.
    """
    if count < 1:
        raise UsageError(f"--shard {index}/{count}: the number of shards must be at least 1.")
    if not 1 <= index <= count:
        raise UsageError(
            f"--shard {index}/{count}: the number of a shard must lie between 1 and {count}."
        )
    most = max(1, len(networks) - 1)
    if count > most:
        which = f"{len(networks)} networks" if len(networks) > 1 else "1 network"
        raise UsageError(
            f"--shard {index}/{count}: of {which} at most {most} can be made, since every shard "
            f"measures the reference, {reference}, and one of {count} would measure nothing else."
        )
    return Shard(index, count, tuple(networks), reference)
