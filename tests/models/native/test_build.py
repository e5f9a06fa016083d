"""What is said where the operators can't be built, and that they are built once."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from models.native import NotBuilt, build


def compiler_that(does: str, folder: Path) -> str:
    """A program in the compiler's place; it writes a line into a log for each library it makes."""
    path = folder / "compiler"
    script = f'#!/bin/sh\n[ "$1" = --version ] && exit 0\n{does}\n'
    path.write_text(script, encoding="utf-8")
    path.chmod(0o755)
    return str(path)


WRITES_ITS_OUTPUT = (
    'for last; do :; done; echo made > "$last"; case "$last" in *.so) echo made >> "{log}";; esac'
)


def test_no_compiler(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CXX", "no-such-compiler")
    with pytest.raises(NotBuilt, match=r"no C\+\+ compiler \(looked for no-such-compiler\)"):
        build.find_compiler()


def test_a_compiler_that_fails(tmp_path: Path) -> None:
    compiler = compiler_that('echo "error: no such flag" >&2; exit 1', tmp_path)
    with pytest.raises(NotBuilt, match="error: no such flag"):
        build.build(compiler, tmp_path / "cache")
    assert not list((tmp_path / "cache").glob("*.so"))


def test_a_folder_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "cache").touch()
    compiler = compiler_that("exit 0", tmp_path)
    with pytest.raises(NotBuilt, match="can't be built in"):
        build.build(compiler, tmp_path / "cache")


def test_a_file_that_is_no_library(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    log = tmp_path / "log"
    monkeypatch.setenv("CXX", compiler_that(WRITES_ITS_OUTPUT.format(log=log), tmp_path))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    with pytest.raises(NotBuilt, match="can't be loaded"):
        build.load.__wrapped__()


def test_two_processes_build_once(tmp_path: Path) -> None:
    log = tmp_path / "log"
    compiler = compiler_that(WRITES_ITS_OUTPUT.format(log=log), tmp_path)
    code = (
        "import sys; from pathlib import Path; from models.native.build import build;"
        "build(sys.argv[1], Path(sys.argv[2]))"
    )
    command = [sys.executable, "-c", code, compiler, str(tmp_path / "cache")]
    running = [subprocess.Popen(command, env=dict(os.environ)) for _ in range(2)]
    assert [process.wait() for process in running] == [0, 0]
    assert log.read_text(encoding="utf-8") == "made\n"


def test_what_is_built_depends_on_the_processor(monkeypatch: pytest.MonkeyPatch) -> None:
    compiler = build.find_compiler()
    here = build.describe(compiler)
    monkeypatch.setattr(build, "describe_processor", lambda: "another")
    assert build.describe(compiler) != here
