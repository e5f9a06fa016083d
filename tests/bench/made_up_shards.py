"""Files of shards, for tests: a made-up run, dealt to machines that found the same."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from bench.registry import NULL, TABLE1, Entry
from bench.results.record import Record
from bench.results.shard import Shard, deal
from bench.results.summary import choose_base
from tests.bench.made_up_runs import make_run

FOUR = range(1, 5)


def whole(entries: Sequence[Entry] = TABLE1, **sections: Mapping[str, Any]) -> list[Record]:
    """A run of all networks on one machine."""
    return make_run(entries, factor=1.0, **sections)


def shard_of(index: int, count: int = 4, entries: Sequence[Entry] = TABLE1) -> Shard:
    """One of the shards of a plan of some networks."""
    names = [entry.name for entry in entries]
    reference = choose_base(names)
    assert reference is not None
    return deal(index, count, names, reference)


def path_of(shard: Shard) -> Path:
    """Where its records are."""
    return Path(f"cpu-{shard.name}-20260102T030405Z.jsonl")


def take(run: Sequence[Record], shard: Shard, hour: int = 0) -> list[Record]:
    """What a shard measures of a run; later hours begin later."""
    return [
        replace(record, shard=shard, started_at=f"2026-01-02T{hour:02}:04:05+00:00")
        for record in run
        if record.job.model == NULL.name or shard.has(record.job.model)
    ]


def files_of(
    run: Sequence[Record], *indexes: int, count: int = 4, entries: Sequence[Entry] = TABLE1
) -> dict[Path, list[Record]]:
    """The files of some shards of a run of these networks."""
    shards = [shard_of(index, count, entries) for index in indexes]
    return {path_of(shard): take(run, shard, shard.index) for shard in shards}
