"""What is to be said of shards that were put together: what is missing, twice, or not the same."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from bench.results.environment import Environment
from bench.results.metrics import GPU_METRICS, METRICS, Metric
from bench.results.parts import Files, Part, Repeat, choose_parts, split_files
from bench.results.record import Status
from bench.results.shard import Shard

OF_A_PROCESS = ("peak_rss_bytes", "growth_rss_bytes", "memory_profiler_bytes", "busy_share")
"""Fields that differ from process to process; all others that need no clock are exact."""


@dataclass(frozen=True)
class Gap:
    """Networks of a shard that nobody measured."""

    shard: Shard
    networks: tuple[str, ...]
    is_begun: bool  # the shard is there, and did not come as far as these


@dataclass(frozen=True)
class Disagreement:
    """An exact value of the reference that is not the same in all shards."""

    network: str
    metric: Metric
    values: tuple[tuple[Part, float], ...]  # of each part that has one, two different at least

    @property
    def environments(self) -> list[Environment]:
        """Where they were made, each once."""
        found = (record.environment for part, _ in self.values for record in part.records)
        return list({place.identity: place for place in found if place}.values())


@dataclass(frozen=True)
class Review:
    """What is to be said of the shards of one run."""

    shards: tuple[Shard, ...]  # that count
    gaps: tuple[Gap, ...]
    repeats: tuple[Repeat, ...]
    disagreements: tuple[Disagreement, ...]


def review_shards(files: Files) -> Review | None:
    """Of the files of one run; None where none of them is of a shard."""
    parts, repeats = choose_parts(split_files(files))
    dealt = [part for part in parts if part.shard]
    if not dealt:
        return None
    shards = dict.fromkeys(part.shard for part in dealt if part.shard)
    return Review(
        shards=tuple(sorted(shards, key=lambda shard: (shard.plan, shard.index))),
        gaps=tuple(_find_gaps(tuple(shards), parts)),
        repeats=tuple(repeats),
        disagreements=tuple(_find_disagreements(dealt)),
    )


def _find_gaps(shards: Sequence[Shard], parts: Iterable[Part]) -> Iterator[Gap]:
    """Every shard of each plan that has networks without a record."""
    measured = {record.job.model for part in parts for record in part.records}
    for one in {shard.plan: shard for shard in shards}.values():
        for index in range(1, one.count + 1):
            shard = replace(one, index=index)
            missing = tuple(name for name in shard.own if name not in measured)
            if missing:
                yield Gap(shard, missing, is_begun=shard in shards)


def _find_disagreements(parts: Sequence[Part]) -> Iterator[Disagreement]:
    """Of every reference, by every exact metric."""
    for reference in dict.fromkeys(part.shard.reference for part in parts if part.shard):
        for metric in (*METRICS, *GPU_METRICS):
            if metric.spec.takes_time or metric.field in OF_A_PROCESS:
                continue
            found = [(part, _value(part, reference, metric)) for part in parts]
            values = tuple((part, value) for part, value in found if value is not None)
            if len({value for _, value in values}) > 1:
                yield Disagreement(reference, metric, values)


def _value(part: Part, network: str, metric: Metric) -> float | None:
    """The newest of a part; None where it has none."""
    wanted = (network, metric.probe, metric.phase)
    for record in reversed(part.records):
        job = record.job
        is_it = (job.model, job.probe, job.workload.phase) == wanted
        if is_it and record.status == Status.OK:
            value: float | None = getattr(record.result, metric.field)
            return value
    return None
