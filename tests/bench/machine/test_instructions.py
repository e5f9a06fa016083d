"""Whether a processor multiplies in bfloat16, by what the kernel lists."""

from pathlib import Path

import pytest

from bench.machine.instructions import has_bfloat16


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("processor\t: 0\nflags\t\t: fpu sse avx512f avx512_bf16 gfni\n", True),
        ("flags\t\t: fpu amx_bf16\n", True),
        ("Features\t: fp asimd bf16 i8mm\n", True),
        ("flags\t\t: fpu sse avx2\n", False),
        ("model name\t: bf16\nflags\t\t: fpu\n", False),
        ("", False),
    ],
)
def test_the_flags_decide(tmp_path: Path, text: str, expected: bool) -> None:
    path = tmp_path / "cpuinfo"
    path.write_text(text)
    assert has_bfloat16(path) is expected


def test_a_kernel_that_lists_nothing_has_none(tmp_path: Path) -> None:
    assert not has_bfloat16(tmp_path / "absent")
