"""The paper's Table 1, typed again from its page and compared with the data."""

import pytest

from bench.registry import TABLE1 as ENTRIES
from bench.registry import Entry
from bench.results.published import TABLE1

PAGE = """
Conv-TasNet      15.30*  7.74    5.05   5.23   5.30  0.65  0.88  0.90  0.33
Demucs           12.12   7.23  415.09   3.43  10.34  2.24  8.77  0.53  0.36
DPRNN            18.80*  7.20    2.63  48.89  48.90  2.23  3.40  3.98  0.60
Two-Step TDCN    16.10*  8.22    8.63   7.09   7.23  0.99  1.17  1.05  0.30
SuDoRM-RF 1.0x   17.02   8.35    2.66   2.52   2.56  0.61  0.86  0.67  0.38
SuDoRM-RF 0.5x   15.37   8.12    1.42   1.54   1.56  0.40  0.45  0.36  0.21
SuDoRM-RF 0.25x  13.39   7.93    0.79   1.06   1.07  0.30  0.25  0.29  0.13
"""
ROWS = {
    cells[0]: cells[1:] for line in PAGE.strip().splitlines() if (cells := line.rsplit(None, 9))
}


def test_the_rows_are_the_papers_in_its_order() -> None:
    assert [entry.display_name for entry in ENTRIES] == list(ROWS)
    assert list(TABLE1) == [entry.name for entry in ENTRIES]


@pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: entry.name)
def test_a_row(entry: Entry) -> None:
    speech, *cells = ROWS[entry.display_name]
    row = TABLE1[entry.name]
    assert row.si_sdri_speech_is_maximum == speech.endswith("*")
    assert row.si_sdri_speech_db == float(speech.rstrip("*"))
    nonspeech, params, gops_i, gops_b, gb_i, gb_b, s_i, s_b = map(float, cells)
    assert row.si_sdri_nonspeech_db == nonspeech
    assert row.n_params == pytest.approx(params * 1e6)
    assert row.operations_inference == pytest.approx(gops_i * 1e9)
    assert row.operations_update == pytest.approx(gops_b * 1e9)
    assert row.memory_bytes_inference == pytest.approx(gb_i * 1e9)
    assert row.memory_bytes_update == pytest.approx(gb_b * 1e9)
    assert (row.latency_s_inference, row.latency_s_update) == (s_i, s_b)
