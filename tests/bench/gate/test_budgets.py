"""budgets.toml: what is read, and the line that each error names."""

from pathlib import Path

import pytest

from bench.errors import UsageError
from bench.gate.budgets import LIMITS, Budgets, make_budgets, read_budgets
from bench.registry import REGISTRY

ROOT = Path(__file__).parents[3]
GOOD = """\
confidence = 0.95
machine = "AMD*"

[[budget]]
models = "sudormrf-?.*x"
n_params = 3_000_000
median_s = 0.02
threads = 2

[[budget]] # another
models = ["dprnn"]
phase = "update"
samples = 32000
reference = "demucs"
ratio = 2
"""


def read(folder: Path, text: str | bytes) -> Budgets:
    path = folder / "budgets.toml"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return read_budgets(path)


def test_each_network_and_limit_has_a_budget(tmp_path: Path) -> None:
    found = read(tmp_path, GOOD)
    assert (found.confidence, found.machine) == (0.95, "AMD*")
    assert [(b.entry.name, b.quantity, b.limit) for b in found.budgets] == [
        (f"sudormrf-{size}x", *limit)
        for size in ("1.0", "0.5", "0.25")
        for limit in (("n_params", 3e6), ("median_s", 0.02))
    ] + [("dprnn", "ratio", 2)]
    assert {b.workload.threads for b in found.budgets[:-1]} == {2}
    last = found.budgets[-1]
    assert (last.workload.phase, last.workload.n_samples) == ("update", 32000)
    assert (last.workload.batch, last.workload.device) == (1, "cpu")
    assert last.reference == REGISTRY["demucs"]


def with_line(line: str, instead_of: str) -> str:
    assert instead_of in GOOD
    return GOOD.replace(instead_of, line)


TOGETHER = "ratio and reference go together"
BAD: dict[str, tuple[str | bytes, str]] = {
    "not TOML": (with_line("n_params = ", "n_params = 3_000_000"), "(at line 6, column 12)"),
    "not UTF-8": (b"\xff", "is not TOML"),
    "key twice": (with_line("models = 'dprnn'", "n_params = 3_000_000"), "(at line 6, "),
    "top key": ("speed = 1\n" + GOOD, "line 1: unknown key 'speed'"),
    "key": (with_line("latency = 1.0", "median_s = 0.02"), "line 7: unknown key 'latency'"),
    "pattern": (with_line('models = ["dpnn"]', 'models = ["dprnn"]'), "line 11: No model matches"),
    "no models": (with_line("", 'models = ["dprnn"]'), "line 10: No model was selected"),
    "models kind": (with_line("models = 1", 'models = ["dprnn"]'), "line 11: models must be a"),
    "text limit": (with_line('n_params = "3 M"', "n_params = 3_000_000"), "line 6: n_params must"),
    "NaN limit": (with_line("median_s = nan", "median_s = 0.02"), "line 7: median_s must be"),
    "truth limit": (with_line("ratio = true", "ratio = 2"), "line 15: ratio must be a number"),
    "zero limit": (with_line("ratio = 0", "ratio = 2"), "line 15: ratio must be a number"),
    "phase": (with_line('phase = "B"', 'phase = "update"'), "line 12: phase must be one of"),
    "tf32": (with_line("tf32 = 1", 'phase = "update"'), "line 12: tf32 must be true or false"),
    "samples": (with_line("samples = 1.5", "samples = 32000"), "line 13: samples must be"),
    "no reference": (with_line("rtf = 1", 'reference = "demucs"'), f"line 15: {TOGETHER}"),
    "no ratio": (
        with_line("", "ratio = 2").replace("samples = 32000", "rtf = 1"),
        f"14: {TOGETHER}",
    ),
    "other key's beginning": (GOOD + "r = 1\n", "line 16: unknown key 'r'"),
    "other key's rest": (with_line('"phase" = 1', 'phase = "update"'), "line 12: phase must be"),
    "key in a list": (
        with_line('models = [\n"phase",\n"dprnn"]', 'models = ["dprnn"]').replace("update", "B"),
        "line 14: phase must be",
    ),
    "references": (with_line('reference = "all"', 'reference = "demucs"'), "line 14: reference"),
    "no limit": (with_line("", "n_params = 3_000_000").replace("median_s = 0.02", ""), "line 4: l"),
    "confidence": (with_line("confidence = 99", "confidence = 0.95"), "line 1: confidence must"),
    "machine": (with_line("machine = 3", 'machine = "AMD*"'), "line 2: machine must be"),
    "empty": ("", "holds no budget"),
    "no budgets": ("confidence = 0.9\n", "holds no budget"),
    "one table": ("[budget]\nn_params = 1\n", "tables with the heading [[budget]]"),
}


@pytest.mark.parametrize("case", BAD)
def test_what_is_wrong_is_told_with_its_line(tmp_path: Path, case: str) -> None:
    text, message = BAD[case]
    with pytest.raises(UsageError) as caught:
        read(tmp_path, text)
    assert message in str(caught.value)
    assert str(tmp_path / "budgets.toml") in str(caught.value)


def test_a_missing_file_is_told(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="No such file"):
        read_budgets(tmp_path / "none.toml")


def test_the_projects_own_budgets_hold_on_any_machine() -> None:
    """All seven networks, exact counts, and ratios: no figure in seconds, and no machine."""
    found = read_budgets(ROOT / "budgets.toml")
    assert found.machine == "*"
    limited = {b.quantity for b in found.budgets}
    assert limited <= set(LIMITS) - {"median_s", "p95_s", "rtf", "peak_rss_bytes"}
    for quantity in ("n_params", "macs"):
        names = [b.entry.name for b in found.budgets if b.quantity == quantity]
        assert len(names) == len(set(names)) >= 7
    assert {b.reference.name for b in found.budgets if b.reference} == {"sudormrf-1.0x"}


def test_inference_on_a_gpu_is_a_phase_of_its_own_for_what_depends_on_the_device(
    tmp_path: Path,
) -> None:
    """As runs record it; operations are the same there, and are recorded once."""
    text = (
        '[[budget]]\nmodels = "dprnn"\ndevice = "cuda"\n'
        "median_s = 0.02\npeak_allocated_bytes = 9\nmacs = 1\nn_params = 1\n"
    )
    phases = {b.quantity: b.workload.phase for b in read(tmp_path, text).budgets}
    assert phases == {
        "median_s": "gpu_inference",
        "peak_allocated_bytes": "gpu_inference",
        "macs": "inference",
        "n_params": "inference",
    }
    (update,) = read(tmp_path, text.replace('"cuda"', '"cuda"\nphase = "update"')).budgets[:1]
    assert (update.workload.phase, update.workload.device) == ("update", "cuda")


def test_a_table_of_a_program_means_what_one_of_a_file_does(tmp_path: Path) -> None:
    table = {"models": "dprnn", "samples": 400, "macs": 1, "ratio": 2.0, "reference": "demucs"}
    lines = "\n".join(f"{key} = {value!r}" for key, value in table.items())
    assert make_budgets(table) == read(tmp_path, f"[[budget]]\n{lines}\n")
    with pytest.raises(UsageError, match=r"^In this budget: unknown key 'speed'\. Known: "):
        make_budgets({**table, "speed": 1})
