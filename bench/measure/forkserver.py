"""The parent's end of the fork server: fresh processes without importing torch for each.

A server process imports torch once, touches nothing else, and forks one child for each
request. Children of one server share the layout of its address space, so a new round of
measurements starts a new server.
"""

import json
import os
import platform
import selectors
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import IO, Any, NamedTuple, Self

from bench.errors import UsageError

START = Path(__file__).with_name("start.py")
START_DEADLINE_S = 120.0
STDERR_TAIL_BYTES = 4000


class Ending(NamedTuple):
    """How a worker ended: its outcome if it wrote a whole one, its exit code, what it printed.

    ``has_started`` is False where not even its process came to be in time.
    """

    outcome: dict[str, Any] | None
    returncode: int
    timed_out: bool
    stderr_tail: str
    has_started: bool = True


class ForkServer:
    """Runs requests one at a time, each in a forked process of its own group.

    ``preload`` names modules to import beside torch before the first request. ``root`` is the
    folder that takes the place of the current one: the user's networks come from there, and where
    it is a checkout of this project, its ``bench`` and the networks of its registry too. Use as a
    context manager; leaving it ends the server and what still runs below it.

    Raises:
        UsageError: on entering, this is not Linux.
    """

    def __init__(self, threads: int, preload: Sequence[str] = (), root: Path | None = None) -> None:
        self._threads = threads
        self._preload = preload
        self._root = root

    def __enter__(self) -> Self:
        require_linux()
        self._control, theirs = socket.socketpair()
        self._log = tempfile.TemporaryFile()
        with theirs:
            self._server = subprocess.Popen(
                [
                    *(sys.executable, "-P", START, self._root or ""),
                    *(str(theirs.fileno()), *self._preload),
                ],
                stdin=subprocess.DEVNULL,
                stdout=self._log,
                stderr=self._log,
                pass_fds=(theirs.fileno(),),
                start_new_session=True,
                cwd=self._root,
                env=os.environ | {"OMP_NUM_THREADS": str(self._threads)},
            )
        self._replies = b""
        return self

    def __exit__(self, *exception: object) -> None:
        self._control.close()
        self._end()
        self._log.close()

    def _end(self) -> None:
        """End the server: one that owes a reply would give it to a later request."""
        kill_group(self._server.pid)
        self._server.wait()

    @property
    def is_running(self) -> bool:
        """Whether the server still takes requests."""
        return self._server.poll() is None

    def run(self, request: Mapping[str, Any], deadline_s: float) -> Ending:
        """Run one request in a fresh process and wait for its end, at most ``deadline_s``."""
        outcome_fd, write_fd = os.pipe()
        with os.fdopen(outcome_fd, "rb") as pipe, tempfile.TemporaryFile() as stderr:
            try:
                message = json.dumps(request).encode() + b"\n"
                try:
                    socket.send_fds(self._control, [message], [write_fd, stderr.fileno()])
                    child = self._reply(time.monotonic() + START_DEADLINE_S)
                finally:
                    os.close(write_fd)
                if child is None:
                    self._end()
                    tail = read_tail(self._log)
                    return Ending(None, 0, timed_out=True, stderr_tail=tail, has_started=False)
                return self._await(child, pipe, stderr, deadline_s)
            except OSError:  # the server is gone
                tail = read_tail(stderr) or read_tail(self._log)
                return Ending(None, self._server.wait(), timed_out=False, stderr_tail=tail)

    def _await(self, child: int, pipe: IO[bytes], stderr: IO[bytes], deadline_s: float) -> Ending:
        try:
            answer, returncode = self._collect(pipe, time.monotonic() + deadline_s)
        finally:
            kill_group(child)  # also what the network may have started; also on Ctrl-C
        timed_out = returncode is None
        if timed_out:
            returncode = self._reply(time.monotonic() + START_DEADLINE_S)
            if returncode is None:
                self._end()
        return Ending(parse_outcome(answer), returncode or 0, timed_out, read_tail(stderr))

    def _collect(self, pipe: IO[bytes], end: float) -> tuple[bytes, int | None]:
        """What the child writes until it has ended, and its exit code; None when time is up.

        The pipe may stay open for longer, held by processes that a network left behind.
        """
        content = b""
        with selectors.DefaultSelector() as selector:
            selector.register(pipe, selectors.EVENT_READ)
            selector.register(self._control, selectors.EVENT_READ)
            while ready := selector.select(max(0.0, end - time.monotonic())):
                if pipe not in {key.fileobj for key, _ in ready}:
                    return content, self._reply(end)  # nothing is left in the pipe
                chunk = os.read(pipe.fileno(), 1 << 16)
                if not chunk:
                    selector.unregister(pipe)
                content += chunk
        return content, None

    def _reply(self, end: float) -> int | None:
        """The server's next number: a process, or an exit code. None when time is up.

        Raises:
            ConnectionError: the server is gone.
        """
        while b"\n" not in self._replies:
            self._control.settimeout(max(0.001, end - time.monotonic()))
            try:
                chunk = self._control.recv(1 << 10)
            except TimeoutError:
                return None
            if not chunk:
                raise ConnectionError
            self._replies += chunk
        line, _, self._replies = self._replies.partition(b"\n")
        return int(line)


def require_linux() -> None:
    """Refuse where the kernel lacks what a process is started, watched and read with.

    Raises:
        UsageError: this is not Linux.
    """
    if platform.system() != "Linux":
        raise UsageError(
            f"Measuring needs Linux, and this is {platform.system()}. Measure on a machine or in a "
            "container with Linux; its records can be reported on anywhere."
        )


def kill_group(leader: int) -> None:
    """End a process group, if there is still one."""
    with suppress(ProcessLookupError):
        os.killpg(leader, signal.SIGKILL)


def parse_outcome(text: bytes) -> dict[str, Any] | None:
    """The outcome, if the worker lived to write a whole one."""
    try:
        outcome = json.loads(text)
    except ValueError:
        return None
    return outcome if isinstance(outcome, dict) else None


def read_tail(file: IO[bytes]) -> str:
    """The end of what a process printed."""
    file.seek(max(0, file.seek(0, os.SEEK_END) - STDERR_TAIL_BYTES))
    return file.read().decode(errors="replace")
