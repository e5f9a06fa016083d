"""Where figures come from, in lines that every report ends with."""

from bench.results.summary import Summary
from bench.results.units import format_si


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
        ("Code", f"commit {code['commit'][:12]}{', modified' if code['is_modified'] else ''}"),
        ("Started", summary.started_at),
    ]


def _on(flag: bool) -> str:
    return "on" if flag else "off"
