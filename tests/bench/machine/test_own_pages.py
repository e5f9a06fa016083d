"""A program that starts itself again with other settings of malloc does so once."""

import os
import platform
import subprocess
import sys

import pytest

from bench.machine.own_pages import keep_own_pages
from bench.machine.pages import KEEP_PAGES

PROGRAM = """
import os, sys
from bench.machine.own_pages import keep_own_pages
print("started", flush=True)
keep_own_pages()
print(sys.argv[1:], {name: os.environ[name] for name in sys.argv[1].split(",")})
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="Only glibc has these settings.")
def test_it_starts_once_more_with_the_same_arguments() -> None:
    names = ",".join(KEEP_PAGES)
    free = {name: value for name, value in os.environ.items() if name not in KEEP_PAGES}
    command = [sys.executable, "-c", PROGRAM, names, "--option", "a b"]
    ran = subprocess.run(command, env=free, capture_output=True, text=True, check=True)
    assert ran.stdout.splitlines() == [
        "started",
        "started",
        f"{[names, '--option', 'a b']} {KEEP_PAGES}",
    ]


def test_what_the_user_set_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise AssertionError("It must not start again.")

    monkeypatch.setenv("MALLOC_TOP_PAD_", "1")
    monkeypatch.setattr(os, "execve", refuse)
    keep_own_pages()


def test_another_c_library_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise AssertionError("It must not start again.")

    monkeypatch.setattr(platform, "libc_ver", lambda: ("", ""))
    monkeypatch.setattr(os, "execve", refuse)
    keep_own_pages()
