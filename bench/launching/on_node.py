"""What runs on a node of a Ray cluster, inside a worker of Ray: a command of this project, as the
node's own user would start it.

Ray gives its workers another environment than the node has: numbers of threads and visible GPUs
(https://github.com/ray-project/ray/issues/30496), a niceness of 15, the first place when the kernel
needs memory. A command measures, so it gets all of that as the node's manager has it, the raylet,
which the node's user started.

This file goes to the nodes as it is, so that one without this project can say so: nothing but the
standard library is imported here.
"""

import ctypes
import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import IO

BEGAN, RECORD, SAID, PRINTED, ENDED, FAILED = "began record said printed ended failed".split()
"""What a node tells of a command: where it runs, as JSON; a line of its record file; a line of its
standard error; its standard output; its exit code; or why it could not be started."""
Telling = tuple[str, str]
ENDS_WITH_PARENT = 1  # prctl(2): PR_SET_PDEATHSIG
RAYS_MALLOC = os.path.join("ray", "core", "libjemalloc.so")
"""What ``ray start`` preloads into a raylet, where nothing else is to be preloaded."""


def run_command(
    arguments: Sequence[str], folder: str, name: str = "", content: bytes = b""
) -> Iterator[Telling]:
    """Run a command to its end and tell what comes of it, as it comes.

    Each line of its records is told once it is on the disk. It runs in ``folder`` where the node
    has that too. ``content`` are records to go on with, of a file of this ``name``: they are not
    told again.
    """
    try:
        with tempfile.TemporaryDirectory(prefix="separation-bench-") as output:
            records = Path(output) / "records"
            told = {name: len(content)}
            if content:
                records.mkdir()
                (records / name).write_bytes(content)
            with tempfile.TemporaryFile("w+", errors="replace") as printed:
                with _start([*arguments, "--output", output], folder, printed) as child:
                    try:
                        yield BEGAN, json.dumps(_describe(child))
                        yield from _follow(child, records, told)
                    finally:
                        child.terminate()  # nothing where it has ended
                printed.seek(0)
                yield PRINTED, printed.read()
                yield ENDED, str(child.returncode)
    except OSError as error:
        yield FAILED, f"{error}."


def _describe(child: "subprocess.Popen[str]") -> dict[str, object]:
    """What Python runs a command, on which machine, behind which others."""
    return {
        "python": sys.executable,
        "machine": Path("/proc/sys/kernel/random/boot_id").read_text().strip(),
        "niceness": os.getpriority(os.PRIO_PROCESS, child.pid),
    }


def _follow(
    child: "subprocess.Popen[str]", records: Path, told: dict[str, int]
) -> Iterator[Telling]:
    """A command says a line for each record, after it has written that."""
    assert child.stderr is not None
    for line in child.stderr:
        yield from _new_lines(records, told)
        yield SAID, line.rstrip("\n")
    child.wait()
    yield from _new_lines(records, told)


def _new_lines(records: Path, told: dict[str, int]) -> Iterator[Telling]:
    """The whole lines that were not told yet; ``told`` are bytes, by file, and gains theirs."""
    for path in sorted(records.glob("*.jsonl")):
        with path.open("rb") as file:
            file.seek(told.get(path.name, 0))
            *lines, _ = file.read().split(b"\n")
        told[path.name] = told.get(path.name, 0) + sum(len(line) + 1 for line in lines)
        for line in filter(None, lines):
            yield RECORD, line.decode()


def _start(arguments: Sequence[str], folder: str, printed: IO[str]) -> "subprocess.Popen[str]":
    """A command as the node's own user would start it; it ends with this process."""
    manager = int(os.environ["RAY_RAYLET_PID"])
    return subprocess.Popen(
        [sys.executable, "-m", "separation_bench", *arguments],
        stdin=subprocess.DEVNULL,
        stdout=printed,
        stderr=subprocess.PIPE,
        text=True,
        errors="replace",
        env=own_variables(_variables_of(manager)),
        cwd=folder if os.path.isdir(folder) else None,
        preexec_fn=_becoming_like(manager),
    )


def own_variables(of_manager: Mapping[str, str]) -> dict[str, str]:
    """The variables of a raylet without those that ``ray start`` has added."""
    return {
        name: value
        for name, value in of_manager.items()
        if not name.startswith("RAY_")
        and not (name == "LD_PRELOAD" and value.endswith(RAYS_MALLOC))
    }


def _variables_of(process: int) -> dict[str, str]:
    content = os.fsdecode(Path(f"/proc/{process}/environ").read_bytes())
    return dict(pair.split("=", 1) for pair in content.split("\0") if "=" in pair)


def _becoming_like(manager: int) -> Callable[[], None]:
    """What a new process does before it becomes the command."""
    niceness = os.getpriority(os.PRIO_PROCESS, manager)
    goes_first = Path(f"/proc/{manager}/oom_score_adj").read_bytes()
    prctl = ctypes.CDLL(None).prctl

    def become() -> None:
        prctl(ENDS_WITH_PARENT, signal.SIGTERM)
        signal.pthread_sigmask(signal.SIG_SETMASK, ())  # a worker holds Ctrl-C back
        with suppress(OSError):  # both are the system's to allow
            Path("/proc/self/oom_score_adj").write_bytes(goes_first)
        with suppress(OSError):
            os.setpriority(os.PRIO_PROCESS, 0, niceness)

    return become
