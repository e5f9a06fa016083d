"""Laws of the dealing of networks to shards, for any plan."""

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.errors import UsageError
from bench.results.shard import Shard, deal

NAMES = st.lists(st.text(min_size=1, max_size=5), min_size=2, max_size=30, unique=True)


@st.composite
def plans(draw: st.DrawFn) -> list[Shard]:
    """All shards of a plan."""
    networks = draw(NAMES)
    reference = draw(st.sampled_from(networks))
    count = draw(st.integers(1, len(networks) - 1))
    return [deal(index, count, networks, reference) for index in range(1, count + 1)]


@given(plans())
def test_every_network_is_in_one_shard_and_the_reference_beside_all(shards: list[Shard]) -> None:
    first = shards[0]
    dealt = Counter(name for shard in shards for name in shard.own)
    others = [name for name in first.networks if name != first.reference]
    assert dealt == Counter(others)
    for shard in shards:
        has = [name for name in shard.networks if shard.has(name)]
        assert sorted(has) == sorted([shard.reference, *shard.own])


@given(plans())
def test_shards_differ_by_one_network_at_most_and_none_is_empty(shards: list[Shard]) -> None:
    sizes = [len(shard.own) for shard in shards]
    assert min(sizes) >= 1
    assert max(sizes) - min(sizes) <= 1
    assert sizes == sorted(sizes, reverse=True)


@given(plans())
def test_one_plan_has_one_name_and_each_shard_its_own(shards: list[Shard]) -> None:
    assert len({shard.plan for shard in shards}) == 1
    assert len({shard.name for shard in shards}) == len(shards)
    for shard in shards:
        assert shard.name.endswith(shard.plan)
        assert set(shard.name) <= set("abcdefhrdnofs-0123456789")  # fit for any file system


@given(plans(), plans())
def test_two_plans_have_two_names(one: list[Shard], other: list[Shard]) -> None:
    def known_by(shards: list[Shard]) -> tuple[int, tuple[str, ...]]:
        return shards[0].count, shards[0].networks

    assert (one[0].plan == other[0].plan) == (known_by(one) == known_by(other))


def test_by_hand() -> None:
    networks = ("a", "b", "ref", "c", "d", "e")
    dealt = [deal(index, 3, networks, "ref").own for index in (1, 2, 3)]
    assert dealt == [("a", "d"), ("b", "e"), ("c",)]


def test_one_network_is_one_shard() -> None:
    assert deal(1, 1, ["ref"], "ref").own == ()
    with pytest.raises(UsageError, match=r"^--shard 1/2: of 1 network at most 1 can be made"):
        deal(1, 2, ["ref"], "ref")


@pytest.mark.parametrize(
    ("index", "count", "sentence"),
    [
        (1, 0, "--shard 1/0: the number of shards must be at least 1."),
        (1, -2, "--shard 1/-2: the number of shards must be at least 1."),
        (0, 2, "--shard 0/2: the number of a shard must lie between 1 and 2."),
        (3, 2, "--shard 3/2: the number of a shard must lie between 1 and 2."),
        (
            1,
            4,
            "--shard 1/4: of 4 networks at most 3 can be made, since every shard measures the "
            "reference, b, and one of 4 would measure nothing else.",
        ),
    ],
)
def test_a_shard_that_is_none_is_refused(index: int, count: int, sentence: str) -> None:
    with pytest.raises(UsageError) as refused:
        deal(index, count, ["a", "b", "c", "d"], "b")
    assert str(refused.value) == sentence
