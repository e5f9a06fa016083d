"""The parent's end of the fork server: fresh processes without importing torch for each.

A server process imports torch once, touches nothing else, and forks one child for each
request. Children of one server share the layout of its address space, so a new round of
measurements starts a new server. Several children may live at once.
"""

import json
import os
import platform
import select
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections import deque
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import IO, Any, NamedTuple, Self

from bench.errors import UsageError
from bench.machine.own_run import RUN_VARIABLE
from bench.origin import REVISION_VARIABLE, find_workers

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
    """Forks a process of its own group for each request.

    ``preload`` names modules to import beside torch before the first request. ``root`` is the
    folder that takes the place of the current one: the user's networks come from there, and where
    it is a checkout of this project, its ``bench`` and the networks of its registry too.
    ``variables`` are added to the environment. Use as a context manager; leaving it ends the server
    and what still runs below it.

    Raises:
        UsageError: on entering, this is not Linux.
    """

    def __init__(
        self,
        threads: int,
        preload: Sequence[str] = (),
        root: Path | None = None,
        variables: Mapping[str, str] | None = None,
    ) -> None:
        self._threads = threads
        self._preload = preload
        self._root = root
        self._variables = variables or {}

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
                env=self._environment(),
            )
        self._buffer = b""
        self._started: deque[int] = deque()
        self._ended: dict[int, int] = {}  # exit codes of processes that have ended
        return self

    def _environment(self) -> dict[str, str]:
        own = {"OMP_NUM_THREADS": str(self._threads), RUN_VARIABLE: str(os.getpid())}
        if self._root and not find_workers(self._root):
            own[REVISION_VARIABLE] = str(self._root)
        return {**os.environ, **own, **self._variables}

    def __exit__(self, *exception: object) -> None:
        self._control.close()
        self.end()
        self._log.close()

    def end(self) -> None:
        """End the server: one that owes a reply would give it to a later request."""
        kill_group(self._server.pid)
        self._server.wait()

    @property
    def is_running(self) -> bool:
        """Whether the server still takes requests."""
        return self._server.poll() is None

    def run(self, request: Mapping[str, Any], deadline_s: float) -> Ending:
        """Run one request in a fresh process and wait for its end, at most ``deadline_s``."""
        with self.start(request) as child:
            return child.conclude(child.receive(deadline_s))

    def start(self, request: Mapping[str, Any]) -> "Child":
        """A fresh process at work on a request; one that did not start says so in its ending."""
        child = Child(self)
        try:
            child.begin(request)
        except BaseException:
            child.__exit__()
            raise
        return child

    def fork(self, request: Mapping[str, Any], channel_fd: int, stderr_fd: int) -> int | None:
        """Have a process forked that holds both ends; its number, or None where it is too late.

        Raises:
            OSError: the server is gone.
        """
        message = json.dumps(request).encode() + b"\n"
        socket.send_fds(self._control, [message], [channel_fd, stderr_fd])
        pid = self._wait_for_start(time.monotonic() + START_DEADLINE_S)
        if pid is None:
            self.end()
        return pid

    def _wait_for_start(self, end: float) -> int | None:
        while not self._started:
            if not self.read_events(end):
                return None
        return self._started.popleft()

    def read_events(self, end: float) -> bool:
        """Take in what the server says; False when time is up before it says anything.

        Raises:
            ConnectionError: the server is gone.
        """
        self._control.settimeout(max(0.001, end - time.monotonic()))
        try:
            chunk = self._control.recv(1 << 12)
        except TimeoutError:
            return False
        if not chunk:
            raise ConnectionError
        *lines, self._buffer = (self._buffer + chunk).split(b"\n")
        for line in lines:
            word, *numbers = line.split()
            if word == b"started":
                self._started.append(int(numbers[0]))
            else:
                self._ended[int(numbers[0])] = int(numbers[1])
        return True

    def exit_code(self, pid: int) -> int | None:
        """The exit code of a process, if the server has said that it ended."""
        return self._ended.get(pid)

    @property
    def control(self) -> socket.socket:
        """Where the server speaks; readable when there are events."""
        return self._control

    def why_gone(self) -> Ending:
        """The ending of whatever ran when the server itself ended."""
        return Ending(None, self._server.wait(), False, read_tail(self._log))

    def why_late(self) -> Ending:
        """The ending of a process that did not come to be in time."""
        return Ending(None, 0, True, read_tail(self._log), has_started=False)


class Child:
    """The parent's end of one forked process. As a context manager it ends it on leaving."""

    def __init__(self, server: ForkServer) -> None:
        self._server = server
        self._pid: int | None = None  # there is no process
        self._channel, self._theirs = socket.socketpair()
        self._stderr = tempfile.TemporaryFile()  # noqa: SIM115 - closed on leaving
        self._is_late = False
        self._buffer = b""
        self._timed_out = False

    def begin(self, request: Mapping[str, Any]) -> None:
        """Let the server fork it; where it can't, that is its ending."""
        with self._theirs, suppress(OSError):  # the server is gone
            self._pid = self._server.fork(request, self._theirs.fileno(), self._stderr.fileno())
            self._is_late = self._pid is None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        if self._pid is not None and self._server.exit_code(self._pid) is None:
            kill_with_group(self._pid)
        self._channel.close()
        self._theirs.close()
        self._stderr.close()

    @property
    def sources(self) -> list[socket.socket]:
        """Where there is something to read when it has spoken or ended; none if it never began."""
        return [] if self._pid is None else [self._channel, self._server.control]

    def send(self, message: Mapping[str, Any]) -> None:
        """Tell it something; a process that has ended hears nothing."""
        with suppress(OSError):
            self._channel.sendall(json.dumps(message).encode() + b"\n")

    def receive(self, deadline_s: float) -> dict[str, Any] | None:
        """Its next message; None when it has ended, or time is up, and it is to be concluded."""
        end = time.monotonic() + deadline_s
        while b"\n" not in self._buffer:
            if self._pid is None or not self._read_more(end):
                return parse_outcome(self._buffer)
        line, _, self._buffer = self._buffer.partition(b"\n")
        return parse_outcome(line)

    def _read_more(self, end: float) -> bool:
        """Whether there is more, or may be.

        The channel may stay open for longer than the process, held by others that it left behind.
        """
        ready, _, _ = select.select(self.sources, [], [], max(0.0, end - time.monotonic()))
        if not ready:
            self._timed_out = True
            return False
        if self._channel in ready and (chunk := self._receive_chunk()):
            self._buffer += chunk
            return True
        if self._has_ended(end):
            while select.select([self._channel], [], [], 0)[0] and (chunk := self._receive_chunk()):
                self._buffer += chunk
            return False
        return True

    def _has_ended(self, end: float) -> bool:
        """Whether the server has said so, or says so now; or is gone itself."""
        if self._server.exit_code(self._pid or 0) is not None:  # heard while another was asked
            return True
        try:
            is_news = self._server.read_events(end)
        except ConnectionError:
            return True
        self._timed_out = not is_news
        return not is_news or self._server.exit_code(self._pid or 0) is not None

    def _receive_chunk(self) -> bytes:
        try:
            return self._channel.recv(1 << 16)
        except ConnectionError:
            return b""

    def conclude(self, outcome: dict[str, Any] | None) -> Ending:
        """End the process group, also what the network may have started; how it all ended."""
        if self._is_late:
            return self._server.why_late()
        if self._pid is None:
            return self._server.why_gone()
        code = self._server.exit_code(self._pid)
        if code is None:
            kill_with_group(self._pid)
        else:
            kill_group(self._pid)
        try:
            code = self._wait_for_exit() if code is None else code
        except ConnectionError:
            gone = self._server.why_gone()
            tail = read_tail(self._stderr) or gone.stderr_tail
            return gone._replace(outcome=outcome, stderr_tail=tail)
        return Ending(outcome, code or 0, self._timed_out, read_tail(self._stderr))

    def _wait_for_exit(self) -> int | None:
        assert self._pid is not None
        end = time.monotonic() + START_DEADLINE_S
        while self._server.exit_code(self._pid) is None:
            if not self._server.read_events(end):
                self._server.end()
                return None
        return self._server.exit_code(self._pid)


def wait_for_any(children: Sequence[Child], patience_s: float) -> list[Child]:
    """Sleep until one of them has something to say or has ended; which, none when time is up."""
    if never_began := [child for child in children if not child.sources]:
        return never_began
    sources = [source for child in children for source in child.sources]
    ready, _, _ = select.select(sources, [], [], max(0.0, patience_s))
    return [child for child in children if any(source in ready for source in child.sources)]


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


def kill_with_group(leader: int) -> None:
    """End a process that is to lead a group, even before it does."""
    with suppress(ProcessLookupError):
        os.kill(leader, signal.SIGKILL)
    kill_group(leader)


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
