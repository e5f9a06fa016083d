"""Where the time of a step goes: of a time that is a range no number is made."""

from collections.abc import Sequence

from bench.render.tables.profile import render_time
from tests.bench.made_up_profiles import make_profile, make_row

STEADY, WILD = [0.010] * 4, [0.001, 0.030, 0.002, 0.050]


def cells_of(operator: str, times_s: Sequence[float]) -> list[str]:
    """Of the line of one operator, the only one of the network."""
    row = make_row("encoder", operator, list(times_s), macs=10**6, flops=2 * 10**6)
    text = "\n\n".join(render_time(make_profile([row]), depth=2))
    (line,) = [line for line in text.splitlines() if line.startswith("| encoder |")][:1]
    return [cell.strip() for cell in line.strip("|").split(" | ")]


def test_a_time_that_can_be_trusted_has_rates() -> None:
    cells = cells_of("convolution", STEADY)
    assert "noisy" not in cells[1]
    assert "not known" not in cells
    assert any(cell.endswith("FLOP/s") for cell in cells)


def test_a_range_has_none() -> None:
    cells = cells_of("convolution", WILD)
    assert "noisy" in cells[1] or cells[1].startswith("up to")
    assert "not known" in cells
    assert not any(cell.endswith("FLOP/s") for cell in cells)
