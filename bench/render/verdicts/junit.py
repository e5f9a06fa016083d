"""A gate's verdicts as JUnit's XML, which most CI systems show as tests."""

from collections.abc import Sequence
from xml.etree import ElementTree as Xml

from bench.results.verdict import Check, Verdict

ELEMENTS = {Verdict.FAIL: "failure", Verdict.INCONCLUSIVE: "skipped"}
UNPRINTABLE = "\N{REPLACEMENT CHARACTER}"


def render_junit(checks: Sequence[Check], title: str) -> str:
    """A suite with a case for each check; INCONCLUSIVE is a skipped case, with its reason."""
    verdicts = [check.verdict for check in checks]
    suite = Xml.Element(
        "testsuite",
        name=title,
        tests=str(len(checks)),
        failures=str(verdicts.count(Verdict.FAIL)),
        skipped=str(verdicts.count(Verdict.INCONCLUSIVE)),
        errors="0",
    )
    for check in checks:
        case = Xml.SubElement(suite, "testcase", classname=check.model, name=check.quantity)
        if check.verdict in ELEMENTS:
            Xml.SubElement(case, ELEMENTS[check.verdict], message=_printable(check.reason))
        else:
            Xml.SubElement(case, "system-out").text = _printable(check.reason)
    Xml.indent(suite)
    return Xml.tostring(suite, encoding="unicode", xml_declaration=True)


def _printable(text: str) -> str:
    """Without the characters that XML can't carry at all, such as a terminal's colours."""
    return "".join(c if c.isprintable() or c in "\n\t" else UNPRINTABLE for c in text)
