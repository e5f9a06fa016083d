"""Grids and times as they are written on the command line."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.errors import UsageError
from bench.sweep_options import (
    MOST_SIZES,
    build_parser,
    read_dtypes,
    read_grid,
    read_sizes,
    read_time_s,
)

SIZES = st.integers(1, 10**6)


@given(start=SIZES, factor=st.floats(1.5, 10.0), ratio=st.floats(1.0, 1e4))
def test_a_doubling_range_starts_grows_by_its_factor_and_ends_before_its_stop(
    start: int, factor: float, ratio: float
) -> None:
    stop = int(start * ratio)
    sizes = read_sizes("--samples", f"{start}:{stop}:x{factor:.3f}")
    assert sizes[0] == start
    factor = float(f"{factor:.3f}")
    for size, following in pairwise(sizes):
        assert abs(following - factor * size) <= 0.5
    assert sizes[-1] <= stop < round(factor * sizes[-1])


@given(start=SIZES, step=SIZES, n_steps=st.integers(0, MOST_SIZES - 1), rest=st.integers(0, 10**6))
def test_a_range_of_steps_is_pythons(start: int, step: int, n_steps: int, rest: int) -> None:
    stop = start + n_steps * step + rest % step
    expected = tuple(range(start, stop + 1, step))
    assert read_sizes("--samples", f"{start}:{stop}:+{step}") == expected


@given(st.lists(SIZES, min_size=1))
def test_a_list_is_its_sizes_each_once(sizes: list[int]) -> None:
    assert read_sizes("--batch", ",".join(map(str, sizes))) == tuple(dict.fromkeys(sizes))


def test_lists_may_hold_ranges() -> None:
    assert read_sizes("--samples", "100, 4000:16000:x2,8000") == (100, 4000, 8000, 16000)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("4000:x2", "4000:256000:x2 doubles"),
        ("4000:256000", "4000:256000:x2 doubles"),
        ("4000:256000:2", "8000:64000:+8000 adds 8000; not '4000:256000:2'"),
        ("4000:256000:x", "4000:256000:x2 doubles"),
        ("4k", "sizes such as 4000,8000"),
        ("-4000", "not '-4000'"),
        ("4000.5", "not '4000.5'"),
        ("٤", "not '٤'"),
        ("0", "must be at least 1, not 0"),
        ("8000,0", "must be at least 1, not 0"),
        ("0:8:x2", "must be at least 1, not 0"),
        ("", "the grid has no cell"),
        (" , ", "the grid has no cell"),
        ("8000:4000:x2", "8000 is above 4000"),
        ("4000:8000:x1", "does not grow"),
        ("4000:8000:x0.5", "does not grow"),
        ("1:8:x1.2", "does not grow"),
        ("4000:8000:+0", "does not grow"),
        (f"1:{10**18}:+1", "more than 100 sizes"),
    ],
)
def test_what_is_no_size_is_refused_with_the_form(text: str, said: str) -> None:
    with pytest.raises(UsageError) as error:
        read_sizes("--samples", text)
    assert said in str(error.value)
    assert str(error.value).startswith("--samples")


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("90s", 90.0), ("10m", 600.0), ("1h", 3600.0), ("1.5h", 5400.0), ("45", 45.0)],
)
def test_a_time(text: str, seconds: float) -> None:
    assert read_time_s(text) == seconds


@pytest.mark.parametrize("text", ["", "0", "0m", "-5m", "ten", "10 minutes", "1e3", "inf", "nan"])
def test_what_is_no_time_is_refused_with_the_form(text: str) -> None:
    with pytest.raises(UsageError, match="such as 90s, 10m or 1h"):
        read_time_s(text)


@pytest.mark.parametrize("text", ["", "float31", "float32,int8"])
def test_an_unknown_dtype_is_named_with_those_that_there_are(text: str) -> None:
    with pytest.raises(UsageError, match="bfloat16"):
        read_dtypes(text)


@pytest.mark.parametrize(
    ("options", "phases"),
    [
        ([], ("inference",)),
        (["--phase", "update"], ("update",)),
        (["--phase", "both"], ("inference", "update")),
        (["--device", "cuda"], ("gpu_inference",)),
        (["--device", "cuda", "--phase", "both"], ("gpu_inference", "update")),
    ],
)
def test_a_phase_is_measured_on_the_device(options: list[str], phases: tuple[str, ...]) -> None:
    grid = read_grid(build_parser("sweep").parse_args(options))
    assert grid.phases == phases
    assert grid.samples == (4000, 8000, 16000, 32000, 64000, 128000, 256000)
    assert (grid.batches, grid.threads, grid.dtypes) == ((1,), (1,), ("float32",))


def test_all_threads_are_the_processors_of_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bench.sweep_options.available_cpus", lambda: 6)
    arguments = build_parser("sweep").parse_args(["--threads", "1,all", "--dtype", "bfloat16"])
    grid = read_grid(arguments)
    assert (grid.threads, grid.dtypes) == ((1, 6), ("bfloat16",))
