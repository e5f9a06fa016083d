"""What counts of files that are put together: of a network that two shards measured, one of them.

Measurements of a shard that was measured again, of a file that was copied, or of plans that have
networks in common would otherwise have twice the weight of others.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from pathlib import Path

from bench.results.record import Record, Status
from bench.results.shard import Shard

Files = Mapping[Path, Sequence[Record]]


@dataclass(frozen=True)
class Part:
    """What a file holds of one shard, or of a run that was not dealt; at least one record."""

    path: Path
    shard: Shard | None
    records: tuple[Record, ...]

    @property
    def age(self) -> tuple[str, str]:
        """Sorts the oldest first, whatever the order in which files were named."""
        return min(record.started_at for record in self.records), str(self.path)

    @property
    def own(self) -> tuple[str, ...]:
        """The networks that it has records of and was dealt."""
        if self.shard is None:
            return ()
        measured = {record.job.model for record in self.records}
        dealt = self.shard.own or (self.shard.reference,)  # of a plan of one network
        return tuple(name for name in dealt if name in measured)

    def n_measured(self, networks: Iterable[str]) -> int:
        """How many cells of some networks it has a result of."""
        asked = set(networks)
        return sum(r.job.model in asked and r.status == Status.OK for r in self.records)

    def without(self, networks: Iterable[str]) -> "Part":
        """The same without the records of some networks."""
        left_out = set(networks)
        kept = tuple(record for record in self.records if record.job.model not in left_out)
        return replace(self, records=kept)


@dataclass(frozen=True)
class Repeat:
    """Networks that two parts measured, and which of the parts counts."""

    networks: tuple[str, ...]
    counted: Part
    left_out: Part


def split_files(files: Files) -> list[Part]:
    """Each file by its shards, the oldest part first; files without a record have none.

    Files of shards may have been written one behind the other into one.
    """

    def name(record: Record) -> str:
        return record.shard.name if record.shard else ""

    parts = [
        Part(path, shard_records[0].shard, shard_records)
        for path, records in files.items()
        for _, group in groupby(sorted(records, key=name), name)
        if (shard_records := tuple(group))
    ]
    return sorted(parts, key=lambda part: part.age)


def choose_parts(parts: Sequence[Part]) -> tuple[list[Part], list[Repeat]]:
    """What counts, and what does not since another part has it.

    Of two parts that measured a network which both were dealt, the one counts that measured more
    of its cells, of equals the newer. What has no network left is left out as a whole. The
    reference is of every shard, and counts each time; so do runs that were not dealt.
    """
    taken: dict[tuple[int, int], list[str]] = {}  # networks, by the parts that count and don't
    for network in dict.fromkeys(name for part in parts for name in part.own):
        having = [index for index, part in enumerate(parts) if network in part.own]
        counted = max(having, key=lambda index: (parts[index].n_measured([network]), index))
        for index in having:
            if index != counted:
                taken.setdefault((counted, index), []).append(network)
    repeats = [
        Repeat(tuple(networks), parts[counted], parts[index])
        for (counted, index), networks in taken.items()
    ]
    return [left for part in parts if (left := _what_counts(part, repeats))], repeats


def _what_counts(part: Part, repeats: Sequence[Repeat]) -> Part | None:
    """A part without the networks that another has; None where it had no more than those."""
    taken = {n for repeat in repeats if repeat.left_out is part for n in repeat.networks}
    return None if taken and taken == set(part.own) else part.without(taken)
