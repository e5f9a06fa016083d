"""Where values come from, in lines that every report ends with."""

from dataclasses import replace

from bench.registry import SAMPLE_RATE
from bench.render.shards import describe_shards
from bench.results.environment import Environment, MachineState
from bench.results.summary import RunSummary
from bench.units import format_si


def describe_provenance(summary: RunSummary) -> list[tuple[str, str]]:
    """Label and text: machine, versions, flags, workload, commit and time."""
    environment = summary.environment
    if not environment:
        return [("Machine", "unknown: no process lived long enough to say")]
    machine, torch, code = environment.machine, environment.torch, environment.code
    gpu = machine.gpu
    # Networks on a GPU computed as the workload says, whatever torch had been set to before.
    by_default = "" if summary.tf32 is None else " by default"
    return [
        (
            "Processor",
            f"{machine.cpu}, {machine.n_available_cpus} of {machine.n_cpus} processors, "
            f"{_memory(machine.memory_bytes)}, {machine.system}",
        ),
        ("GPU", f"{gpu.name}, {format_si(gpu.memory_bytes, 'B')}" if gpu else "none"),
        ("Workload", f"{describe_workload(summary)}, seed {summary.workload.seed}"),
        (
            "Versions",
            ", ".join(f"{name} {version}" for name, version in environment.versions.items()),
        ),
        (
            "Flags",
            f"{torch.cpu_capability}, oneDNN {_on(torch.mkldnn)}, "
            f"float32 matmul precision {torch.matmul_precision or 'not told'}{by_default}, "
            f"cuDNN {torch.cudnn or 'none'} (TF32 {_on(torch.cudnn_allow_tf32)}{by_default}, "
            f"benchmark {_on(torch.cudnn_benchmark)}), "
            f"flush denormals {_on(torch.flushes_denormals)}",
        ),
        ("State", _describe_state(environment, summary.state)),
        ("Code", f"commit {code.commit[:12]}{', modified' if code.is_modified else ''}"),
        ("Started", summary.started_at),
        *([("Shards", describe_shards(summary.shards))] if summary.shards else []),
        *_describe_problems(environment),
    ]


def describe_workload(summary: RunSummary) -> str:
    """What a step is of: length, batch, precision and threads."""
    work = summary.workload
    length = describe_length(summary, " at 8 kHz", " of recorded speech")
    return f"{length}, batch {work.batch}, {_precision(summary)}, {describe_threads(work.threads)}"


def describe_length(summary: RunSummary, rate: str = "", of: str = "") -> str:
    """Samples, or where networks have rates of their own the time that all have in common.

    ``rate`` and ``of`` are said too, the former where all have one. The recording's samples are
    taken as they are, whatever the rate: a cost does not depend on it.
    """
    work = summary.workload
    if summary.rates == (SAMPLE_RATE,):
        return f"{work.n_samples} samples{rate}{of}"
    return f"{format_si(work.duration_s, 's')}{of} at each network's own rate"


def _precision(summary: RunSummary) -> str:
    """The dtype, and what float32 means where networks ran on a GPU."""
    on_gpu = replace(summary.workload, device="cuda", tf32=bool(summary.tf32))
    return summary.workload.dtype if summary.tf32 is None else on_gpu.precision


def _describe_state(environment: Environment, state: MachineState | None) -> str:
    """What may move times: the machine when the first process described it."""
    state = state or MachineState()
    load, swap = state.load_average, state.swap_used_bytes
    facts = {
        "governor": state.governor,
        "boost": _known(state.is_boost_on, "on", "off"),
        "hypervisor": _known(environment.machine.is_virtual, "yes", "no"),
        "processor quota": environment.machine.quota_cpus or "none",
        "load in the last minute": None if load is None else f"{load[0]:.1f}",
        "swap in use": _known(swap, "yes", "no"),
        "allocator": state.allocator,
    }
    return ", ".join(f"{name} {'not known' if v is None else v}" for name, v in facts.items())


def _known(value: object, yes: str, no: str) -> str | None:
    return None if value is None else (yes if value else no)


def _on(flag: bool | None) -> str:
    return "not told" if flag is None else "on" if flag else "off"


def _memory(n_bytes: int | None) -> str:
    return "memory not known" if n_bytes is None else f"{format_si(n_bytes, 'B')} of memory"


def _describe_problems(environment: Environment) -> list[tuple[str, str]]:
    """What of the machine could not be read or used; nothing where all could."""
    problems = [f"{name} ({problem})" for name, problem in environment.problems.items()]
    return [("Problems", "; ".join(problems))] if problems else []


def describe_threads(n_threads: int) -> str:
    """So many threads, in words."""
    return "1 thread" if n_threads == 1 else f"{n_threads} threads"
