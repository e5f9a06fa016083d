"""What changes on a machine: read from made-up files; None where there is no such file."""

import re
import socket
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest

from bench.machine.contention import TICK_S
from bench.machine.gpu import Gpu
from bench.machine.state import (
    allocator,
    describe_state,
    preloaded_libraries,
    pressure_share,
    read_gpu,
)

CPU = "sys/devices/system/cpu"
FILES = {
    f"{CPU}/cpu0/cpufreq/scaling_governor": "schedutil\n",
    f"{CPU}/cpu1/cpufreq/scaling_governor": "performance\n",
    f"{CPU}/cpu0/cpufreq/scaling_cur_freq": "1000000\n",
    f"{CPU}/cpu1/cpufreq/scaling_cur_freq": "3000000\n",
    f"{CPU}/cpu0/thermal_throttle/core_throttle_count": "3\n",
    f"{CPU}/cpu1/thermal_throttle/core_throttle_count": "4\n",
    f"{CPU}/cpufreq/boost": "1\n",
    "sys/kernel/mm/transparent_hugepage/enabled": "always [madvise] never\n",
    "proc/meminfo": "MemAvailable:   2000 kB\nSwapTotal:  500 kB\nSwapFree:  100 kB\n",
    "proc/stat": "cpu  1 2 3 4 5 6 7 800 0 0\ncpu0 1 1 1 1 1 1 1 1 0 0\n",
    "proc/sys/kernel/randomize_va_space": "2\n",
    "proc/pressure/cpu": "some avg10=12.50 avg60=0.00 avg300=0.00 total=1\n",
    "proc/self/maps": "7f00-7f01 r-xp 0 0:0 1 /usr/lib/libc.so.6\n",
}

OF_FILES = (
    *("governor", "is_boost_on", "cpu_frequency_hz", "n_thermal_throttles", "steal_s"),
    *("memory_available_bytes", "swap_used_bytes", "transparent_huge_pages"),
    "is_address_layout_random",
)
"""What is told by files that may not be there."""


@pytest.fixture
def root(tmp_path: Path) -> Path:
    for name, content in FILES.items():
        write(tmp_path / name, content)
    return tmp_path


def write(path: Path, content: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content)


def test_memory_is_cut_to_the_limit_of_a_container(root: Path) -> None:
    group = root / "sys/fs/cgroup"
    group.mkdir(parents=True)
    (root / "proc/self").mkdir(exist_ok=True)
    (root / "proc/self/cgroup").write_text("0::/\n")
    (group / "memory.max").write_text("1000000\n")
    (group / "memory.current").write_text("300000\n")
    assert describe_state(root).memory_available_bytes == 700_000


def test_processors_and_memory_in_base_units(root: Path) -> None:
    state = describe_state(root)
    assert state.governor == "performance, schedutil"
    assert state.is_boost_on is True
    assert state.cpu_frequency_hz == 2e9
    assert state.n_thermal_throttles == 7
    assert state.steal_s == pytest.approx(800 * TICK_S)
    assert state.memory_available_bytes == 2000 * 1024
    assert state.swap_used_bytes == 400 * 1024
    assert state.transparent_huge_pages == "madvise"
    assert state.is_address_layout_random is True
    assert state.pressure == {"cpu": 0.125, "memory": None, "io": None}


def test_one_governor_is_named_once(root: Path) -> None:
    write(root / f"{CPU}/cpu0/cpufreq/scaling_governor", "performance\n")
    assert describe_state(root).governor == "performance"


@pytest.mark.parametrize("content", [None, "", "nonsense\n"])
def test_what_is_not_there_is_none(tmp_path: Path, content: str | None) -> None:
    if content is not None:
        for name in FILES:
            write(tmp_path / name, content)
        for path in tmp_path.rglob("scaling_governor"):
            path.unlink()  # any word is a governor
    state = describe_state(tmp_path)
    assert {name: getattr(state, name) for name in OF_FILES} == dict.fromkeys(OF_FILES)
    assert state.pressure == dict.fromkeys(("cpu", "memory", "io"))


@pytest.mark.parametrize(("no_turbo", "is_on"), [("0", True), ("1", False)])
def test_the_switch_of_intel_is_inverted(tmp_path: Path, no_turbo: str, is_on: bool) -> None:
    write(tmp_path / f"{CPU}/intel_pstate/no_turbo", no_turbo)
    assert describe_state(tmp_path).is_boost_on is is_on


def test_without_a_scaling_driver_the_clock_is_in_cpuinfo(tmp_path: Path) -> None:
    write(tmp_path / "proc/cpuinfo", "cpu MHz\t\t: 2600.5\n\ncpu MHz\t\t: 2400.5\n")
    assert describe_state(tmp_path).cpu_frequency_hz == pytest.approx(2500.5e6)


def test_pressure_is_a_share(root: Path) -> None:
    assert pressure_share(root, "cpu") == 0.125


@pytest.mark.parametrize(
    ("preload", "names"),
    [
        ("", []),
        ("/home/somebody/libjemalloc.so.2", ["libjemalloc.so.2"]),
        ("/a/liba.so:/b/libb.so libc.so", ["liba.so", "libb.so", "libc.so"]),
    ],
)
def test_preloaded_libraries_lose_their_folders(preload: str, names: list[str]) -> None:
    assert preloaded_libraries({"LD_PRELOAD": preload}) == names


def test_whose_malloc_it_is(root: Path) -> None:
    assert allocator(root) == "libc"
    write(root / "proc/self/maps", "7f00-7f01 r-xp 0 0:0 1 /usr/lib/libjemalloc.so.2\n")
    assert allocator(root) == "jemalloc"
    (root / "proc/self/maps").unlink()
    assert allocator(root) is None


Listed = tuple[tuple[int, int | None], ...]
"""Processes by number, and what they hold."""


def gpu_with(computing: Listed | None, drawing: Listed | None = None, **shares: int) -> Gpu:
    """A GPU on which processes of these numbers hold so much memory.

    ``shares`` are percent of its time in the last second, by ``p`` and a number.
    """

    def answering(processes: Listed | None) -> Callable[[object], list[SimpleNamespace]]:
        def answer(_: object) -> list[SimpleNamespace]:
            if processes is None:
                raise LookupError
            return [SimpleNamespace(pid=pid, usedGpuMemory=size) for pid, size in processes]

        return answer

    def utilisation(_: object, since_us: int) -> list[SimpleNamespace]:
        assert since_us == 41_000_000  # a second before the moment at which it is asked
        return [SimpleNamespace(pid=int(p[1:]), smUtil=share) for p, share in shares.items()]

    functions = {
        "nvmlDeviceGetComputeRunningProcesses": answering(computing),
        "nvmlDeviceGetGraphicsRunningProcesses": answering(drawing),
        "nvmlDeviceGetProcessUtilization": utilisation,
    }
    constants = dict.fromkeys(("NVML_CLOCK_SM", "NVML_CLOCK_MEM", "NVML_TEMPERATURE_GPU"), 0)
    return Gpu(SimpleNamespace(**functions, **constants, NVMLError=LookupError), None)


@pytest.mark.parametrize(
    ("processes", "n_others", "n_bytes"),
    [
        ((), 0, 0),
        (((1, 5),), 0, 0),
        (((1, 5), (2, 7), (3, 11)), 2, 18),
        (((1, 5), (2, None)), 1, None),
        (None, None, None),
    ],
)
def test_other_processes_on_the_gpu_are_counted(
    processes: tuple[tuple[int, int | None], ...] | None, n_others: int | None, n_bytes: int | None
) -> None:
    reading = read_gpu(gpu_with(processes), own_pid=1)
    assert reading.n_other_processes == n_others
    assert reading.other_processes_bytes == n_bytes


@pytest.mark.parametrize(
    ("processes", "n_others", "n_bytes"),
    [
        (((1, 5), (2, 7)), 1, 7),
        (((2, 7),), 0, 0),  # this process, by another number
        (((2, 7), (3, 11)), 1, None),  # one of them is this process
        ((), None, None),  # this process is hidden, so others may be
        (None, None, None),
    ],
)
def test_a_process_that_uses_the_gpu_is_no_neighbour_of_its_own(
    processes: tuple[tuple[int, int | None], ...] | None, n_others: int | None, n_bytes: int | None
) -> None:
    reading = read_gpu(gpu_with(processes), own_pid=1, has_context=True)
    assert reading.n_other_processes == n_others
    assert reading.other_processes_bytes == n_bytes


def test_this_machine_names_no_host() -> None:
    """Records are published."""
    state = describe_state()
    assert state.load_average is not None
    assert not re.search(rf"\b{re.escape(socket.gethostname())}\b", str(state))


def test_a_desktop_at_rest_is_no_neighbour() -> None:
    desktop = ((2, 90_000_000), (3, 400_000_000))
    reading = read_gpu(gpu_with((), desktop, p2=2, p3=1), own_pid=1, now=lambda: 42.0)
    assert (reading.n_other_processes, reading.n_other_graphics) == (2, 2)
    assert reading.other_graphics_bytes == 490_000_000
    assert reading.other_graphics_share == pytest.approx(0.03)
    assert not reading.is_shared


def test_what_draws_much_or_holds_much_is_a_neighbour() -> None:
    busy = read_gpu(gpu_with((), ((2, 1),), p2=40), own_pid=1, now=lambda: 42.0)
    large = read_gpu(gpu_with((), ((2, 3_000_000_000),)), own_pid=1, now=lambda: 42.0)
    assert busy.is_shared
    assert large.is_shared


def test_a_process_that_computes_is_a_neighbour_whatever_it_uses() -> None:
    """Beside a desktop, and beside this process in any way of naming it."""
    desktop = ((4, 90_000_000),)
    for own_pid, listed, has_context in [(1, ((2, 1),), False), (9, ((2, 1), (3, 1)), True)]:
        gpu = gpu_with(listed, desktop)
        reading = read_gpu(gpu, own_pid, has_context, now=lambda: 42.0)
        assert (reading.n_other_computing, reading.n_other_graphics) == (1, 1)
        assert reading.is_shared


def test_a_process_with_another_number_is_told_from_a_desktop() -> None:
    """In a container: the one that computes is this process."""
    gpu = gpu_with(((2, 7),), ((4, 90_000_000),))
    reading = read_gpu(gpu, own_pid=1, has_context=True, now=lambda: 42.0)
    assert (reading.n_other_processes, reading.n_other_computing) == (1, 0)
    assert reading.other_processes_bytes == reading.other_graphics_bytes == 90_000_000
    assert not reading.is_shared


def test_a_reading_that_fails_is_said_and_takes_no_other_with_it(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(**_: object) -> None:
        raise TypeError("The driver answers in tongues.")

    whole = describe_state(root)
    monkeypatch.setattr("bench.machine.state.open_gpu", fail)
    state = describe_state(root)
    assert state.gpu is None
    assert state.problems == {"gpu": "TypeError: The driver answers in tongues."}
    assert (state.governor, state.swap_used_bytes) == (whole.governor, whole.swap_used_bytes)


def test_the_gpu_that_torch_uses_is_the_one_that_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str | None] = []
    monkeypatch.setattr("bench.machine.state.open_gpu", lambda uuid: asked.append(uuid))
    describe_state(gpu_uuid="ab-c")
    describe_state()
    assert asked == ["ab-c", None]
