"""What differs between runs: where, with what code and on what work they were made."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from itertools import chain

from bench.render.provenance import describe_length
from bench.render.run_names import NamedRun
from bench.render.tables.markdown import markdown_table, plain
from bench.results.environment import Environment, MachineState
from bench.results.summary import RunSummary
from bench.units import format_si

NOT_TOLD = "not told"
SECTIONS = "Began Machine GPU Code Work Torch Version Variable Setting".split()
"""The first words of what facts are called, in the order of the rows."""
ABSENT = {"GPU": "none", "Variable": "not set"}
"""What a run has that lacks a fact, by the first word of what the fact is called."""
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
SETTINGS = (
    "governor",
    "is_boost_on",
    "transparent_huge_pages",
    "is_address_layout_random",
    "preloaded",
    "allocator",
)
"""What of a machine's state is set by someone; the rest changes from minute to minute."""


def render_run_differences(runs: Sequence[NamedRun]) -> str:
    """A table with a row for each fact that is not the same in all runs, one column a run.

    When they began is always among them. What three digits don't show is no difference.
    """
    told = [list_facts(run.summary) for run in runs]
    rows = []
    for fact in sorted(dict.fromkeys(chain.from_iterable(told)), key=_section):
        texts = [facts.get(fact, _absent(fact)) for facts in told]
        if len(set(texts)) > 1 or fact == "Began":
            rows.append([plain(text) for text in (fact, *texts)])
    return markdown_table(["What", *(plain(run.name) for run in runs)], rows, n_text=1 + len(runs))


def list_facts(run: RunSummary) -> dict[str, str]:
    """What is known of where and how a run was made, in words, by what it is called."""
    return {
        "Began": run.started_at,
        **(_of_place(run.environment) if run.environment else {}),
        **_of_state(run.state or MachineState()),
        **_of_work(run),
    }


def _section(fact: str) -> int:
    return SECTIONS.index(fact.partition(":")[0])


def _absent(fact: str) -> str:
    return ABSENT.get(fact.partition(":")[0], NOT_TOLD)


def _of_place(environment: Environment) -> dict[str, str]:
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
        for name, text in _say_all(found)
    }
    for section, named in (("Version", "versions"), ("Variable", "variables")):
        facts |= {f"{section}: {name}": str(value) for name, value in fields[named].items()}
    return facts


def _of_state(state: MachineState) -> dict[str, str]:
    settings = {name: getattr(state, name) for name in SETTINGS}
    return {f"Setting: {name}": text for name, text in _say_all(settings)}


def _of_work(run: RunSummary) -> dict[str, str]:
    """What the networks were asked to do, and how they were timed."""
    work = run.workload
    found = {
        "audio": describe_length(run),
        "batch": work.batch,
        "dtype": work.dtype,
        "threads": work.threads,
        "seed": work.seed,
        "runtime": work.runtime,
        "training step on": run.update_device,
        "TF32": "no GPU used" if run.tf32 is None else run.tf32,
        "pages kept by malloc": run.keeps_pages,
        "calls took turns": run.took_turns,
        "ratios of times to": run.base_name or "nothing timed",
    }
    return {f"Work: {name}": _say("", value) for name, value in found.items()}


def _say_all(fields: Mapping[str, object], before: str = "") -> Iterator[tuple[str, str]]:
    """Name and value of each field in words, those of a field of fields after its name."""
    for name, value in fields.items():
        words = before + NAMES.get(name, name.removesuffix("_bytes").replace("_", " "))
        if isinstance(value, Mapping):
            yield from _say_all(value, f"{words}, ")
        else:
            yield words, _say(name, value)


def _say(name: str, value: object) -> str:
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
