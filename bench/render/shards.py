"""Shards that were put together, in sentences: which there are, and what is wrong with them."""

from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby

from bench.render.columns import titles
from bench.render.facts import list_facts_of_place
from bench.results.environment import Environment
from bench.results.parts import Part, Repeat
from bench.results.shard import Shard
from bench.results.shard_review import Disagreement, Gap, Review


def describe_shards(review: Review) -> str:
    """Those that there are, plan by plan, and what is wrong with them."""
    plans = [list(plan) for _, plan in groupby(review.shards, lambda shard: shard.plan)]
    there = [_describe_plan(plan) for plan in plans]
    return " ".join([*there, *describe_faults(review)])


def describe_faults(review: Review) -> list[str]:
    """What is missing, what is there twice, and what is not the same; nothing where all is well."""
    return [
        *_describe_gaps(review.gaps),
        *map(_describe_repeat, review.repeats),
        *_describe_disagreements(review.disagreements),
    ]


def _describe_plan(shards: Sequence[Shard]) -> str:
    """As `1 and 3 of 4, of 7 networks.`"""
    n_networks = len(shards[0].networks)
    networks = "1 network" if n_networks == 1 else f"{n_networks} networks"
    return f"{_number(shards)}, of {networks}."


def _describe_gaps(gaps: Iterable[Gap]) -> Iterator[str]:
    """A sentence for the shards of a plan that are missing, and one for those that ended early."""

    def kind(gap: Gap) -> tuple[str, bool]:
        return gap.shard.plan, gap.is_begun

    for (_, is_begun), group in groupby(sorted(gaps, key=kind), kind):
        found = list(group)
        shards = _capitalize(_name_shards([gap.shard for gap in found]))
        networks = _name_networks([name for gap in found for name in gap.networks])
        if is_begun:
            yield f"{shards} ended before anything was measured of {networks}."
        else:
            yield f"{shards} {'are' if len(found) > 1 else 'is'} missing: {networks}."


def _describe_repeat(repeat: Repeat) -> str:
    counted, left_out = (_name_part(part) for part in (repeat.counted, repeat.left_out))
    networks = _capitalize(_name_networks(repeat.networks))
    verb = "were" if len(repeat.networks) > 1 else "was"
    return f"{networks} {verb} measured twice: {counted} counts, {left_out} does not."


def _describe_disagreements(found: Sequence[Disagreement]) -> Iterator[str]:
    """The values, and what is known to differ between the places where they were made."""
    for network, group in groupby(found, lambda each: each.network):
        disagreements = list(group)
        values = "; ".join(map(_list_values, disagreements))
        places = {place.identity: place for each in disagreements for place in each.environments}
        yield (
            f"The reference {network} is not the same in all shards, so machines or versions "
            f"differ. {values}. {_list_differences(list(places.values()))}"
        )


def _list_values(disagreement: Disagreement) -> str:
    """Each different value, to the unit, with the shards that have it."""
    metric = disagreement.metric
    having: dict[float, list[Part]] = {}
    for part, value in disagreement.values:
        having.setdefault(value, []).append(part)
    texts = [
        f"{value:,.0f} {metric.unit}".strip() + f" in {_join(map(_name_part, parts))}"
        for value, parts in having.items()
    ]
    return f"{titles().get(metric.name, metric.name)}: {_join(texts)}"


def _list_differences(places: Sequence[Environment]) -> str:
    """What the records tell of machines and versions that is not the same."""
    told = [list_facts_of_place(place) for place in places]
    facts = dict.fromkeys(fact for facts in told for fact in facts)
    values = {fact: dict.fromkeys(facts.get(fact, "none") for facts in told) for fact in facts}
    found = [f"{fact} {_join(texts)}" for fact, texts in values.items() if len(texts) > 1]
    return f"What differs: {'; '.join(found)}." if found else "The records don't tell in what."


def _name_part(part: Part) -> str:
    name = _name_shards([part.shard]) if part.shard else "a whole run"
    return f"{name} ({part.path.name})"


def _name_shards(shards: Sequence[Shard]) -> str:
    """Of one plan: `shard 2 of 4`, `shards 2 and 4 of 4`."""
    return f"shard{'s' if len(shards) > 1 else ''} {_number(shards)}"


def _number(shards: Sequence[Shard]) -> str:
    """As `2 and 4 of 4`."""
    return f"{_join(str(shard.index) for shard in shards)} of {shards[0].count}"


def _name_networks(names: Sequence[str]) -> str:
    return f"network{'s' if len(names) > 1 else ''} {_join(names)}"


def _join(words: Iterable[str]) -> str:
    """`a`, `a and b`, `a, b and c`."""
    *first, last = words
    return f"{', '.join(first)} and {last}" if first else last


def _capitalize(sentence: str) -> str:
    """With a capital at the beginning; what names of networks have stays."""
    return sentence[0].upper() + sentence[1:]
