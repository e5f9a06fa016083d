"""The ten largest differences on the terminal."""

import io

import pytest
from rich.console import Console

from bench.render.differences import format_times, name_line
from bench.render.terminal.differences import N_LINES, print_differences
from bench.results.lined_up import LinedUp, Profiled, line_up_modules
from tests.bench.made_up_profiles import make_profile, make_row

MS = 2**-10


def compare(n_blocks: int) -> LinedUp:
    """Block ``n`` takes ``n`` ticks more, and every third less instead."""
    sides = []
    for label, factor in (("v[1]", 0), ("v[2]", 1)):
        ticks = [100 + factor * (-n if n % 3 == 0 else n) for n in range(n_blocks)]
        rows = [make_row(f"blocks.{n}", "mm", [t * MS] * 4) for n, t in enumerate(ticks)]
        sides.append(Profiled(label, make_profile(rows)))
    return line_up_modules(sides[0], sides[1], 2)


def printed(lined_up: LinedUp, width: int = 80) -> list[str]:
    file = io.StringIO()
    print_differences(lined_up, Console(file=file, width=width, color_system=None))
    return file.getvalue().splitlines()


@pytest.mark.parametrize("width", [20, 80, 200])
def test_the_ten_largest_stand_whole_in_their_order(width: int) -> None:
    found = compare(20)
    lines = printed(found, width)
    names = [name_line(line, found.labels) for line in found.largest(N_LINES)]
    shown = [line.split("  ")[0].strip() for line in lines if line.strip().startswith("blocks.")]
    assert shown == names
    assert {name.removeprefix("blocks.") for name in names} == {str(n) for n in range(10, 20)}
    assert any(all(cell in line for cell in format_times(found.total)) for line in lines)


def test_labels_with_brackets_are_whole() -> None:
    text = "\n".join(printed(compare(3)))
    assert "What costs more in v[2] than in v[1]" in text


def test_the_line_that_differs_most_and_the_plain_step_are_told() -> None:
    text = "\n".join(printed(compare(3), 400))
    assert "The largest difference is in blocks.2: +1.95 ms. By operator: mm +1.95 ms." in text
    assert "Without the profiler a step takes 146 ms" in text
