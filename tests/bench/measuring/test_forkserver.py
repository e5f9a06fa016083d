"""The parent's end of the fork server: pipes, deadlines and what is left of a process."""

import io
import os
import select
import signal
import socket
import time
from dataclasses import asdict
from pathlib import Path

import pytest

from bench.measuring.forkserver import (
    STDERR_TAIL_BYTES,
    ForkServer,
    kill_group,
    kill_with_group,
    parse_outcome,
    read_tail,
)
from bench.measuring.worker import receive_request
from tests.bench.example_records import make_job

ROOT = Path(__file__).parents[3]


@pytest.mark.parametrize(
    ("text", "outcome"),
    [
        (b'{"status": "ok"}', {"status": "ok"}),
        (b'{"status": "o', None),
        (b"", None),
        (b"[1]", None),
        (b"null", None),
        (b"\xff{", None),
        (b"[" * 9, None),
    ],
)
def test_only_a_whole_object_is_an_outcome(text: bytes, outcome: dict[str, str] | None) -> None:
    assert parse_outcome(text) == outcome


@pytest.mark.parametrize("size", [0, 10, STDERR_TAIL_BYTES, 3 * STDERR_TAIL_BYTES])
def test_the_tail_is_the_end_and_not_more(size: int) -> None:
    printed = bytes(ord("a") + index % 26 for index in range(size))
    assert read_tail(io.BytesIO(printed)) == printed[-STDERR_TAIL_BYTES:].decode()[-size or None :]


def test_a_tail_that_is_not_text_is_still_shown() -> None:
    assert read_tail(io.BytesIO(b"ok \xff")) == "ok \ufffd"


def test_a_group_that_has_ended_can_be_ended_again() -> None:
    process = os.posix_spawn("/bin/true", ["true"], {}, setpgroup=0)
    os.waitpid(process, 0)
    kill_group(process)


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> ForkServer:
    monkeypatch.chdir(ROOT)
    return ForkServer(threads=1)


def test_a_server_that_was_killed_ends_every_request_and_not_the_run(server: ForkServer) -> None:
    with server:
        os.killpg(server._server.pid, signal.SIGKILL)
        for _ in range(2):
            ending = server.run({}, 60.0)
            assert (ending.outcome, ending.returncode) == (None, -signal.SIGKILL)
            assert not ending.timed_out


def test_a_server_that_is_late_is_ended_and_its_reply_reaches_no_later_request(
    server: ForkServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No server imports torch in a millisecond."""
    monkeypatch.setattr("bench.measuring.forkserver.START_DEADLINE_S", 0.001)
    with server:
        late = server.run({}, 60.0)
        assert (late.outcome, late.timed_out, late.has_started) == (None, True, False)
        assert not server.is_running
        monkeypatch.setattr("bench.measuring.forkserver.START_DEADLINE_S", 60.0)
        later = server.run({}, 60.0)
        assert (later.outcome, later.returncode) == (None, -signal.SIGKILL)


def test_a_request_that_is_no_job_fails_alone(server: ForkServer) -> None:
    with server:
        bad = server.run({"colour": "red"}, 60.0)
        assert bad.outcome is None
        assert bad.returncode == 1
        good = server.run({}, 60.0)
        assert good.outcome is not None
        assert good.outcome["environment"]["torch"]["threads"] == 1


def test_a_process_that_died_while_another_was_heard_is_not_waited_for(server: ForkServer) -> None:
    """What the server says reaches whoever listens, and it says an ending once."""
    job = asdict(make_job(factory="tests.fault_models:healthy", n_samples=400, threads=1))
    with server, server.start(job) as child:
        assert child.receive(60.0) == {"ready": True}
        assert child._pid
        os.kill(child._pid, signal.SIGKILL)
        while server.exit_code(child._pid) is None:
            assert server.read_events(time.monotonic() + 60.0)
        assert child.receive(10.0) is None
        ending = child.conclude(None)
    assert (ending.returncode, ending.timed_out) == (-signal.SIGKILL, False)


def test_who_hangs_up_without_having_heard_all_leaves_no_process_behind(server: ForkServer) -> None:
    """The server can't read then, but is told that the connection was reset."""
    job = asdict(make_job(factory="tests.fault_models:healthy", n_samples=400, threads=1))
    with server, server.start(job) as child, server.start({}) as other:
        assert child.receive(60.0) == {"ready": True}
        assert other.receive(60.0)
        select.select([server.control], [], [])  # that the other has ended
        assert child._pid
        end = os.pidfd_open(child._pid)
        server.control.close()
        assert select.select([end], [], [], 60.0)[0]
        os.close(end)


def test_a_request_that_breaks_off_is_the_end() -> None:
    ours, theirs = socket.socketpair()
    with theirs:
        with ours, open(os.devnull) as file:
            socket.send_fds(ours, [b'{"factory"'], [file.fileno()])
        with pytest.raises(ConnectionError):
            receive_request(theirs)


def test_a_process_is_ended_before_it_leads_its_group() -> None:
    """One that was just forked is in the group of whoever forked it."""
    process = os.posix_spawn("/bin/sleep", ["sleep", "60"], {})
    kill_with_group(process)
    assert os.waitstatus_to_exitcode(os.waitpid(process, 0)[1]) == -signal.SIGKILL
