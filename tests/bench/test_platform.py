"""Measuring on a system that is not Linux: a sentence, exit code 2, and nothing is written."""

import importlib
import platform
from pathlib import Path

import pytest

BUDGETS = '[[budget]]\nmodels = ["sudormrf-0.25x"]\nphase = "inference"\nn_params = 1\n'
NETWORKS = ("model:sudormrf-0.25x", "model:sudormrf-0.5x")
MEASURING = {
    "run": (),
    "operations": (),
    "streaming": (),
    "repeatability": (),
    "pages": (),
    "check": (),
    "compare": NETWORKS,
    "doctor": (),
}


@pytest.mark.parametrize("system", ["Darwin", "Windows"])
@pytest.mark.parametrize("command", MEASURING)
def test_measuring_elsewhere_is_refused_in_a_sentence(
    command: str,
    system: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(platform, "system", lambda: system)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "budgets.toml").write_text(BUDGETS)
    assert importlib.import_module(f"bench.{command}").main(MEASURING[command]) == 2
    printed = capsys.readouterr()
    assert printed.err.startswith(f"error: Measuring needs Linux, and this is {system}.")
    assert [path.name for path in tmp_path.iterdir()] == ["budgets.toml"]
    assert printed.out == ""
