"""What is known of a machine and its software, in words."""

from collections.abc import Iterator, Mapping
from dataclasses import asdict

from bench.results.environment import Environment
from bench.units import format_si

NOT_TOLD = "not told"
NAMES = {
    "cpu": "processor",
    "n_cpus": "processors",
    "n_available_cpus": "processors available",
    "quota_cpus": "quota of processors",
    "is_smt_on": "SMT",
    "n_numa_nodes": "NUMA nodes",
    "is_virtual": "virtual machine",
    "cpu_frequency_min_hz": "lowest clock",
    "cpu_frequency_max_hz": "highest clock",
    "n_visible": "cards visible",
    "sources_sha256": "hash of the sources",
    "is_modified": "changes that nobody committed",
    "mkldnn": "oneDNN",
    "cudnn": "cuDNN",
    "cudnn_benchmark": "cuDNN benchmark",
    "cudnn_allow_tf32": "cuDNN TF32",
    "cuda_build": "built for CUDA",
    "is_boost_on": "boost",
}
"""Where a field's own name does not read well."""


def list_facts_of_place(environment: Environment) -> dict[str, str]:
    """What is known of a machine and its software, in words, by what it is called."""
    fields = asdict(environment.without_uuid())
    gpu = fields["machine"].pop("gpu") or {}
    gpu.pop("uuid", None)
    sections = {
        "Machine": fields["machine"],
        "GPU": gpu,
        "Code": fields["code"],
        "Torch": fields["torch"],
    }
    facts = {
        f"{section}: {name}": text
        for section, found in sections.items()
        for name, text in say_all(found)
    }
    for section, named in (("Version", "versions"), ("Variable", "variables")):
        facts |= {f"{section}: {name}": str(value) for name, value in fields[named].items()}
    return facts


def say_all(fields: Mapping[str, object], before: str = "") -> Iterator[tuple[str, str]]:
    """Name and value of each field in words, those of a field of fields after its name."""
    for name, value in fields.items():
        words = before + NAMES.get(name, name.removesuffix("_bytes").replace("_", " "))
        if isinstance(value, Mapping):
            yield from say_all(value, f"{words}, ")
        else:
            yield words, say(name, value)


def say(name: str, value: object) -> str:
    """A value in words; the name of its field tells the unit."""
    if value is None:
        return NOT_TOLD
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, tuple | list):
        return ", ".join(map(str, value)) or "none"
    if isinstance(value, int | float):
        unit = {"bytes": "B", "hz": "Hz"}.get(name.rpartition("_")[2])
        return format_si(value, unit) if unit else str(value)
    is_hash = name in ("commit", "sources_sha256")
    return str(value)[:12] if is_hash else str(value)
