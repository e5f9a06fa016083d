"""The paper's Tables 1 and 2, typed again from its page and compared with the data."""

from dataclasses import astuple

import pytest

from bench.registry import TABLE1 as ENTRIES
from bench.registry import TABLE2 as ENTRIES_OF_TABLE2
from bench.registry import Entry
from bench.results.published import TABLE1, TABLE2

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


PAGE_OF_TABLE2 = """
21 128 16 4 LN  Softmax 2 16.0
17 128 16 4 LN  ReLU    1 15.9
17 128 16 4 GLN ReLU    1 16.8
21 256 20 4 GLN ReLU    1 17.7
41 256 32 4 GLN ReLU    1 17.1
41 256 20 4 GLN ReLU    1 16.8
21 512 18 7 GLN ReLU    1 18.0
21 512 20 2 GLN ReLU    1 17.4
21 512 34 4 GLN ReLU    1 18.9
"""


def test_table_2_is_the_papers_in_its_order() -> None:
    assert list(TABLE2) == [entry.name for entry in ENTRIES_OF_TABLE2]
    printed = [line.split() for line in PAGE_OF_TABLE2.strip().splitlines()]
    assert [list(map(str, astuple(row))) for row in TABLE2.values()] == printed
