"""The command of an installation: it finds its own code, says what it can do, and hands over."""

import ast
import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

import separation_bench
from separation_bench import COMMANDS, main

ROOT = Path(__file__).parents[1]
MODULE = ROOT / "separation_bench.py"


def start(*arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """The command in a process of its own, as its script starts it: by its path."""
    return subprocess.run(
        [sys.executable, "-P", str(MODULE), *arguments],
        env=os.environ | variables,
        capture_output=True,
        text=True,
        timeout=120,
    )


def test_its_commands_are_all_that_can_be_started(capsys: pytest.CaptureFixture[str]) -> None:
    startable = {
        path.stem
        for path in (ROOT / "bench").glob("*.py")
        if any(
            isinstance(node, ast.FunctionDef) and node.name == "main"
            for node in ast.parse(path.read_text()).body
        )
    }
    assert COMMANDS.keys() == startable - {"neighbour"}  # a load for trials, no command of users'
    assert main(["--help"]) == 0
    printed = capsys.readouterr().out
    for command, what in COMMANDS.items():
        assert re.search(rf"^  {command} +{re.escape(what)}$", printed, re.MULTILINE)
    assert max(map(len, printed.splitlines())) <= 80


@pytest.mark.parametrize("command", COMMANDS)
def test_help_names_the_way_that_the_command_was_started(
    command: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for started, program in (
        ("/usr/bin/separation-bench", f"separation-bench {command}"),
        (str(MODULE), f"separation-bench {command}"),
        (f"/x/bench/{command}.py", f"python -m bench.{command}"),
    ):
        monkeypatch.setattr(sys, "argv", [started, command, "--help"])
        with pytest.raises(SystemExit) as ended:
            main([command, "--help"])
        assert ended.value.code == 0
        assert capsys.readouterr().out.startswith(f"usage: {program} [-h]")


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["rnu"], "There is no command 'rnu'. Did you mean 'run'?"),
        (["comparison", "a", "b"], "Did you mean 'compare'?"),
        (["--models", "all"], "There is no command '--models'."),
        (["zzz"], "There is no command 'zzz'. separation-bench --help lists them."),
        ([], "No command was given."),
    ],
)
def test_what_is_no_command_is_told(
    arguments: list[str], sentence: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(arguments) == 2
    printed = capsys.readouterr()
    assert sentence in printed.err
    assert "separation-bench --help lists them" in printed.err
    assert printed.out == ""


def test_the_exit_code_is_the_commands_own() -> None:
    assert main(["run", "--list"]) == 0
    assert main(["run", "--models", "dprn"]) == 2


@pytest.mark.parametrize("question", ["--help", "--version"])
def test_it_answers_without_loading_anything(question: str) -> None:
    code = (
        "import sys, separation_bench\n"
        f"separation_bench.main([{question!r}])\n"
        "print(*sorted({name.partition('.')[0] for name in sys.modules}), file=sys.stderr)"
    )
    fresh = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert set(fresh.stderr.split()).isdisjoint({"bench", "torch", "numpy", "psutil", "argparse"})
    assert "separation-bench" in fresh.stdout


def test_the_version_is_the_one_that_is_installed(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("importlib.metadata.version", lambda name: f"1.2.3 of {name}")
    assert main(["--version"]) == 0
    assert capsys.readouterr().out == "separation-bench 1.2.3 of separation-bench\n"


def test_a_bench_of_the_users_does_not_take_its_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "bench").mkdir()
    (tmp_path / "bench" / "__init__.py").write_text("raise RuntimeError('not this one')")
    monkeypatch.chdir(tmp_path)
    listed = start("run", "--list", PYTHONPATH=str(tmp_path))
    assert (listed.returncode, listed.stderr) == (0, "")
    assert "sudormrf-0.25x" in listed.stdout


def test_its_exit_codes_are_those_of_all_commands() -> None:
    """It can't import them before it has loaded ``bench``."""
    from bench import errors

    assert separation_bench.EXIT_OK == errors.EXIT_OK
    assert separation_bench.EXIT_USAGE == errors.EXIT_USAGE


def test_the_citation_is_of_the_version() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert f"\nversion: {project['version']}\n" in (ROOT / "CITATION.cff").read_text()
