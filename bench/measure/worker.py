"""The measuring process, and the server that forks it.

``start.py`` runs it with ``FD [MODULE ...]``: it imports torch and the modules once and then forks
a fresh child for every request that arrives on the socket FD (see ``forkserver``). A
child runs one probe and writes one outcome to its own pipe; whatever networks print goes to
standard error, so it can't mix with the outcome.
"""

import importlib
import json
import os
import selectors
import signal
import socket
import sys
import traceback
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any

import msgspec
import torch
from torch import nn

from bench.machine.state import describe_state
from bench.measure.contract import (
    build_network,
    expect_sources,
    give_lazy_layers_their_shapes,
)
from bench.measure.environment import describe_environment
from bench.networks.factory import missing_dependency, resolve_factory
from bench.results.codec import encode_result
from bench.results.measurements import Result
from bench.results.probes import PROBES
from bench.results.record import CellError, Job, Status
from bench.results.workload import Workload

Measure = Callable[[Callable[[], nn.Module], Workload, float], Result]
"""What every probe's module has as ``measure``."""

INSTRUMENTS: dict[str, Measure] = {
    name: importlib.import_module(f"bench.measure.probes.{name}").measure for name in PROBES
}

FULL_MEMORY = (
    "can't allocate memory",  # torch's allocator on the CPU
    "CUDA error: out of memory",  # the driver, beside torch's allocator
    "ALLOC_FAILED",  # cuBLAS, cuDNN, cuFFT
    "std::bad_alloc",  # C++, oneDNN among it
)
"""How libraries say in a plain RuntimeError that memory is full."""

Outcome = dict[str, Any]
"""What a worker answers: status, reason, result and the machine's state."""


def run_job(job: Job) -> Outcome:
    """Run a job's probe; every way to fail that leaves Python alive becomes a status."""
    torch.manual_seed(job.workload.seed)
    torch.set_num_threads(job.workload.threads)
    try:
        build = expect_sources(factory_of(job), job.n_src)
        result = INSTRUMENTS[job.probe](build, job.workload, job.budget_s)
    except CellError as error:
        return _failure(error.status, str(error))
    except ModuleNotFoundError as error:
        return _failure(Status.MISSING_DEPENDENCY, str(missing_dependency(error)))
    except (torch.OutOfMemoryError, MemoryError) as error:
        return _failure(Status.OOM, _sentence(error))
    except SystemExit as error:
        return _failure(Status.ERROR, f"The network ended its process with exit({error.code!r}).")
    except Exception as error:
        traceback.print_exc()
        is_full = any(marker in str(error) for marker in FULL_MEMORY)
        status = Status.OOM if is_full else Status.ERROR
        return _failure(status, _sentence(error))
    return {"status": Status.OK, "reason": "", "result": encode_result(result)}


def factory_of(job: Job) -> Callable[[], nn.Module]:
    """The job's networks, each whole: no layer waits for its first input."""
    factory = resolve_factory(job.factory)

    def build() -> nn.Module:
        model = build_network(factory, job.factory)
        return give_lazy_layers_their_shapes(model, job.workload.n_samples)

    return build


def _failure(status: Status, reason: str) -> Outcome:
    return {"status": status, "reason": reason, "result": None}


def _sentence(error: BaseException) -> str:
    """The first line of an error's message, with its type."""
    message = (str(error).strip() or "no message").splitlines()[0]
    sentence = f"{type(error).__name__}: {message}"
    return sentence.encode(errors="backslashreplace").decode()  # file names need not be Unicode


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


def answer(request: Mapping[str, Any]) -> Outcome:
    """The outcome of a job, or the answer to one of two questions.

    An empty request asks what lasts of this process's environment, one with a factory alone
    whether a network can be built by it.
    """
    if not request:
        return {"environment": msgspec.to_builtins(describe_environment())}
    if request.keys() == {"factory"}:
        return {"problem": try_to_build(request["factory"])}
    outcome = run_job(msgspec.convert(request, Job))
    state = describe_state(has_cuda_context=torch.cuda.is_initialized())
    return outcome | {"state": msgspec.to_builtins(state)}


def run_child(request: bytes, outcome_fd: int, stderr_fd: int) -> None:
    """Be the child: leave the server's process group, answer, and end without its clean-up."""
    os.setsid()
    os.dup2(stderr_fd, 1)
    os.dup2(stderr_fd, 2)
    with os.fdopen(outcome_fd, "w") as pipe:
        pipe.write(json.dumps(answer(json.loads(request))) + "\n")
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(0)


def serve(control: socket.socket) -> None:
    """Fork a child for each request until the other side hangs up."""
    while received := receive_request(control):
        request, (outcome_fd, stderr_fd) = received
        child = os.fork()
        if child == 0:
            control.close()
            try:
                run_child(request, outcome_fd, stderr_fd)
            finally:
                os._exit(1)
        os.close(outcome_fd)
        os.close(stderr_fd)
        control.sendall(b"%d\n" % child)
        wait_for(child, control)
        control.sendall(b"%d\n" % os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))


def receive_request(control: socket.socket) -> tuple[bytes, list[int]] | None:
    """One line with two file descriptors, or None at the end."""
    request, fds, _, _ = socket.recv_fds(control, 1 << 16, 2)
    while request and not request.endswith(b"\n"):
        request += control.recv(1 << 16)
    return (request, fds) if request else None


def wait_for(child: int, control: socket.socket) -> None:
    """Sleep until the child ends. When the other side is gone, end the child and the server."""
    child_fd = os.pidfd_open(child)
    with selectors.DefaultSelector() as selector:
        selector.register(child_fd, selectors.EVENT_READ)
        selector.register(control, selectors.EVENT_READ)
        ready = {key.fd for key, _ in selector.select()}
    os.close(child_fd)
    if control.fileno() in ready:
        with suppress(ProcessLookupError):
            os.killpg(child, signal.SIGKILL)
        sys.exit()


if __name__ == "__main__":
    for module in sys.argv[2:]:
        importlib.import_module(module)
    serve(socket.socket(fileno=int(sys.argv[1])))
