"""Where a measurement was made: what lasts while a machine and its software stay as they are, and
what changes from minute to minute.

What a machine does not tell is None, never 0.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace

GRAPHICS_BYTES = 2e9
"""Of a GPU's memory. Desktops, and browsers on them, that hold less are no neighbours."""
GRAPHICS_SHARE = 0.10
"""Of a GPU's time. What draws and takes less, as a desktop at rest does, is no neighbour."""
NO_CUDA = "cuda"
"""In an environment's problems: why torch can't compute on a GPU, in torch's words."""


@dataclass(frozen=True)
class GpuDevice:
    """The first CUDA device, as torch sees it.

    The UUID finds the same card in the driver's list. It is as good as a serial number, and records
    are published, so no file holds it, and no hash of it: nothing compares records by the card.
    """

    name: str
    memory_bytes: int
    compute_capability: str
    n_visible: int
    uuid: str | None = field(default=None, compare=False, repr=False)


@dataclass(frozen=True)
class Machine:
    """Hardware and operating system; nothing that names a person or a host."""

    cpu: str
    n_cpus: int | None
    n_available_cpus: int  # to this process: its affinity, cut to the cgroup's quota
    memory_bytes: int | None
    architecture: str
    system: str
    gpu: GpuDevice | None = None
    quota_cpus: float | None = None
    is_smt_on: bool | None = None
    n_numa_nodes: int | None = None
    is_virtual: bool | None = None
    cpu_frequency_min_hz: float | None = None
    cpu_frequency_max_hz: float | None = None

    @property
    def identity(self) -> str:
        """Equal for records that may stand side by side: the processor, how many, and the GPU.

        Not the memory: a virtual machine may be given more while it runs, and what the kernel
        leaves of it differs from start to start.
        """
        name = f"{self.cpu}, {self.n_available_cpus} processors"
        return f"{name}, {self.gpu.name}" if self.gpu else name


@dataclass(frozen=True)
class Code:
    """The commit of this project's code, and whether its sources differ from it."""

    commit: str
    is_modified: bool
    sources_sha256: str | None = None  # None in records of the first weeks

    @property
    def identity(self) -> str:
        """Equal for equal code: the hash of the sources, or else the commit."""
        return self.sources_sha256 or self.commit


@dataclass(frozen=True)
class TorchSetup:
    """How torch was built and is set up: each of these changes times or results.

    torch has two interfaces for the precision of float32. The older one refuses to answer where
    both were used and don't agree; its values are None then. ``fp32_precision`` is the newer one's
    for CUDA, by kind of operation.
    """

    cuda_build: str | None
    cudnn: int | None
    cudnn_benchmark: bool
    cudnn_allow_tf32: bool | None
    matmul_precision: str | None
    mkldnn: bool
    cpu_capability: str
    threads: int
    flushes_denormals: bool
    fp32_precision: Mapping[str, str | None] = field(default_factory=dict)


@dataclass(frozen=True)
class Environment:
    """What lasts. Stored once in a file of records, which name it by its ``identity``."""

    machine: Machine
    versions: Mapping[str, str]
    code: Code
    torch: TorchSetup
    variables: Mapping[str, str]  # that libraries of a measuring process listen to
    problems: Mapping[str, str] = field(default_factory=dict)  # what could not be read, and why

    @property
    def usable_gpu(self) -> GpuDevice | None:
        """The GPU, where torch can compute on it."""
        return None if NO_CUDA in self.problems else self.machine.gpu

    @property
    def identity(self) -> str:
        """The hash of everything in it that lasts on one machine.

        Two processes may count another size of memory, and meet other errors.
        """
        fields = asdict(self.without_uuid())
        del fields["machine"]["memory_bytes"], fields["problems"]
        text = json.dumps(fields, sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:16]

    def without_uuid(self) -> "Environment":
        """The same without what names one card: fit to be published."""
        gpu = self.machine.gpu
        if gpu is None or gpu.uuid is None:
            return self
        return replace(self, machine=replace(self.machine, gpu=replace(gpu, uuid=None)))


@dataclass(frozen=True)
class GpuReading:
    """What the driver says of a GPU at one moment; of other processes their number and memory.

    Of a part of a GPU (a MIG instance), the name, memory and processes are its own; clocks, heat,
    power and energy are the whole board's.
    """

    name: str | None = None
    driver_version: str | None = None
    is_persistent: bool | None = None  # the driver stays loaded between processes
    compute_mode: str | None = None
    sm_clock_hz: float | None = None
    sm_clock_max_hz: float | None = None
    memory_clock_hz: float | None = None
    memory_clock_max_hz: float | None = None
    throttle_reasons: tuple[str, ...] | None = None
    temperature_c: float | None = None
    power_w: float | None = None
    power_limit_w: float | None = None
    total_energy_j: float | None = None  # since the driver was loaded
    memory_used_bytes: int | None = None  # by all processes
    n_other_processes: int | None = None
    other_processes_bytes: int | None = None
    busy_share: float | None = None  # of the last second or less, with any kernel, own ones too
    n_other_graphics: int | None = None  # of the other processes, those that draw
    other_graphics_bytes: int | None = None
    other_graphics_share: float | None = None  # of the GPU's time, in the last second

    @property
    def n_other_computing(self) -> int | None:
        """The other processes that do not draw. Older records tell none apart."""
        if self.n_other_processes is None:
            return None
        return self.n_other_processes - (self.n_other_graphics or 0)

    @property
    def is_drawn_on(self) -> bool:
        """What draws takes more than a desktop at rest; a share that is not known is none."""
        return (self.other_graphics_bytes or 0) > GRAPHICS_BYTES or (
            self.other_graphics_share or 0.0
        ) > GRAPHICS_SHARE

    @property
    def is_shared(self) -> bool:
        """Another process computes on it, or draws so much that a time would show it."""
        return bool(self.n_other_computing) or self.is_drawn_on


@dataclass(frozen=True)
class MachineState:
    """Settings and load of processors, memory and GPU at one moment."""

    governor: str | None = None
    is_boost_on: bool | None = None
    cpu_frequency_hz: float | None = None
    n_thermal_throttles: int | None = None  # since boot
    steal_s: float | None = None  # since boot
    memory_available_bytes: int | None = None
    swap_used_bytes: int | None = None
    transparent_huge_pages: str | None = None
    load_average: tuple[float, ...] | None = None  # over 1, 5 and 15 minutes
    pressure: Mapping[str, float | None] = field(default_factory=dict)  # share of the last 10 s
    is_address_layout_random: bool | None = None
    preloaded: tuple[str, ...] = ()
    allocator: str | None = None
    gpu: GpuReading | None = None
    problems: Mapping[str, str] = field(default_factory=dict)  # what could not be read, and why
