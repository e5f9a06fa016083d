"""The code of docs/python.md runs as it is printed, and what it says is true."""

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from bench.results.frame import TYPES

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs" / "python.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```python\n(.*?)```", PAGE, re.S)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder, with the files that the page shows."""
    for block in BLOCKS:
        if name := re.match(r"# (\w+\.py)\n", block):
            (tmp_path / name[1]).write_text(block)
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    return tmp_path


@pytest.mark.usefixtures("folder")
def test_its_examples_run_one_after_the_other(capsys: pytest.CaptureFixture[str]) -> None:
    names: dict[str, Any] = {}
    for block in BLOCKS:
        if not block.startswith("# "):
            exec(compile(block, "docs/python.md", "exec"), names)
    forward, measured = names["forward"], names["measured"]
    frames = 8000 // 8
    products = 32 * 16 + 32 * 32 + 2 * 32 * 16  # of encoder, mask and decoder, for each frame
    assert forward.macs == frames * products
    assert 2 < names["step"].macs / forward.macs < 3  # the mixture has no gradient
    assert measured.values["macs_inference"].value == 1600 // 8 * products
    assert list(names["values"].columns) == list(TYPES)
    assert names["times"]["model"].tolist() == ["my_networks:small"]
    assert "encoder (Conv1d): 512 kMAC" in capsys.readouterr().out


def test_its_test_passes(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    plugins = ("-p", "separation_bench_pytest", "-p", "no:cacheprovider")
    done = subprocess.run(
        [sys.executable, "-m", "pytest", *plugins, "test_my_networks.py"],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stdout
    assert "1 passed" in done.stdout


def test_it_names_every_column() -> None:
    (table,) = re.findall(r"\| columns \|.*?\n\n", PAGE, re.S)
    first_cells = [line.split("|")[1] for line in table.splitlines()[2:] if line]
    assert re.findall(r"`(\w+)`", "".join(first_cells)) == list(TYPES)
