"""Repeated blocks are one line, by their types and numbers."""

import pytest

from bench.results.module_tree import Tree, join_paths
from bench.results.profile import ProfiledModule

MODULES = (
    ProfiledModule("", "Net", 0),
    ProfiledModule("blocks", "ModuleList", 0),
    *(
        one
        for n in range(3)
        for one in (
            ProfiledModule(f"blocks.{n}", "Block", 1),
            ProfiledModule(f"blocks.{n}.0", "Conv1d", 10),
            ProfiledModule(f"blocks.{n}.1", "PReLU", 1),
        )
    ),
    ProfiledModule("pair", "Sequential", 0),
    ProfiledModule("pair.0", "Conv1d", 7),
    ProfiledModule("pair.1", "Conv1d", 7),
)


def test_blocks_of_one_type_are_one_line() -> None:
    lines = {line.path: (line.type, line.n_modules, line.n_params) for line in Tree(MODULES).lines}
    assert lines == {
        "": ("Net", 1, 0),
        "blocks": ("ModuleList", 1, 0),
        "blocks.*": ("Block", 3, 3),
        "blocks.*.0": ("Conv1d", 3, 30),
        "blocks.*.1": ("PReLU", 3, 3),
        "pair": ("Sequential", 1, 0),
        "pair.0": ("Conv1d", 1, 7),
        "pair.1": ("Conv1d", 1, 7),
    }


def test_lines_are_found_by_the_paths_of_their_modules() -> None:
    tree = Tree(MODULES)
    assert tree.line_of("blocks.2.1") == "blocks.*.1"
    assert tree.line_of("pair.1") == "pair.1"
    assert tree.line_of("") == ""
    assert {line.path: line.depth for line in tree.lines}["blocks.*.0"] == 3


@pytest.mark.parametrize(
    ("paths", "joined"),
    [
        (["a.0.b.1"], "a.0.b.1"),
        (["a.0.b.1", "a.15.b.1"], "a.*.b.1"),
        (["a.0.b.1", "a.15.b.2"], "a.*.b.*"),
        ([""], ""),
    ],
)
def test_modules_of_a_line_have_one_path_that_says_what_they_share(
    paths: list[str], joined: str
) -> None:
    assert join_paths(paths) == joined
