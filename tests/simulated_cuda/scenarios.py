"""Machines to simulate: their cards as data sheets and drivers describe them, and what goes wrong.

Nothing here imports torch: a process that never does asks the driver too.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

GIB = 2**30
MIB = 2**20


@dataclass(frozen=True)
class Neighbour:
    """Another process on a card. NVML: nvmlDeviceGetComputeRunningProcesses lists those with a
    compute context, nvmlDeviceGetGraphicsRunningProcesses those with a graphics context.
    """

    pid: int
    used_bytes: int | None  # nvmlProcessInfo_t: not available where the driver does not tell
    draws: bool = False
    sm_percent: int = 0  # nvmlProcessUtilizationSample_t.smUtil


@dataclass(frozen=True)
class Card:
    """One card, or a MIG instance of one: what does not change while it is used."""

    name: str
    uuid: str  # as NVML prints it: "GPU-" or "MIG-" and 32 hexadecimal digits in five groups
    total_bytes: int
    capability: tuple[int, int]
    n_multiprocessors: int
    l2_bytes: int
    sm_mhz: tuple[int, int]  # idle, highest
    memory_mhz: tuple[int, int]
    power_limit_mw: int
    is_persistent: bool = True
    neighbours: Sequence[Neighbour] = ()
    hidden_bytes: int = 0  # in use by processes that nobody lists
    busy_reasons: int = 0  # bits of nvmlClocksEventReasons while kernels run
    instances: "Sequence[Card]" = ()  # of a card in MIG mode


@dataclass(frozen=True)
class Scenario:
    """One machine. ``cards`` are in the driver's order, that of the bus."""

    cards: Sequence[Card]
    fastest_first: Sequence[int] = ()  # CUDA's order of them, where it is another
    driver: str = "580.65.06"
    cuda_of_driver: int = 13000  # cuDriverGetVersion: 1000 * major + 10 * minor
    cuda_of_torch: str = "12.8"
    architectures: str = "sm_75 sm_80 sm_86 sm_90 sm_100 sm_120"  # of torch's wheel for CUDA 12.8
    has_nvml: bool = True
    is_driver_too_old: bool = False
    hides_processes: bool = False  # as in a container with process numbers of its own
    oom_in_call: int | None = None  # of a network, counted from 1: the memory is then full


# NVIDIA H100 Tensor Core GPU Architecture, table "Comparison of ... Data Center GPUs"; clocks as
# nvidia-smi -q prints them of an H100 SXM5.
H100 = Card(
    name="NVIDIA H100 80GB HBM3",
    uuid="GPU-5f0c8d2e-1a2b-4c3d-8e4f-0123456789ab",
    total_bytes=81559 * MIB,
    capability=(9, 0),
    n_multiprocessors=132,
    l2_bytes=50 * MIB,
    sm_mhz=(345, 1980),
    memory_mhz=(2619, 2619),
    power_limit_mw=700_000,
)
# NVIDIA Ampere GA102 GPU Architecture, appendix; a GeForce has no persistence mode by default.
RTX_3060 = Card(
    name="NVIDIA GeForce RTX 3060 Laptop GPU",
    uuid="GPU-7b1e4f60-9c8d-4e2f-a1b2-fedcba987654",
    total_bytes=6 * GIB,
    capability=(8, 6),
    n_multiprocessors=30,
    l2_bytes=3 * MIB,
    sm_mhz=(210, 2100),
    memory_mhz=(405, 7001),
    power_limit_mw=80_000,
    is_persistent=False,
)
# NVIDIA Pascal: compute capability 6.1, for which wheels of torch for CUDA 12.8 have no kernels.
GTX_1080 = Card(
    name="NVIDIA GeForce GTX 1080",
    uuid="GPU-0a1b2c3d-4e5f-4071-8293-a4b5c6d7e8f9",
    total_bytes=8 * GIB,
    capability=(6, 1),
    n_multiprocessors=20,
    l2_bytes=2 * MIB,
    sm_mhz=(139, 1911),
    memory_mhz=(405, 5005),
    power_limit_mw=180_000,
    is_persistent=False,
)
# NVIDIA Multi-Instance GPU User Guide, "Supported MIG Profiles": 1g.10gb of an H100 has one of
# eight slices of the memory and of the second-level cache, and 16 multiprocessors.
ONE_SLICE = replace(
    H100,
    name="NVIDIA H100 80GB HBM3 MIG 1g.10gb",
    uuid="MIG-c6f1e2d3-b4a5-5968-8776-655443322110",
    total_bytes=9856 * MIB,
    n_multiprocessors=16,
    l2_bytes=50 * MIB // 8,
)
OTHER_SLICE = replace(ONE_SLICE, uuid="MIG-d7a2f3e4-c5b6-5079-9887-766554433221")

DESKTOP = (
    Neighbour(1100, 120 * MIB, draws=True, sm_percent=1),
    Neighbour(1250, 45 * MIB, draws=True),
)
"""Xorg and a compositor, as nvidia-smi lists them with type G."""

DATA_CENTRE = Scenario([H100])
SCENARIOS: Mapping[str, Scenario] = {
    "data-centre card": DATA_CENTRE,
    "laptop with a desktop": Scenario([replace(RTX_3060, neighbours=DESKTOP)]),
    # The slower card sits on the first slot: the driver counts by the bus, CUDA fastest first.
    "two cards": Scenario([RTX_3060, H100], fastest_first=(1, 0)),
    "MIG": Scenario([replace(H100, instances=(ONE_SLICE, OTHER_SLICE))]),
    "container": Scenario([replace(H100, hidden_bytes=18 * GIB)], hides_processes=True),
    "no NVML": replace(DATA_CENTRE, has_nvml=False),
    "old driver": Scenario(
        [H100], driver="470.256.02", cuda_of_driver=11040, is_driver_too_old=True
    ),
    "no kernels": Scenario([GTX_1080]),
    "full at once": replace(DATA_CENTRE, oom_in_call=1),
    "full later": replace(DATA_CENTRE, oom_in_call=10),
    # nvml.h: nvmlClocksEventReasonSwThermalSlowdown 0x20, ...HwThermalSlowdown 0x40
    "hot": Scenario([replace(H100, busy_reasons=0x20 | 0x40)]),
}


def visible_cards(scenario: Scenario, variables: Mapping[str, str]) -> list[Card]:
    """The cards that CUDA enumerates, in its order.

    CUDA C++ Programming Guide, "CUDA Environment Variables": CUDA_DEVICE_ORDER is FASTEST_FIRST
    unless set; CUDA_VISIBLE_DEVICES names numbers in that order or UUIDs, of which a beginning
    that is unique will do; what follows an invalid one is not visible. MIG User Guide, "CUDA Device
    Enumeration": of a card in MIG mode one instance alone is enumerated, the first unless named.
    """
    order = scenario.fastest_first or range(len(scenario.cards))
    if variables.get("CUDA_DEVICE_ORDER") == "PCI_BUS_ID":
        order = range(len(scenario.cards))
    ordered = [scenario.cards[index] for index in order]
    named = variables.get("CUDA_VISIBLE_DEVICES")
    if named is None:
        chosen = ordered
    else:
        chosen = []
        for name in named.split(","):
            card = _find_card(ordered, name.strip())
            if card is None:
                break
            chosen.append(card)
    return [card.instances[0] if card.instances else card for card in chosen]


def _find_card(ordered: Sequence[Card], name: str) -> Card | None:
    if name.isdecimal():
        return ordered[int(name)] if int(name) < len(ordered) else None
    if not name:
        return None
    parts = [part for card in ordered for part in card.instances]
    found = [card for card in (*ordered, *parts) if card.uuid.startswith(name)]
    return found[0] if len(found) == 1 else None
