"""In what the nodes of a kind differ, in sentences: their values would share a table."""

from collections.abc import Iterator, Mapping, Sequence

from bench.launching.nodes import Node
from bench.machine.finding import Finding, Severity
from bench.render.facts import list_facts_of_place
from bench.render.tables.run_differences import say_absent


def describe_differences(nodes: Sequence[Node]) -> list[str]:
    """A sentence for each fact in which nodes of a kind differ; what most have comes first."""
    known = [_facts(node) for node in nodes]
    facts = dict.fromkeys(fact for found in known for fact in found)
    sentences = (_describe(fact, nodes, known) for fact in facts)
    return [sentence for sentence in sentences if sentence]


def _facts(node: Node) -> dict[str, str]:
    """What lasts, and how bench.doctor judges what does not, without the numbers of the moment."""
    judged = {finding.topic: finding.severity.value for finding in node.findings}
    return {**list_facts_of_place(node.environment), **judged}


def _describe(fact: str, nodes: Sequence[Node], known: Sequence[Mapping[str, str]]) -> str | None:
    """None where all have the same."""
    values = [facts.get(fact, say_absent(fact)) for facts in known]
    having = {
        value: [node for node, own in zip(nodes, values, strict=True) if own == value]
        for value in values
    }
    if len(having) == 1:
        return None
    groups = sorted(having.items(), key=lambda group: -len(group[1]))
    texts = (f"{value} on {', '.join(_name_all(fact, owners))}" for value, owners in groups)
    return f"{fact}: {'; '.join(texts)}."


def _name_all(fact: str, nodes: Sequence[Node]) -> Iterator[str]:
    """Names, each with what the doctor found there where that is to be known."""
    for node in nodes:
        found = [f.found for f in node.findings if f.topic == fact and _is_bad(f)]
        yield f"{node.name} ({found[0]})" if found else node.name


def _is_bad(finding: Finding) -> bool:
    return finding.severity in (Severity.WARN, Severity.UNFIT)
