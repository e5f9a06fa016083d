"""A gate's verdicts where GitHub Actions shows them: beside the step, and on its summary page."""

from collections.abc import Sequence
from pathlib import Path

from bench.errors import UsageError
from bench.render.verdicts.forms import render_markdown
from bench.results.verdict import Check, Verdict

COMMANDS = {Verdict.FAIL: "error", Verdict.INCONCLUSIVE: "warning"}


def render_annotations(checks: Sequence[Check], title: str) -> str:
    """A workflow command for each check that did not pass: an error, or a warning if open.

    A probable slow-down is named in the warning's title; estimate and interval are in its text.
    """
    return "".join(
        f"::{COMMANDS[check.verdict]} title={_property(f'{title}: {_name(check)}')}"
        f"::{_data(check.reason)}\n"
        for check in checks
        if check.verdict in COMMANDS
    )


def _name(check: Check) -> str:
    return f"{check.name}, probably slower" if check.is_probably_slower else check.name


def append_step_summary(checks: Sequence[Check], title: str, path: Path) -> None:
    """Add the table to the file that GitHub names in GITHUB_STEP_SUMMARY.

    Raises:
        UsageError: it can't be written to.
    """
    try:
        with path.open("a", encoding="utf-8") as file:
            file.write(render_markdown(checks, title) + "\n")
    except OSError as error:
        raise UsageError(
            f"GITHUB_STEP_SUMMARY names {path}, which can't be written to: {error.strerror}."
        ) from error


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
