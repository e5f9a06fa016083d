"""What is alive: against a naive replay of random steps, and by hand for a chain of layers."""

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.results.alive import (
    GRADIENTS,
    HELD,
    ITSELF,
    LEAST_SHARE,
    MOST_GROUPS,
    OTHER,
    TEMPORARY,
    AliveBlocks,
    Stacks,
    find_alive,
    find_fullest,
    finer_group_of,
    group_of,
    peaks_by_group,
    stack_up,
)
from bench.results.profile import MemoryTimeline, Place, Profile
from tests.bench.example_profiles import (
    CHAIN,
    MadeUpStep,
    make_profile,
    profile_inference,
    profile_update,
    sudormrf_like,
)

BUILDERS = (profile_inference, profile_update)
PLACES = (
    ("forward", "encoder", "convolution"),
    ("forward", "separator.blocks.0", "relu"),
    ("forward", "separator.blocks.1", "relu"),
    ("forward", "", "mul"),
    ("loss", "", "mul"),
    ("backward", "encoder", "convolution_backward"),
    ("backward", "", "mul"),
    ("optimiser", "", "_foreach_add_"),
)


@st.composite
def steps(draw: st.DrawFn) -> Profile:
    """Operators in any order that make and free blocks as they like."""
    step = MadeUpStep()
    alive: list[int] = []
    for part, module, operator in draw(st.lists(st.sampled_from(PLACES), min_size=1, max_size=8)):
        step.run(part, module, operator)
        for _ in range(draw(st.integers(0, 4))):
            if draw(st.booleans()) and alive:
                step.free(alive.pop(draw(st.integers(0, len(alive) - 1))))
            else:
                alive.append(step.make(draw(st.integers(1, 9))))
    return make_profile(step, before_bytes=draw(st.sampled_from([0, 5])))


class Replay:
    """A step once more, slowly: who is alive is asked anew for each moment."""

    def __init__(self, profile: Profile) -> None:
        self.profile = profile
        self.memory = profile.memory
        self.levels = [self.level(n) for n in range(len(self.memory.changes) + 1)]

    def alive(self, n_changes: int) -> set[int]:
        done = self.memory.changes[:n_changes]
        return {one for one in done if one > 0 and -one not in done}

    def level(self, n_changes: int) -> int:
        blocks = self.alive(n_changes)
        return self.memory.before_bytes + sum(self.memory.block_bytes[one - 1] for one in blocks)

    def place_of(self, change: int) -> Place | None:
        if change not in self.memory.changes:
            return None
        moment = self.memory.moments[self.memory.changes.index(change)]
        return self.profile.rows[self.memory.rows[moment]].place

    def by_group(self, n_changes: int) -> dict[str, int]:
        found = {HELD: self.memory.before_bytes}
        for one in self.alive(n_changes):
            made_by = self.place_of(one)
            assert made_by is not None
            group = group_of(made_by, outlives=self.place_of(-one) is None)
            found[group] = found.get(group, 0) + self.memory.block_bytes[one - 1]
        return {group: n_bytes for group, n_bytes in found.items() if n_bytes}

    def moments_of(self, operator: int) -> list[int]:
        """Numbers of changes: before the operator, and after each of its own."""
        before = sum(moment < operator for moment in self.memory.moments)
        return [before + n for n in range(self.memory.moments.count(operator) + 1)]


@given(profile=steps())
def test_stacks_are_what_is_alive_at_the_fullest_moment_of_each_operator_that_changes_it(
    profile: Profile,
) -> None:
    replay, stacks = Replay(profile), stack_up(profile.memory, profile.rows)
    assert stacks.operators == (tuple(sorted(set(profile.memory.moments))) or (0,))
    for operator, sizes in zip(stacks.operators, stacks.alive, strict=True):
        fullest = max(replay.moments_of(operator), key=lambda n: replay.levels[n])
        assert sum(sizes) == replay.levels[fullest]
        alive = {group: n for group, n in zip(stacks.groups, sizes, strict=True) if n}
        assert alive == replay.by_group(fullest)
    assert max(map(sum, stacks.alive)) == profile.memory.peak_bytes


@given(profile=steps())
def test_what_is_alive_at_the_peak_adds_up_to_it_with_what_was_held_before(
    profile: Profile,
) -> None:
    memory, replay = profile.memory, Replay(profile)
    found = find_alive(memory, profile.rows)
    assert sum(one.n_bytes for one in found) + memory.before_bytes == memory.peak_bytes
    peak = replay.levels.index(max(replay.levels))
    expected: dict[tuple[Place | None, Place | None], list[int]] = {}
    for one in replay.alive(peak):
        key = replay.place_of(one), replay.place_of(-one)
        expected.setdefault(key, []).append(memory.block_bytes[one - 1])
    merged: dict[tuple[Place | None, Place | None], tuple[int, int]] = {}
    for blocks in found:
        n_blocks, n_bytes = merged.get((blocks.made_by, blocks.freed_by), (0, 0))
        sums = n_blocks + blocks.n_blocks, n_bytes + blocks.n_bytes
        merged[blocks.made_by, blocks.freed_by] = sums
    assert merged == {key: (len(sizes), sum(sizes)) for key, sizes in expected.items()}


@given(profile=steps())
def test_workspace_is_what_the_operator_at_the_peak_makes_and_frees(profile: Profile) -> None:
    memory = profile.memory
    found = find_alive(memory, profile.rows)
    change = memory.peak_change
    moment = None if change is None else memory.moments[change]
    alive = [] if change is None else memory.alive_after(change)
    own = [memory.blocks[n] for n in alive if memory.blocks[n].born == moment]
    expected = sum(block.n_bytes for block in own if block.died == moment)
    assert sum(one.n_bytes for one in found if one.is_workspace) == expected


@given(profile=steps())
def test_no_group_holds_more_at_any_moment_than_its_peak(profile: Profile) -> None:
    replay = Replay(profile)
    states = [replay.by_group(n) for n in range(len(replay.levels))]
    at_peak = states[replay.levels.index(max(replay.levels))]
    for one in peaks_by_group(profile.memory, profile.rows):
        assert one.most_bytes == max(state.get(one.group, 0) for state in states)
        assert one.bytes_at_peak == at_peak.get(one.group, 0)


def test_inference_of_a_chain_by_hand() -> None:
    profile = profile_inference(CHAIN)
    assert profile.memory.peak_bytes == 10 + 20 + 1000 + 600 + 600
    relu0, relu1, decoder = (row.place for row in profile.rows[1:])
    assert find_alive(profile.memory, profile.rows) == [
        AliveBlocks(relu0, relu1, False, 1, 600),
        AliveBlocks(relu1, decoder, False, 1, 600),
    ]
    stacks = stack_up(profile.memory, profile.rows)
    assert stacks == Stacks(
        (HELD, "encoder", "blocks", "decoder"),
        (0, 1, 2, 3),
        ((1030, 200, 0, 0), (1030, 200, 600, 0), (1030, 0, 1200, 0), (1030, 0, 600, 400)),
    )


def test_a_training_step_of_a_chain_by_hand() -> None:
    profile = profile_update(CHAIN)
    memory = profile.memory
    assert memory.peak_bytes == 3 * 30 + 1000 + 2374
    assert memory.moments[memory.peak_change or 0] == 6
    encoder, relu0, relu1, _, loss, loss_backward, decoder, relu1_backward, relu0_backward = (
        row.place for row in profile.rows[:9]
    )
    found: dict[Place, list[tuple[int, Place | None, bool]]] = {}
    for one in find_alive(memory, profile.rows):
        found.setdefault(one.made_by, []).append((one.n_bytes, one.freed_by, one.is_workspace))
    assert found == {
        relu0: [(600, relu1_backward, False)],
        relu1: [(600, decoder, False)],
        decoder: [(600, relu1_backward, False), (250, decoder, True), (20, None, False)],
        encoder: [(200, relu0_backward, False)],
        loss_backward: [(100, decoder, False)],
        loss: [(4, None, False)],
    }
    groups = {
        one.group: (one.bytes_at_peak, one.most_bytes)
        for one in peaks_by_group(memory, profile.rows)
    }
    assert groups == {
        HELD: (1090, 1090),
        GRADIENTS: (20, 30),
        "encoder": (200, 200),
        "blocks": (1200, 1200),
        "decoder": (0, 400),
        "loss": (4, 4),
        TEMPORARY: (950, 1200),
        "optimiser": (0, 30),
    }


def test_an_operator_that_only_frees_has_what_was_alive_as_it_began() -> None:
    step = MadeUpStep()
    step.run("forward", "a", "relu")
    block = step.make(7)
    step.run("forward", "a", "detach")
    step.run("forward", "a", "add")
    step.free(block)
    step.run("forward", "a", "add")
    memory = make_profile(step, 0).memory
    assert find_fullest(memory) == {0: 1, 2: 1}


def test_a_step_that_allocates_nothing_holds_what_it_held() -> None:
    step = MadeUpStep()
    step.run("forward", "a", "view")
    profile = make_profile(step, 5)
    assert find_alive(profile.memory, profile.rows) == []
    assert stack_up(profile.memory, profile.rows) == Stacks((HELD,), (0,), ((5,),))


@pytest.mark.parametrize(
    ("part", "module", "outlives", "group"),
    [
        ("forward", "masker.TCN.0.conv", False, "blocks"),
        ("forward", "", False, ITSELF),
        ("forward", "stem.conv", True, "stem"),
        ("backward", "encoder", False, TEMPORARY),
        ("backward", "encoder", True, GRADIENTS),
        ("optimiser", "", True, "optimiser"),
    ],
)
def test_a_block_belongs_to_who_made_it(part: str, module: str, outlives: bool, group: str) -> None:
    assert group_of(Place(part, module, "mul", ""), outlives) == group


@pytest.mark.parametrize(
    ("module", "group"),
    [
        ("separator.blocks.3.levels.2.0", "blocks: levels"),
        ("separator.blocks.3.0", "blocks"),
        ("separator.blocks.3", "blocks"),
        ("separator", "blocks"),
        ("masker.TCN.5.shared_block.0", "blocks: shared_block"),
        ("encoder.0.conv", "encoder"),
        ("", ITSELF),
    ],
)
def test_the_finer_groups_say_what_of_a_block(module: str, group: str) -> None:
    assert finer_group_of(Place("forward", module, "mul", ""), False) == group
    assert finer_group_of(Place("backward", module, "mul", ""), False) == TEMPORARY


@pytest.mark.parametrize("profile", [build(sudormrf_like(2)) for build in BUILDERS])
def test_finer_groups_add_up_to_the_groups(profile: Profile) -> None:
    coarse = stack_up(profile.memory, profile.rows)
    fine = stack_up(profile.memory, profile.rows, finer_group_of)
    assert len(fine.groups) > len(coarse.groups)
    for sizes, finer_sizes in zip(coarse.alive, fine.alive, strict=True):
        found = dict.fromkeys(coarse.groups, 0)
        for group, n_bytes in zip(fine.groups, finer_sizes, strict=True):
            found[group.partition(":")[0]] += n_bytes
        assert tuple(found.values()) == sizes


SIZES = st.integers(0, 1000)


@given(st.integers(1, 12).flatmap(lambda n: st.lists(st.tuples(*[SIZES] * n), min_size=1)))
def test_small_groups_are_merged_and_nothing_is_lost(alive: list[tuple[int, ...]]) -> None:
    groups = tuple(f"g{n}" for n in range(len(alive[0])))
    stacks = Stacks(groups, tuple(range(len(alive))), tuple(alive))
    merged = stacks.merge_small()
    assert len(merged.groups) <= MOST_GROUPS
    assert [sum(sizes) for sizes in merged.alive] == [sum(sizes) for sizes in alive]
    for group, column in columns(merged).items():
        if group != OTHER:
            assert column == columns(stacks)[group]
    peak = max(alive, key=sum)
    sizes = {
        group: peak[n] + sum(column) / len(alive)
        for n, (group, column) in enumerate(columns(stacks).items())
    }
    lost = [group for group in stacks.groups if group not in merged.groups]
    seen = [group for group in lost if max(columns(stacks)[group]) >= LEAST_SHARE * sum(peak)]
    shown = [sizes[group] for group in merged.groups if group != OTHER]
    assert all(sizes[group] <= min(shown) for group in seen)


def columns(stacks: Stacks) -> dict[str, Sequence[int]]:
    return dict(zip(stacks.groups, zip(*stacks.alive, strict=True), strict=True))


def test_one_small_group_keeps_its_name() -> None:
    small = Stacks(("large", "small"), (0,), ((1000, 1),))
    assert small.merge_small() == small
    smaller = Stacks(("large", "small", "smaller"), (0,), ((1000, 2, 1),))
    assert smaller.merge_small() == Stacks((OTHER, "large"), (0,), ((3, 1000),))


def test_timelines_of_examples_are_in_order() -> None:
    """As the instrument writes them: what all of the above stands on."""
    memory: MemoryTimeline = profile_update(CHAIN).memory
    assert list(memory.moments) == sorted(memory.moments)
