"""The page on kept pages: the setting, and a row for each network."""

from dataclasses import replace

from bench.render.tables.pages import render_pages
from bench.results.pages import PageGain
from bench.results.statistics import estimate
from bench.results.summary import summarize
from tests.bench.example_records import make_job, make_rounds

GAIN = PageGain(
    display_name="DPRNN",
    phase="inference",
    default=estimate([[0.3, 0.3]] * 3),
    kept=estimate([[0.1, 0.1]] * 3),
    ratio=estimate([[2.9], [3.1]] * 3),
    default_page_faults=120_345.0,
    kept_page_faults=2.0,
)
SUMMARY = summarize(make_rounds([[0.1, 0.1]] * 3, make_job(keeps_pages=True), turns=(0, 1)))


def row(gain: PageGain) -> list[str]:
    text = render_pages([gain], SUMMARY)
    (line,) = [line for line in text.splitlines() if line.startswith(f"| {gain.display_name}")]
    return [cell.strip() for cell in line.strip("|").split("|")]


def test_a_row_has_both_times_their_ratio_and_the_page_faults_of_both() -> None:
    assert row(GAIN) == [
        *("DPRNN", "I", "300 ms ± 0.0 %", "100 ms ± 0.0 %", "3.00 ± 3 %", "120345", "2"),
    ]
    assert row(replace(GAIN, phase="update"))[1] == "B"


def test_what_can_not_be_trusted_is_a_range_and_what_is_not_known_says_so() -> None:
    noisy = estimate([[0.2], [0.4]] * 3)
    gain = replace(GAIN, default=noisy, ratio=None, default_page_faults=None)
    assert row(gain)[2:] == [
        *("200 to 400 ms, noisy", "100 ms ± 0.0 %", "not known", "not known", "2"),
    ]
    assert row(replace(GAIN, ratio=estimate([[2.0], [4.0]])))[4] == "2.0 to 4.0, noisy"


def test_a_reader_learns_how_to_have_it_and_what_it_costs() -> None:
    text = " ".join(render_pages([GAIN], SUMMARY).split())
    for variable in (
        "MALLOC_MMAP_MAX_=0",
        "MALLOC_TRIM_THRESHOLD_=1099511627776",
        "MALLOC_TOP_PAD_=67108864",
        "GLIBC_TUNABLES=glibc.malloc.hugetlb=1",
    ):
        assert variable in text
    assert "stays at its peak" in text
    assert "Example CPU" in text
