"""Sums over the rows of a profile, by hand."""

from dataclasses import replace

import pytest
from scipy import stats

from bench.results.contention import CallContention
from bench.results.costs import Costs, section_of
from bench.results.profile import (
    BETWEEN,
    MachineRates,
    MemoryTimeline,
    Place,
    Profile,
    ProfiledModule,
    ProfileRow,
)


def row(module: str, operator: str, *times_s: float, flops: int = 0, moved: int = 0) -> ProfileRow:
    place = Place("forward", module, operator, "")
    return ProfileRow(place, times_s, "matmul", 1, flops // 2, flops, moved, 0)


PROFILE = Profile(
    rows=(
        row("encoder", "convolution", 1.0, 2.0, 3.0, flops=8, moved=4),
        row("encoder", BETWEEN, 0.5, 0.5, 0.5),
        row("masker.blocks.0", "relu", 2.0, 2.0, 2.0, flops=2, moved=40),
    ),
    modules=(ProfiledModule("", "Net", 0), ProfiledModule("encoder", "Conv1d", 3)),
    # The convolution makes 100 and has a workspace of 40; relu makes 60, which outlives the step.
    memory=MemoryTimeline(
        10,
        rows=(0, 2),
        block_bytes=(100, 40, 60),
        changes=(1, 2, -2, 3, -1),
        moments=(0, 0, 0, 1, 1),
    ),
    saved=(),
    plain_times_s=(3.0, 4.0, 5.0),
    profiled_times_s=(4.0, 5.0, 6.0),
    plain_contention=None,
    profiled_contention=None,
    rates=MachineRates(product_flops_per_s=4.0, copy_bytes_per_s=8.0),
    peak_allocated_bytes=170,
    defined_macs=5,
    defined_flops=10,
)


def test_costs_are_sums_and_means() -> None:
    found = Costs(PROFILE).by(lambda place: place.module)
    encoder, block = found["encoder"], found["masker.blocks.0"]
    assert encoder.time_s == 2.5
    assert encoder.share == 2.5 / 5.0
    assert (encoder.macs, encoder.flops, encoder.bytes_moved) == (4, 8, 4)
    assert encoder.floor_s == 2.0  # 8 FLOPs at 4 a second
    assert block.floor_s == 5.0  # 40 bytes at 8 a second
    assert (encoder.n_allocations, encoder.allocated_bytes, encoder.held_bytes) == (2, 140, 100)
    assert (block.n_allocations, block.held_bytes) == (1, 60)
    assert encoder.intensity == 2.0
    assert encoder.flops_per_s == 8 / 2.5


def test_parts_add_up_to_the_whole_but_for_what_nobody_has() -> None:
    costs = Costs(PROFILE)
    assert costs.whole_s == 5.0
    assert costs.unattributed == pytest.approx(1 - 4.5 / 5.0)
    assert costs.overhead == pytest.approx((4 / 3 + 5 / 4 + 6 / 5) / 3 - 1)


def test_the_interval_is_students() -> None:
    cost = Costs(PROFILE).of([0])
    low, high = stats.t.interval(0.95, 2, loc=2.0, scale=stats.sem([1.0, 2.0, 3.0]))
    assert cost.half_width == pytest.approx((high - low) / 2 / 2.0)
    assert not cost.is_trusted
    assert Costs(PROFILE).of([2]).half_width == 0.0


def test_disturbed_steps_are_left_out_while_enough_are_left() -> None:
    four = replace(
        PROFILE,
        rows=tuple(replace(r, times_s=(*r.times_s, 99.0)) for r in PROFILE.rows),
        plain_times_s=(*PROFILE.plain_times_s, 5.0),
        profiled_times_s=(*PROFILE.profiled_times_s, 300.0),
    )
    quiet, waited = 0.0, 200.0
    nothing = (0.0,) * 4
    contention = CallContention(
        1, 2, (quiet, quiet, quiet, waited), (0,) * 4, nothing, nothing, nothing, (0,) * 4
    )
    assert Costs(replace(four, profiled_contention=contention)).whole_s == 5.0
    both = replace(contention, wait_s=(quiet, quiet, waited, waited))
    assert replace(four, profiled_contention=both).undisturbed == [0, 1, 2, 3]


@pytest.mark.parametrize(
    ("module", "section"),
    [
        ("encoder.0", "encoder"),
        ("separator.bottleneck.1", "bottleneck"),
        ("separator.blocks.3.expand.0", "blocks"),
        ("separator.mask_head.pointwise", "masks"),
        ("masker.TCN.4", "blocks"),
        ("masker.mask_net.0", "masks"),
        ("masker.bottleneck.0", "bottleneck"),
        ("decoder", "decoder"),
        ("lstm", "lstm"),
    ],
)
def test_sections_of_a_separation_network(module: str, section: str) -> None:
    assert section_of(module) == section
