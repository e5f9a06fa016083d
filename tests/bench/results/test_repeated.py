"""Paths of modules that repeat have one name, which says what they share."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.results.repeated import join_paths, pattern_of

NAMES = st.sampled_from(["blocks", "conv1", "0", "3", "12"])
PATHS = st.lists(NAMES, min_size=1, max_size=4).map(".".join)


@pytest.mark.parametrize(
    ("paths", "joined"),
    [
        (["a.0.b.1"], "a.0.b.1"),
        (["a.0.b.1", "a.15.b.1"], "a.*.b.1"),
        (["a.0.b.1", "a.15.b.2"], "a.*.b.*"),
        ([""], ""),
    ],
)
def test_only_numbers_that_differ_become_stars(paths: list[str], joined: str) -> None:
    assert join_paths(paths) == joined


def test_a_number_at_the_end_of_a_name_belongs_to_it() -> None:
    assert pattern_of("net.conv1.0") == "net.conv1.*"


@given(path=PATHS, others=st.lists(PATHS))
def test_paths_of_one_pattern_join_to_that_pattern_or_less(path: str, others: list[str]) -> None:
    alike = [path, *(other for other in others if pattern_of(other) == pattern_of(path))]
    joined = join_paths(alike)
    assert pattern_of(joined) == pattern_of(path)
    assert (joined == path) == (len(set(alike)) == 1)
