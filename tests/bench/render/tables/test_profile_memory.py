"""The memory of a step as Markdown: by hand for a chain of layers; columns add up."""

from collections.abc import Sequence
from dataclasses import replace

import pytest

from bench.render.tables.profile_memory import MOST_LINES, describe_peak, render_memory_profile
from bench.results.alive import HELD, find_alive
from bench.results.profile import Profile, SavedTensor
from tests.bench.example_profiles import (
    CHAIN,
    Layer,
    MadeUpStep,
    make_profile,
    profile_inference,
    profile_update,
    sudormrf_like,
)

FACTORS = {"B": 1, "kB": 1e3, "MB": 1e6, "GB": 1e9}


def tables(profile: Profile) -> dict[str, list[dict[str, str]]]:
    """The rows of each table by the head of its first columns."""
    found = {}
    for block in render_memory_profile(profile):
        if block.startswith("|"):
            heads, _, *rows = (
                [cell.strip() for cell in line.strip("|").split("|")] for line in block.splitlines()
            )
            found[f"{heads[0]} {heads[-1]}"] = [dict(zip(heads, r, strict=True)) for r in rows]
    return found


def alive(profile: Profile) -> list[dict[str, str]]:
    return tables(profile)["Made by Blocks"]


def to_bytes(cell: str) -> float:
    number, unit = cell.split()
    return float(number) * FACTORS[unit]


def total(rows: Sequence[dict[str, str]], head: str = "Bytes") -> float:
    return sum(to_bytes(row[head]) for row in rows)


def test_the_peak_of_a_training_step_by_hand() -> None:
    assert describe_peak(profile_update(CHAIN)) == (
        "Peak: 3,464 bytes (3.46 kB) are alive at operator 7 of 11, `convolution_backward` in "
        "backward of `decoder` (nets.py:1); 31.5% of it was held before the step. The allocator's "
        "own peak, of another run of the step, is equal to the byte."
    )


@pytest.mark.parametrize(
    ("more", "said"),
    [(0, "is equal to the byte"), (100, "100 bytes (2.9%) higher"), (-1, "1 bytes (0.029%) lower")],
)
def test_a_peak_that_the_allocator_does_not_have_says_by_how_much(more: int, said: str) -> None:
    profile = profile_update(CHAIN)
    other = replace(profile, peak_allocated_bytes=profile.memory.peak_bytes + more)
    assert describe_peak(other).endswith(f"{said}.")


def test_every_block_of_a_small_step_is_a_line() -> None:
    rows = alive(profile_update(CHAIN))
    assert [(r["Made by"], r["Operator"], r["Part"], r["Bytes"], r["Blocks"]) for r in rows] == [
        ("`separator.blocks.0`", "`relu`", "forward", "600 B", "1"),
        ("`separator.blocks.1`", "`relu`", "forward", "600 B", "1"),
        ("`decoder`", "`convolution_backward`", "backward", "600 B", "1"),
        ("`decoder`", "`convolution_backward`", "backward", "250 B", "1"),
        ("`encoder`", "`convolution`", "forward", "200 B", "1"),
        ("backward", "`mul`", "backward", "100 B", "1"),
        ("`decoder`", "`convolution_backward`", "backward", "20 B", "1"),
        ("the loss", "`mul`", "loss", "4 B", "1"),
        (HELD, "", "", "1.09 kB", ""),
    ]
    assert [row["Freed by"] for row in rows] == [
        "`relu_backward` of `separator.blocks.1`, backward",
        "`convolution_backward` of `decoder`, backward",
        "`relu_backward` of `separator.blocks.1`, backward",
        "workspace, gone with the operator",
        "`relu_backward` of `separator.blocks.0`, backward",
        "`convolution_backward` of `decoder`, backward",
        "outlives the step",
        "outlives the step",
        "",
    ]


def test_modules_that_repeat_share_a_line() -> None:
    rows = {row["Made by"]: row for row in alive(profile_update(sudormrf_like(16)))}
    expand = rows["`separator.blocks.*.expand.0` (16)"]
    assert (expand["Bytes"], expand["Blocks"]) == ("1.07 GB", "16")
    assert expand["Freed by"].startswith(
        "`native_group_norm_backward` of `separator.blocks.*.expand.1`"
    )


def profiles() -> list[Profile]:
    long = sudormrf_like(3)
    return [
        build(layers) for build in (profile_inference, profile_update) for layers in (CHAIN, long)
    ]


@pytest.mark.parametrize("profile", profiles())
def test_lines_add_up_to_the_peak_and_blocks_to_all(profile: Profile) -> None:
    rows, peak = alive(profile), profile.memory.peak_bytes
    assert total(rows) == pytest.approx(peak, rel=0.005)  # of three digits each
    shares = sum(float(row["Share"].rstrip("%")) for row in rows)
    assert shares == pytest.approx(100, abs=0.05 * len(rows))
    n_blocks = sum(one.n_blocks for one in find_alive(profile.memory, profile.rows))
    assert sum(int(row["Blocks"] or 0) for row in rows) == n_blocks
    groups = tables(profile)["Group At its own peak"]
    assert total(groups, "At the peak") == pytest.approx(peak, rel=0.005)


def distinct(n: int) -> list[Layer]:
    """Layers that share no line, each larger than the one before."""
    return [Layer(f"layer{'x' * number}", "relu", 1000 + number) for number in range(n)]


def test_small_lines_are_one_before_the_last() -> None:
    profile = profile_update(distinct(MOST_LINES + 10))
    rows = alive(profile)
    assert len(rows) == MOST_LINES + 2
    assert rows[-1]["Made by"] == HELD
    n_lines = len(find_alive(profile.memory, profile.rows))
    assert rows[-2]["Made by"] == f"{n_lines - MOST_LINES} more lines"
    assert int(rows[-2]["Blocks"]) == n_lines - MOST_LINES
    sizes = [to_bytes(row["Bytes"]) for row in rows[:MOST_LINES]]
    assert sizes == sorted(sizes, reverse=True)


def test_what_autograd_keeps_by_hand() -> None:
    found = tables(profile_update(CHAIN))
    assert found["Kept for Tensors"] == [
        {"Kept for": "`relu`", "Bytes": "800 B", "Share": "57.1%", "Tensors": "2"},
        {"Kept for": "`convolution`", "Bytes": "600 B", "Share": "42.9%", "Tensors": "1"},
    ]
    first = found["Made by Tensors"][0]
    assert first["Made by"] == "`separator.blocks.0`"
    assert first["Kept for"] == "`relu` of `separator.blocks.1`"


def keep(*saved: SavedTensor) -> dict[str, list[dict[str, str]]]:
    return tables(replace(profile_update(CHAIN), saved=saved))


def test_a_tensor_that_several_operators_need_is_counted_once_for_all_of_them() -> None:
    encoder, relu, _, decoder = range(4)
    found = keep(
        SavedTensor(500, encoder, (relu, decoder)),
        SavedTensor(300, relu, (decoder, relu)),
        SavedTensor(200, encoder, (relu,)),
    )
    by_keeper = [(row["Kept for"], row["Bytes"]) for row in found["Kept for Tensors"]]
    assert by_keeper == [("`convolution` and `relu`", "800 B"), ("`relu`", "200 B")]
    kept_for = [row["Kept for"] for row in found["Made by Tensors"]]
    assert kept_for[0] == "`relu` of `separator.blocks.0`, `convolution` of `decoder`"


def test_tensors_of_modules_that_repeat_share_a_line() -> None:
    found = tables(profile_update(sudormrf_like(16)))["Made by Tensors"]
    (row,) = [row for row in found if row["Made by"] == "`separator.blocks.*.expand.2` (16)"]
    assert row["Kept for"] == "`convolution` of `separator.blocks.*.levels.0.0`"
    assert (row["Bytes"], row["Tensors"]) == ("1.07 GB", "16")


def test_a_tensor_of_which_no_maker_and_no_keeper_is_known_is_counted() -> None:
    found = keep(SavedTensor(500, None, ()))
    assert found["Kept for Tensors"][0]["Kept for"] == "unknown"
    assert found["Made by Tensors"][0]["Made by"] == "before the step"


def test_inference_keeps_nothing_for_backward() -> None:
    assert not any("autograd" in block for block in render_memory_profile(profile_inference(CHAIN)))


def test_a_step_that_allocates_nothing_says_so() -> None:
    step = MadeUpStep()
    step.run("forward", "a", "view")
    profile = make_profile(step, 5)
    assert describe_peak(profile).startswith("The step allocates nothing: 5 bytes")
    assert [row["Made by"] for row in alive(profile)] == [HELD]
