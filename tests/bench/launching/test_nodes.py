"""What nodes say of themselves: kinds, other code, and in what nodes of a kind differ."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.errors import UsageError
from bench.launching.differences import describe_differences
from bench.launching.nodes import GIB, by_kind, kind_of, refuse_others, round_memory
from bench.machine.finding import Finding, Severity, ok
from tests.bench.example_records import ENVIRONMENT, GPU, environment
from tests.bench.launching.made_up_cluster import make_node

SOLD = [
    1,
    2,
    3,
    4,
    6,
    8,
    12,
    16,
    24,
    32,
    48,
    64,
    96,
    128,
    192,
    256,
    384,
    512,
    768,
    1024,
    1536,
    2048,
]
"""GiB of memory that machines have."""


@given(size=st.sampled_from(SOLD), share=st.floats(0.92, 1.0))
def test_what_the_kernel_takes_changes_no_kind(size: int, share: float) -> None:
    assert round_memory(int(size * GIB * share)) == size


@given(st.integers(1, 4096 * GIB))
def test_memory_is_rounded_up_by_less_than_half(memory_bytes: int) -> None:
    assert memory_bytes <= round_memory(memory_bytes) * GIB <= max(2 * GIB, 1.5 * memory_bytes)


def test_kinds_are_processor_number_gpu_and_memory() -> None:
    assert kind_of(ENVIRONMENT) == "Example CPU, 2 processors, 8 GiB"
    others: list[dict[str, object]] = [
        {"cpu": "Other CPU"},
        {"n_available_cpus": 4},
        {"memory_bytes": 16 * GIB},
        {"gpu": GPU},
        {"memory_bytes": None},
    ]
    alike = [environment(machine={"memory_bytes": 7.7 * GIB}), environment(versions={"numpy": "2"})]
    nodes = [make_node(str(n), place) for n, place in enumerate([ENVIRONMENT, *alike])]
    nodes += [make_node(f"other {n}", environment(machine=o)) for n, o in enumerate(others)]
    found = by_kind(nodes)
    assert [len(members) for members in found.values()] == [3, 1, 1, 1, 1, 1]


def test_nodes_with_other_code_or_torch_are_named() -> None:
    other_code = environment(code={"commit": "fedcba9876543210", "is_modified": True})
    nodes = [
        make_node("good"),
        make_node("old", environment(versions={"torch": "2.12.0"})),
        make_node("new", other_code),
    ]
    code, torch = ENVIRONMENT.code.identity, ENVIRONMENT.versions["torch"]
    refuse_others(nodes[:1], code, torch)
    with pytest.raises(UsageError) as caught:
        refuse_others(nodes, code, torch)
    assert str(caught.value) == (
        "Not all nodes have the code and the torch that this run was started with (torch 2.13.0): "
        "new has another separation-bench (commit fedcba987654, with changes that nobody "
        "committed); old has torch 2.12.0. Install the same on all of them."
    )


def test_equal_code_of_unequal_commits_is_no_other() -> None:
    """A commit that changes documents only."""
    places = [environment(code={"commit": c, "sources_sha256": "ab"}) for c in ("1", "2")]
    refuse_others([make_node("a", place) for place in places], "ab", "2.13.0")


def hot(found: str) -> tuple[Finding, ...]:
    return (Finding("heat", Severity.WARN, found, "Slow.", "Cool it."), ok("swap", "0 B in use"))


COLD = (ok("heat", "never slowed since boot"), ok("swap", "13 B in use"))


def test_nodes_that_differ_are_named_with_what_was_found() -> None:
    unlike = environment(
        variables={"MALLOC_ARENA_MAX": "3"}, torch={"threads": 1}, versions={"numpy": "2.4"}
    )
    nodes = [
        make_node("a", findings=COLD),
        make_node("b", unlike, findings=hot("slowed 31 times since boot")),
        make_node("c", findings=COLD),
    ]
    assert sorted(describe_differences(nodes)) == [
        "Torch: threads: 2 on a, c; 1 on b.",
        "Variable: MALLOC_ARENA_MAX: not set on a, c; 3 on b.",
        "Version: numpy: not told on a, c; 2.4 on b.",
        "heat: ok on a, c; warn on b (slowed 31 times since boot).",
    ]


def test_numbers_of_the_moment_are_no_difference() -> None:
    """Two nodes that were slowed differently often, and two with little in their swap."""
    nodes = [make_node("a", findings=hot("31 times")), make_node("b", findings=hot("7 times"))]
    assert describe_differences(nodes) == []
    assert describe_differences(nodes[:1]) == []
