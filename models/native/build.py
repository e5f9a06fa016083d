"""Builds the C++ beside this file with the user's compiler, once for each machine and torch.

The compiler is called directly: torch's own builder wants ninja, setuptools and Python's headers,
of which operators that are registered from C++ need nothing.
"""

import hashlib
import os
import platform
import shutil
import subprocess
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import torch
from filelock import FileLock

FOLDER = Path(__file__).parent
FLAGS = (
    *("-std=c++20", "-O3", "-march=native", "-fno-math-errno", "-fno-trapping-math"),
    *("-fopenmp", "-fPIC", "-fno-semantic-interposition", "-fvisibility=hidden"),
    "-falign-loops=64",  # a product's loop that begins within a line takes 5 % longer
)
AT_ONCE = 2  # a compiler that reads torch's headers takes up to 1 GB
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
    headers, libraries = torch_flags()
    with TemporaryDirectory(dir=library.parent) as folder, ThreadPoolExecutor(AT_ONCE) as pool:
        objects = {path: str(Path(folder) / f"{path.stem}.o") for path in sources()}
        compiled = [
            pool.submit(run, [compiler, *FLAGS, *headers, "-c", str(path), "-o", made])
            for path, made in objects.items()
        ]
        for one in compiled:
            one.result()
        unfinished = Path(folder) / library.name
        run([compiler, *FLAGS, "-shared", *objects.values(), *libraries, "-o", str(unfinished)])
        unfinished.replace(library)


def run(command: list[str]) -> None:
    """Run the compiler.

    Raises:
        NotBuilt: it fails.
    """
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        complaints = "\n".join(done.stderr.splitlines()[-N_LINES:])
        raise NotBuilt(
            f"{command[0]} can't build the native operators. It ends with:\n{complaints}"
        )


def sources() -> list[Path]:
    """The files to compile."""
    return sorted(FOLDER.glob("*.cpp"))


def torch_flags() -> tuple[list[str], list[str]]:
    """What tells the compiler where torch's headers are, and where its libraries."""
    root = Path(torch.__file__).parent
    folders = (root / "include", root / "include" / "torch" / "csrc" / "api" / "include")
    headers = [
        *(flag for folder in folders for flag in ("-isystem", str(folder))),
        f"-D_GLIBCXX_USE_CXX11_ABI={int(torch._C._GLIBCXX_USE_CXX11_ABI)}",
    ]
    return headers, [f"-L{root / 'lib'}", "-ltorch_cpu", "-ltorch", "-lc10"]


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
