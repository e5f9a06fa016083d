"""Where figures come from, in lines that every report ends with."""

from collections.abc import Mapping
from typing import Any

from bench.results.summary import Summary
from bench.units import format_si


def describe_provenance(summary: Summary) -> list[tuple[str, str]]:
    """Label and text: machine, versions, flags, workload, commit and time."""
    environment = summary.environment
    if not environment:
        return [("Machine", "unknown: no process lived long enough to say")]
    machine, torch, code = environment["machine"], environment["torch"], environment["code"]
    gpu = machine["gpu"]
    settings = summary.settings
    return [
        (
            "Processor",
            f"{machine['cpu']}, {machine['n_available_cpus']} of {machine['n_cpus']} processors, "
            f"{format_si(machine['memory_bytes'], 'B')} of memory, {machine['system']}",
        ),
        ("GPU", f"{gpu['name']}, {format_si(gpu['memory_bytes'], 'B')}" if gpu else "none"),
        (
            "Workload",
            f"{settings['n_samples']} samples at 8 kHz of recorded speech, batch "
            f"{settings['batch']}, {settings['dtype']}, {settings['threads']} threads, "
            f"seed {settings['seed']}",
        ),
        (
            "Versions",
            ", ".join(f"{name} {version}" for name, version in environment["versions"].items()),
        ),
        (
            "Flags",
            f"{torch['cpu_capability']}, oneDNN {_on(torch['mkldnn'])}, "
            f"float32 matmul precision {torch['matmul_precision']}, "
            f"cuDNN {torch['cudnn'] or 'none'} (TF32 {_on(torch['cudnn_allow_tf32'])}, "
            f"benchmark {_on(torch['cudnn_benchmark'])}), "
            f"flush denormals {_on(torch['flushes_denormals'])}",
        ),
        ("State", _describe_state(environment)),
        ("Code", f"commit {code['commit'][:12]}{', modified' if code['is_modified'] else ''}"),
        ("Started", summary.started_at),
    ]


def _describe_state(environment: Mapping[str, Any]) -> str:
    """What may move times: the machine when the first process described it."""
    machine, state = environment["machine"], environment.get("state", {})
    load = state.get("load_average")
    facts = {
        "governor": state.get("governor"),
        "boost": _known(state.get("is_boost_on"), "on", "off"),
        "hypervisor": _known(machine.get("is_virtual"), "yes", "no"),
        "processor quota": machine.get("quota_cpus") or "none",
        "load in the last minute": None if load is None else f"{load[0]:.1f}",
        "swap in use": _known(state.get("swap_used_bytes"), "yes", "no"),
        "allocator": state.get("allocator"),
    }
    return ", ".join(f"{name} {'not known' if v is None else v}" for name, v in facts.items())


def _known(value: object, yes: str, no: str) -> str | None:
    return None if value is None else (yes if value else no)


def _on(flag: bool) -> str:
    return "on" if flag else "off"
