"""What a processor computes in by instructions of its own, as the kernel lists them."""

from pathlib import Path

CPUINFO = Path("/proc/cpuinfo")
BFLOAT16 = frozenset(("avx512_bf16", "amx_bf16", "bf16"))
"""Of x86, and of ARM."""
NO_BFLOAT16 = (
    "This processor has no instructions for bfloat16, and would compute in float32 and round."
)


def has_bfloat16(cpuinfo: Path = CPUINFO) -> bool:
    """Whether it multiplies in bfloat16; without, the same is computed in float32 and rounded."""
    try:
        lines = cpuinfo.read_text().splitlines()
    except OSError:
        return False
    listed = [line.partition(":")[2] for line in lines if line.startswith(("flags", "Features"))]
    return any(not BFLOAT16.isdisjoint(flags.split()) for flags in listed)
