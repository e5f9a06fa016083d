"""Words, numbers and tables of LaTeX, with the packages booktabs and siunitx."""

import re
import textwrap
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

DAGGER = r"\rlap{\textsuperscript{\dag}}"
"""Behind a value in doubt; it takes no width, so that digits stay below each other."""
PACKAGES = (
    r"Packages: \usepackage{booktabs} \usepackage{siunitx}. Use: \begin{table*} \centering "
    r"\caption{...} \input{this file} \end{table*}"
)
"""What a comment says to the author who takes a table up."""
HEAD_LETTERS = 9
"""Of one line of a heading; a longer word stands alone."""
SYMBOL = re.compile(r"[A-Z](_[A-Z])?")
"""A heading that is a symbol of the paper, such as K_E."""
SPECIAL = {
    "\\": r"\textbackslash{}",
    "{": r"\{",
    "}": r"\}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": r"\ensuremath{<}",
    ">": r"\ensuremath{>}",
    "|": r"\ensuremath{|}",
    '"': "{''}",
    "'": "{'}",  # alone, or two of them would be one sign
    "`": "{`}",
    # At the beginning of a row these would be taken for an argument of the row before.
    "[": "{[}",
    "]": "{]}",
    "*": "{*}",
    "†": r"\dag{}",
    "±": r"\ensuremath{\pm}",
    "×": r"\ensuremath{\times}",
    "µ": r"\ensuremath{\mu}",
    "–": r"\textendash{}",
    "“": "``",
    "”": "''",
    **{letter: f"\\{letter}" for letter in "&%$#_"},
}


@dataclass(frozen=True)
class Fragment:
    r"""A table to be taken up by \input: cells and notes are LaTeX, all else is plain text.

    ``comments`` stand before the table, ``reasons`` behind it, both where no reader of the paper
    sees them. The first ``n_text`` columns are words.
    """

    comments: Sequence[str]
    heads: Sequence[str]
    rows: Sequence[Sequence[str]]
    notes: Sequence[str]
    reasons: Sequence[str] = ()
    n_text: int = 1


def escape(text: str) -> str:
    """The same words, letter by letter, whatever LaTeX would read into them."""
    plain = "".join(SPECIAL.get(letter, letter) for letter in " ".join(text.split()))
    return re.sub("-(?=-)", "-{}", plain)  # two hyphens would be a dash


def number(digits: str) -> str:
    """A number as siunitx prints it."""
    return rf"\num{{{digits}}}"


def write_fragment(fragment: Fragment) -> str:
    """The file: comments, the table, the notes below it, and the reasons as comments."""
    columns = "l" * fragment.n_text + "r" * (len(fragment.heads) - fragment.n_text)
    sides = ["[l]"] * fragment.n_text + ["[r]"] * (len(fragment.heads) - fragment.n_text)
    heads = [_head(head, side) for head, side in zip(fragment.heads, sides, strict=True)]
    lines = [
        *_comment(fragment.comments),
        r"\begingroup",
        r"\scriptsize",
        r"\setlength{\tabcolsep}{2.2pt}",
        r"\sisetup{separate-uncertainty = true, tight-spacing = true}",
        rf"\begin{{tabular}}{{@{{}}{columns}@{{}}}}",
        r"\toprule",
        _row(heads),
        r"\midrule",
        *map(_row, fragment.rows),
        r"\bottomrule",
        r"\end{tabular}",
        *_notes(fragment.notes),
        r"\endgroup",
        *_comment(fragment.reasons),
    ]
    return "\n".join(lines) + "\n"


def _comment(texts: Iterable[str]) -> Iterable[str]:
    """Each text in lines that LaTeX skips."""
    for text in texts:
        yield from (f"% {line}" for line in textwrap.wrap(text, 98, break_long_words=False))


def _head(head: str, side: str) -> str:
    """In short lines above each other, so that the column is as narrow as its numbers."""
    if SYMBOL.fullmatch(head):
        return f"${head}$"
    lines = textwrap.wrap(head, HEAD_LETTERS, break_long_words=False, break_on_hyphens=False)
    stacked = r" \\ ".join(map(escape, lines))
    return rf"\shortstack{side}{{{stacked}}}"


def _row(cells: Sequence[str]) -> str:
    return " & ".join(cells) + r" \\"


def _notes(notes: Sequence[str]) -> Iterable[str]:
    """A paragraph below the table, as wide as the text."""
    if notes:
        yield r"\par\smallskip"
        yield r"\begin{minipage}{\linewidth}\raggedright"
        yield from notes
        yield r"\end{minipage}"
