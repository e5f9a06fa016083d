"""The names of the networks: all of them lead somewhere, and requests find them."""

import importlib
import re
from importlib.util import find_spec

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.errors import UsageError
from bench.registry import (
    CAUSAL,
    CAUSAL_V3,
    FAMILY,
    GROUPCOMM,
    IMPROVED,
    REGISTRY,
    TABLE1,
    TABLE2,
    VARIANTS,
    Entry,
    select_entries,
)

ALL = [entry.name for entry in TABLE1]
SUDORMRF = [name for name in REGISTRY if name.startswith("sudormrf-")]


def names(*requests: str) -> list[str]:
    return [entry.name for entry in select_entries(requests)]


@pytest.mark.parametrize("entry", REGISTRY.values(), ids=lambda entry: entry.name)
def test_every_factory_is_there_and_takes_no_arguments(entry: Entry) -> None:
    if "asteroid" in entry.factory and find_spec("asteroid") is None:
        pytest.skip("asteroid is not installed")
    module, _, function = entry.factory.partition(":")
    factory = getattr(importlib.import_module(module), function)
    assert callable(factory)
    assert factory.__code__.co_argcount == factory.__code__.co_kwonlyargcount == 0


@pytest.mark.parametrize("entry", REGISTRY.values(), ids=lambda entry: entry.name)
def test_names_follow_the_convention(entry: Entry) -> None:
    assert re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*(-\d+(\.\d+)?x)?", entry.name)
    assert re.fullmatch(r"[a-z_0-9.]+:[a-z_0-9]+", entry.factory)


def test_nothing_is_there_twice() -> None:
    later = (*IMPROVED, *GROUPCOMM, *CAUSAL, *CAUSAL_V3)
    entries = (*TABLE1, *TABLE2[1:], *VARIANTS, *later)
    assert TABLE2[0] in TABLE1
    assert len(REGISTRY) == len(entries)
    assert len({entry.display_name for entry in entries}) == len(entries)
    assert len({entry.factory for entry in entries}) == len(entries)


def test_the_family_is_every_sudormrf() -> None:
    assert [entry.name for entry in FAMILY] == SUDORMRF


def test_all_is_table_1_in_the_papers_order() -> None:
    assert names("all") == ALL
    assert len(ALL) == 7


@pytest.mark.parametrize(
    ("requests", "selected"),
    [
        (["dprnn"], ["dprnn"]),
        (["dprnn", "demucs", "dprnn"], ["demucs", "dprnn"]),
        (["dprnn,demucs"], ["demucs", "dprnn"]),
        ([" dprnn , demucs ,"], ["demucs", "dprnn"]),
        (["sudormrf-*"], SUDORMRF),
        (["sudormrf-[01].?x"], ["sudormrf-1.0x", "sudormrf-0.5x"]),
        (["sudormrf-text-1.0x", "all"], [*ALL, "sudormrf-text-1.0x"]),
        (["table2"], [entry.name for entry in TABLE2]),
        (["family"], SUDORMRF),
        (["*"], list(REGISTRY)),
        (["b.c:d", "dprnn", "a.b:c", "b.c:d"], ["dprnn", "b.c:d", "a.b:c"]),
    ],
)
def test_requests(requests: list[str], selected: list[str]) -> None:
    assert names(*requests) == selected


def test_an_own_network_is_its_dotted_path() -> None:
    (entry,) = select_entries(["my.networks:Small"])
    assert entry.name == entry.display_name == entry.factory == "my.networks:Small"


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("convtasnet", "conv-tasnet"),
        ("Conv-TasNet", "conv-tasnet"),
        ("sudormrf-1x", "sudormrf-1.0x"),
        ("sudormrf_0.25x", "sudormrf-0.25x"),
        ("DPRNN", "dprnn"),
        ("two-step", "two-step-tdcn"),
        ("demux", "demucs"),
    ],
)
def test_the_nearest_name_is_offered(typed: str, meant: str) -> None:
    with pytest.raises(UsageError, match=re.escape(f"{typed!r}. Did you mean {meant!r}?")):
        select_entries(["dprnn", typed])


def test_nothing_near_is_nothing_offered() -> None:
    with pytest.raises(UsageError) as refused:
        select_entries(["zzzzzz"])
    assert "Did you mean" not in str(refused.value)
    assert "--list" in str(refused.value)


@pytest.mark.parametrize("requests", [[], [""], [",", " ,, "]])
def test_no_request_is_refused(requests: list[str]) -> None:
    with pytest.raises(UsageError, match="No model was selected"):
        select_entries(requests)


@given(st.permutations(list(REGISTRY)).flatmap(lambda p: st.sets(st.sampled_from(p), min_size=1)))
def test_the_order_of_requests_does_not_matter(chosen: set[str]) -> None:
    in_order = [name for name in REGISTRY if name in chosen]
    assert names(*chosen) == names(",".join(sorted(chosen))) == in_order


def test_registered_networks_separate_two_and_nothing_is_expected_of_others() -> None:
    assert {entry.n_src for entry in REGISTRY.values()} == {2}
    assert select_entries(["package.module:network"])[0].n_src is None
