"""What differs between runs: where, with what code and on what work they were made."""

from collections.abc import Sequence
from itertools import chain

from bench.render.facts import NOT_TOLD, list_facts_of_place, say, say_all
from bench.render.provenance import describe_length
from bench.render.run_names import NamedRun
from bench.render.tables.markdown import markdown_table, plain
from bench.results.environment import MachineState
from bench.results.summary import RunSummary

SECTIONS = "Began Machine GPU Code Work Torch Version Variable Setting".split()
"""The first words of what facts are called, in the order of the rows."""
ABSENT = {"GPU": "none", "Variable": "not set"}
"""What a run has that lacks a fact, by the first word of what the fact is called."""
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
        texts = [facts.get(fact, say_absent(fact)) for facts in told]
        if len(set(texts)) > 1 or fact == "Began":
            rows.append([plain(text) for text in (fact, *texts)])
    return markdown_table(["What", *(plain(run.name) for run in runs)], rows, n_text=1 + len(runs))


def list_facts(run: RunSummary) -> dict[str, str]:
    """What is known of where and how a run was made, in words, by what it is called."""
    return {
        "Began": run.started_at,
        **(list_facts_of_place(run.environment) if run.environment else {}),
        **_of_state(run.state or MachineState()),
        **_of_work(run),
    }


def _section(fact: str) -> int:
    return SECTIONS.index(fact.partition(":")[0])


def say_absent(fact: str) -> str:
    """What stands for a fact that is not known of a machine."""
    return ABSENT.get(fact.partition(":")[0], NOT_TOLD)


def _of_state(state: MachineState) -> dict[str, str]:
    settings = {name: getattr(state, name) for name in SETTINGS}
    return {f"Setting: {name}": text for name, text in say_all(settings)}


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
    return {f"Work: {name}": say("", value) for name, value in found.items()}
