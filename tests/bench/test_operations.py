"""The command: one run writes all artefacts, and stored records give the same again."""

import json
from pathlib import Path

import pytest

from bench import operations
from bench.registry import select_entries
from bench.render.figures.layers import PARTS, sum_parts
from bench.render.tables.layers import render_layers
from bench.results.measurements import ModuleRow
from bench.results.store import read_records

NETWORK = "tests.fault_models:healthy"


def test_one_command_writes_every_artefact(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert operations.main(["--models", NETWORK, "--output", str(tmp_path)]) == 0
    printed = capsys.readouterr().out.split()
    figure = {"layers.svg", "layers.png", "layers.pdf"}
    names = {"operations.md", "layers.md", "layers.json", *figure}
    assert {Path(path).name for path in printed} == names
    (records,) = (tmp_path / "records" / "operations").glob("*.jsonl")
    probes = [record.job.probe for record in read_records(records).records]
    assert probes == ["contract", "layers", "scaling", "counters"]
    modules = json.loads((tmp_path / "layers.json").read_text())[NETWORK]
    assert modules[0]["macs"] == sum(row["own_macs"] for row in modules) > 0
    assert {row["part"] for row in modules} <= set(PARTS)


def test_stored_records_are_rendered_again_and_the_same(tmp_path: Path) -> None:
    operations.main(["--models", NETWORK, "--output", str(tmp_path / "first")])
    (records,) = (tmp_path / "first" / "records" / "operations").glob("*.jsonl")
    again = ["--models", NETWORK, "--records", str(records), "--output", str(tmp_path / "second")]
    assert operations.main(again) == 0
    for name in ("operations.md", "layers.md", "layers.json", "layers.svg"):
        assert (tmp_path / "first" / name).read_text() == (tmp_path / "second" / name).read_text()


def test_a_network_that_fails_is_an_exit_code_and_a_reason(tmp_path: Path) -> None:
    models = ["--models", NETWORK, "tests.fault_models:raises"]
    assert operations.main([*models, "--output", str(tmp_path)]) == 1
    report = (tmp_path / "operations.md").read_text()
    assert "tests.fault_models:raises, contract: error:" in report
    assert NETWORK in (tmp_path / "layers.md").read_text()


def test_unknown_network_measures_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert operations.main(["--models", "sudormrf-1x", "--output", str(tmp_path)]) == 2
    assert "sudormrf-1.0x" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("depth", "shown"), [(1, {"(all)", "`a`"}), (2, {"(all)", "`a`", "`a.b`"})]
)
def test_trees_end_at_their_depth(depth: int, shown: set[str]) -> None:
    rows = [ModuleRow(path, "T", "other", 1, 2, 4, 2, 4, 8) for path in ("", "a", "a.b")]
    entries = select_entries([NETWORK])
    text = render_layers(entries, {NETWORK: rows}, depth)
    lines = [line for line in text.splitlines() if "| T |" in line]
    names = {line.split("|")[1].replace("&emsp;", "").strip() for line in lines}
    assert names - {"(itself)"} == shown
    assert set(sum_parts(rows)) == set(PARTS)
