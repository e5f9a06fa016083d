"""Builds the C++ beside this file with the user's compiler, once for each machine and torch.

The compiler is called directly: torch's own builder wants ninja, setuptools and Python's headers,
of which operators that are registered from C++ need nothing.
"""

import hashlib
import os
import platform
import shutil
import subprocess
from functools import cache
from pathlib import Path

import torch
from filelock import FileLock

FOLDER = Path(__file__).parent
FLAGS = (
    *("-std=c++20", "-O3", "-march=native", "-fno-math-errno", "-fno-trapping-math"),
    *("-fopenmp", "-fPIC", "-shared"),
)
N_LINES = 5  # of a compiler's complaints that are passed on


class NotBuilt(RuntimeError):  # noqa: N818 - reads as what it says
    """The native operators can't be had here; the message is a sentence that says why."""


@cache
def load() -> None:
    """Let torch know the operators ``torch.ops.sudormrf``; builds them at the first use.

    Raises:
        NotBuilt: there is no compiler, it fails, or what it built can't be loaded.
    """
    library = build(find_compiler(), cache_folder())
    try:
        torch.ops.load_library(str(library))
    except OSError as error:
        reason = error.__cause__ or error
        raise NotBuilt(f"The native operators in {library} can't be loaded: {reason}.") from error


def build(compiler: str, folder: Path) -> Path:
    """The library in ``folder``; compiled unless it is there. Other processes wait meanwhile.

    Raises:
        NotBuilt: the compiler fails, or the folder can't be written.
    """
    library = folder / f"sudormrf-{describe(compiler)}.so"
    if library.exists():
        return library
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with FileLock(folder / "lock"):
            if not library.exists():
                compile_into(library, compiler)
    except OSError as error:
        raise NotBuilt(f"The native operators can't be built in {folder}: {error}.") from error
    return library


def compile_into(library: Path, compiler: str) -> None:
    """Compile all sources into one library, which appears whole or not at all.

    Raises:
        NotBuilt: the compiler fails.
    """
    unfinished = library.with_suffix(f".{os.getpid()}")
    paths = [str(path) for path in sources()]
    command = [compiler, *FLAGS, *paths, *torch_flags(), "-o", str(unfinished)]  # in this order
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        unfinished.unlink(missing_ok=True)
        complaints = "\n".join(done.stderr.splitlines()[-N_LINES:])
        raise NotBuilt(f"{compiler} can't build the native operators. It ends with:\n{complaints}")
    unfinished.replace(library)


def sources() -> list[Path]:
    """The files to compile."""
    return sorted(FOLDER.glob("*.cpp"))


def torch_flags() -> list[str]:
    """What tells the compiler where torch's headers and libraries are."""
    root = Path(torch.__file__).parent
    folders = (root / "include", root / "include" / "torch" / "csrc" / "api" / "include")
    return [
        *(flag for folder in folders for flag in ("-isystem", str(folder))),
        f"-D_GLIBCXX_USE_CXX11_ABI={int(torch._C._GLIBCXX_USE_CXX11_ABI)}",
        *(f"-L{root / 'lib'}", "-ltorch_cpu", "-ltorch", "-lc10"),
    ]


def find_compiler() -> str:
    """The compiler that ``CXX`` names, or the first of the usual ones.

    Raises:
        NotBuilt: there is none.
    """
    names = [os.environ["CXX"]] if os.environ.get("CXX") else ["c++", "g++", "clang++"]
    for name in names:
        if found := shutil.which(name):
            return found
    raise NotBuilt(
        f"There is no C++ compiler (looked for {', '.join(names)}), so no native operators."
    )


def cache_folder() -> Path:
    """Where libraries are kept for this user."""
    home = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(home) / "separation-bench" / "native"


def describe(compiler: str) -> str:
    """A hash of all that decides what it makes: sources, this file, torch, the processor."""
    files = sorted([*sources(), *FOLDER.glob("*.h"), Path(__file__)])
    version = subprocess.run([compiler, "--version"], capture_output=True, text=True, check=False)
    parts = [
        *(path.name + path.read_text(encoding="utf-8") for path in files),
        *(torch.__version__, *FLAGS, compiler, version.stdout, describe_processor()),
    ]
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:16]


def describe_processor() -> str:
    """Its instruction sets, as far as the system tells: others may not run what is built."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        lines = []
    known = (line for line in lines if line.startswith(("flags", "Features", "model name")))
    return " ".join([platform.machine(), *sorted(set(known))])
