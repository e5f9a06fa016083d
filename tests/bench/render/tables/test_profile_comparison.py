"""The comparison in Markdown: every line, with what differs most taken apart by operator."""

from dataclasses import replace

from bench.render.differences import format_times, name_line
from bench.render.tables.profile_comparison import render_profile_comparison
from bench.results.lined_up import LinedUp, Profiled, line_up_sections
from bench.results.profile import BETWEEN
from tests.bench.made_up_profiles import make_profile, make_row

MS = 2**-10  # about one, and added without rounding


def compare(convolution: int, norm: int) -> LinedUp:
    """Blocks with a convolution of 10 ticks and a norm of 5, and with others."""
    sides = []
    for label, ticks in (("old|er", (10, 5)), ("new", (convolution, norm))):
        rows = [
            make_row("encoder", "convolution", [3 * MS] * 4, macs=1000),
            make_row("blocks.0", "convolution", [ticks[0] * MS] * 4, macs=100 * ticks[0]),
            make_row("blocks.0", "native_batch_norm", [ticks[1] * MS] * 4),
            make_row("blocks.0", BETWEEN, [MS] * 4),
        ]
        sides.append(Profiled(label, make_profile(rows)))
    return line_up_sections(*sides)


def test_every_line_and_the_whole_step_have_a_row() -> None:
    found = compare(13, 4)
    text = render_profile_comparison(found, "Inference")
    rows = [line for line in text.splitlines() if line.startswith("| ")]
    for line in (*found.lines, found.total):
        (row,) = [row for row in rows if row.startswith(f"| {name_line(line, found.labels)} |")]
        cells = [cell.strip() for cell in row.strip("|").split(" | ")]
        assert cells[1:4] == list(format_times(line))


def test_counts_that_differ_are_told_apart() -> None:
    text = render_profile_comparison(compare(13, 4), "Inference")
    (blocks,) = [line for line in text.splitlines() if line.startswith("| blocks |")]
    assert "| 1.00 k → 1.30 k |" in blocks
    (encoder,) = [line for line in text.splitlines() if line.startswith("| encoder |")]
    assert "| 1.00 k |" in encoder


def test_the_largest_difference_is_told_by_operator() -> None:
    """In milliseconds of 1.024."""
    text = render_profile_comparison(compare(13, 4), "Inference")
    assert (
        "The largest difference is in blocks: +1.95 ms. "
        "By operator: convolution +2.93 ms, batch norm -977 µs."
    ) in text
    assert "| between operators |" in text


def test_equal_sides_have_no_largest_difference() -> None:
    text = render_profile_comparison(compare(10, 5), "Inference")
    assert "No line differs by more than noise." in text
    assert "| Operator |" not in text


def test_labels_are_whole_in_tables() -> None:
    text = render_profile_comparison(compare(13, 4), "Inference")
    rows = [line for line in text.splitlines() if line.startswith("| Where |")]
    assert "old\\|er" in rows[0]


def test_the_note_says_what_intervals_are_over() -> None:
    one = compare(13, 4)
    several = replace(one, n_processes=(4, 3))
    texts = [render_profile_comparison(found, "Inference") for found in (one, several)]
    assert "over the steps of one process of each side" in texts[0]
    assert "over 4 and 3 processes, which were measured in turns" in texts[1]
