"""Names and functions: which network they mean, or the sentence that says why none."""

import os
import subprocess
import sys
from functools import partial
from pathlib import Path

import pytest

from bench.errors import UsageError
from bench.interface.factories import entry_of, fresh_processes_look_here
from bench.registry import REGISTRY
from tests import fault_models


def test_a_function_means_what_its_dotted_path_does() -> None:
    assert entry_of(fault_models.healthy) == entry_of("tests.fault_models:healthy")
    assert entry_of("dprnn") is REGISTRY["dprnn"]


def of_the_script() -> object:
    return None


def nested() -> object:
    def inner() -> None:
        return None

    return inner


@pytest.mark.parametrize(
    ("factory", "sentence"),
    [
        (lambda: None, "'<lambda>' is defined in tests"),
        (nested(), "inner' is defined in tests"),
        (partial(fault_models.healthy), "not from a partial. Give the function"),
        (fault_models.healthy(), "not from a Tiny. Give the function"),
        ("sudormrf-?.*x", "more than one network: sudormrf-1.0x, "),
        ("dprn", "Did you mean 'dprnn'"),
    ],
)
def test_what_no_fresh_process_could_build_is_told(factory: object, sentence: str) -> None:
    with pytest.raises(UsageError) as caught:
        entry_of(factory)  # type: ignore[arg-type]
    assert sentence in str(caught.value)


def test_a_function_of_the_script_itself_is_told_to_move(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(of_the_script, "__module__", "__main__")
    with pytest.raises(UsageError, match=r"in the script or notebook itself.* Put it into a file"):
        entry_of(of_the_script)


def test_fresh_processes_find_the_modules_that_this_one_finds(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "found_beside_the_script.py").touch()
    monkeypatch.syspath_prepend(str(tmp_path))
    before = dict(os.environ)
    command = [sys.executable, "-P", "-c", "import found_beside_the_script"]
    with fresh_processes_look_here():
        os.environ["CUDA_VISIBLE_DEVICES"] = "7"
        assert subprocess.run(command, cwd="/").returncode == 0
    assert dict(os.environ) == before
