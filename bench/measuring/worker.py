"""The measuring process, and the server that forks it.

``start.py`` runs it with ``FD [MODULE ...]``: it imports torch and the modules once and then forks
a fresh child for every request that arrives on the socket FD (see ``forkserver``). A
child runs one probe and writes one outcome to its own channel; whatever networks print goes to
standard error, so it can't mix with the outcome. Where processes take turns, a child first says
that it is ready, makes a call whenever it is told to, and writes its outcome when told to end.
"""

import importlib
import json
import os
import selectors
import signal
import socket
import sys
import time
import traceback
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from typing import Any, TextIO

import msgspec
import torch
from torch import nn

from bench.machine.attempt import sentence
from bench.machine.state import describe_state
from bench.measuring.contract import (
    build_network,
    expect_sources,
    give_lazy_layers_their_shapes,
    require_threads,
)
from bench.measuring.environment import describe_environment
from bench.measuring.gpu import own_uuid
from bench.measuring.precision import set_tf32
from bench.measuring.probes.latency import TimedStep
from bench.networks.factory import missing_dependency, resolve_factory
from bench.networks.full_memory import is_memory_full
from bench.results.codec import encode_result
from bench.results.measurements import LatencyTimes, Result
from bench.results.probes import PROBES
from bench.results.record import CellError, Job, Status
from bench.results.workload import Workload

Measure = Callable[[Callable[[], nn.Module], Workload, float], Result]
"""What a probe's module has as ``measure``, unless its processes take turns."""

INSTRUMENTS: dict[str, Measure] = {
    spec.name: importlib.import_module(f"bench.measuring.probes.{spec.name}").measure
    for spec in PROBES.values()
    if not spec.takes_turns
}

CONDUCTOR_SLEEPS_S = 0.001
"""After it has told whose turn it is; until then it would count as somebody else who runs."""

Outcome = dict[str, Any]
"""What a worker answers: status, reason, result and the machine's state."""


def run_job(job: Job, channel: TextIO) -> Outcome:
    """Run a job's probe; every way to fail that leaves Python alive becomes a status."""
    torch.manual_seed(job.workload.seed)
    torch.set_num_threads(job.workload.threads)
    try:
        build = expect_sources(factory_of(job), job.n_src)
        if job.workload.device == "cuda":
            set_tf32(job.workload.tf32)  # after the network's module, which may set it, is there
        if job.spec.takes_turns:
            result: Result = take_turns(TimedStep(build, job.workload, job.factory), channel)
        else:
            result = INSTRUMENTS[job.probe](build, job.workload, job.budget_s)
    except CellError as error:
        return _failure(error.status, str(error))
    except ModuleNotFoundError as error:
        return _failure(Status.MISSING_DEPENDENCY, str(missing_dependency(error)))
    except (torch.OutOfMemoryError, MemoryError) as error:
        return _failure(Status.OOM, sentence(error))
    except SystemExit as error:
        return _failure(Status.ERROR, f"The network ended its process with exit({error.code!r}).")
    except Exception as error:
        traceback.print_exc()
        status = Status.OOM if is_memory_full(error) else Status.ERROR
        return _failure(status, sentence(error))
    return {"status": Status.OK, "reason": "", "result": encode_result(result)}


def take_turns(step: TimedStep, channel: TextIO) -> LatencyTimes:
    """Make a call for each turn that the channel asks for, until it asks for the end.

    Raises:
        EOFError: whoever asked is gone.
    """
    _tell(channel, {"ready": True})
    for line in channel:
        order = json.loads(line)
        if "turn" not in order:
            return step.finish(order["stopped_by"], order["waited_s"])
        time.sleep(CONDUCTOR_SLEEPS_S)
        _tell(channel, {"is_disturbed": step.take_turn(order["turn"])})
    raise EOFError("nobody asks for further turns")


def _tell(channel: TextIO, message: Mapping[str, Any]) -> None:
    channel.write(json.dumps(message) + "\n")
    channel.flush()


def factory_of(job: Job) -> Callable[[], nn.Module]:
    """The job's networks, each whole: no layer waits for its first input.

    Building one raises CellError where its code has set another number of threads. What it
    has set of TF32 is undone.
    """
    factory = resolve_factory(job.factory)

    def build() -> nn.Module:
        model = build_network(factory, job.factory)
        model = give_lazy_layers_their_shapes(model, job.workload.n_samples)
        require_threads(job.workload)
        if job.workload.device == "cuda":
            set_tf32(job.workload.tf32)
        return model

    return build


def _failure(status: Status, reason: str) -> Outcome:
    return {"status": status, "reason": reason, "result": None}


def try_to_build(factory: str) -> str:
    """Why a request for a network can't be met; empty where it can, or where it fails by itself.

    What a network's own code raises, or a package that it needs and that is not there, is for the
    measurement to say.
    """
    try:
        build_network(resolve_factory(factory), factory)
    except CellError as error:
        return str(error) if error.status == Status.ERROR else ""
    except (Exception, SystemExit):
        return ""
    return ""


def answer(request: Mapping[str, Any], channel: TextIO) -> Outcome:
    """The outcome of a job, or the answer to one of two questions.

    An empty request asks what lasts of this process's environment, one with a factory alone
    whether a network can be built by it.
    """
    if not request:
        return {"environment": msgspec.to_builtins(describe_environment())}
    if request.keys() == {"factory"}:
        return {"problem": try_to_build(request["factory"])}
    outcome = run_job(msgspec.convert(request, Job), channel)
    has_context = torch.cuda.is_initialized()  # asked before torch is asked for the GPU
    uuid = own_uuid() if has_context else None
    state = describe_state(has_cuda_context=has_context, gpu_uuid=uuid)
    return outcome | {"state": msgspec.to_builtins(state)}


def run_child(request: bytes, channel_fd: int, stderr_fd: int) -> None:
    """Be the child: leave the server's process group, answer, and end without its clean-up."""
    os.setsid()
    os.dup2(stderr_fd, 1)
    os.dup2(stderr_fd, 2)
    with socket.socket(fileno=channel_fd) as connection, connection.makefile("rw") as channel:
        _tell(channel, answer(json.loads(request), channel))
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(0)


def serve(control: socket.socket) -> None:
    """Answer the other side until it is gone; then, or when this fails, no child is left."""
    children: set[int] = set()
    try:
        with suppress(ConnectionError):
            serve_with(children, control)
    finally:
        end_all(children)


def serve_with(children: set[int], control: socket.socket) -> None:
    """Fork a child for each request, and tell when one ends.

    Raises:
        ConnectionError: the other side is gone, whether or not it has heard all that it was told.
    """
    endings = hear_endings()
    with selectors.DefaultSelector() as selector:
        selector.register(control, selectors.EVENT_READ)
        selector.register(endings, selectors.EVENT_READ)
        while True:
            for key, _ in selector.select():
                if key.fileobj == endings:
                    os.read(endings, 1 << 12)
                    for child, code in take_ended(children):
                        control.sendall(b"ended %d %d\n" % (child, code))
                else:
                    child = fork_child(*receive_request(control), control)
                    children.add(child)
                    control.sendall(b"started %d\n" % child)


def hear_endings() -> int:
    """A descriptor that can be read when a child of this process has ended.

    By SIGCHLD and not by pidfd_open(2), which kernels before 5.3 and some sandboxes don't have.
    Signals may come together: a byte means one ending or more, or of others' processes none.
    """
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    signal.set_wakeup_fd(writer, warn_on_full_buffer=False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGCHLD})  # who started this may have it so
    return reader


def ignore_endings() -> None:
    """Undo it in a child, which has other children than its parent."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    signal.set_wakeup_fd(-1)


def take_ended(children: set[int]) -> list[tuple[int, int]]:
    """Those that have ended, each with its exit code; they are no children any more."""
    ended = []
    for child in sorted(children):
        process, status = os.waitpid(child, os.WNOHANG)
        if process == child:
            children.remove(child)
            ended.append((child, os.waitstatus_to_exitcode(status)))
    return ended


def fork_child(request: bytes, fds: Sequence[int], control: socket.socket) -> int:
    """The number of a new process that answers a request; its descriptors are its alone."""
    channel_fd, stderr_fd = fds
    child = os.fork()
    if child == 0:
        try:
            control.close()
            ignore_endings()
            run_child(request, channel_fd, stderr_fd)
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(1)
    os.close(channel_fd)
    os.close(stderr_fd)
    return child


def end_all(children: Iterable[int]) -> None:
    """When the other side is gone, nobody else ends the children, and what they have started."""
    for child in children:
        with suppress(ProcessLookupError):
            os.killpg(child, signal.SIGKILL)


def receive_request(control: socket.socket) -> tuple[bytes, list[int]]:
    """One line with two file descriptors.

    Raises:
        ConnectionError: the other side is gone.
    """
    request, fds, _, _ = socket.recv_fds(control, 1 << 16, 2)
    chunk = request
    while chunk and not chunk.endswith(b"\n"):
        chunk = control.recv(1 << 16)
        request += chunk
    if not chunk:
        raise ConnectionError
    return request, fds


if __name__ == "__main__":
    for module in sys.argv[2:]:
        importlib.import_module(module)
    serve(socket.socket(fileno=int(sys.argv[1])))
