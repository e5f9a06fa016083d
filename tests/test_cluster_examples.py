"""The examples of docs/clusters.md: what schedulers read in them, what each task starts, the merge.

Stand-ins take the place of the schedulers: bash runs what they would, with the variables that they
would set, and a ``python`` that writes down what it is asked for.
"""

import glob
import os
import re
import shlex
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from bench import report, run
from bench.options import build_parser, choose_shard
from bench.registry import FAMILY, select_entries
from bench.results.metrics import METRICS
from bench.results.shard import Shard
from bench.results.shard_review import OF_A_PROCESS
from bench.results.store import read_records
from bench.results.summary import summarize
from bench.stored_runs import summarize_shards
from tests.bench.made_up_run import Bench
from tests.bench.made_up_run import bench_fixture as bench_fixture
from tests.bench.made_up_run import no_figure_fixture as no_figure_fixture

ROOT = Path(__file__).parents[1]
EXAMPLES = ROOT / "docs" / "examples"
PAGE = (ROOT / "docs" / "clusters.md").read_text(encoding="utf-8")
SCRIPT = EXAMPLES / "slurm-array.sh"
JOB: dict[str, Any] = yaml.safe_load((EXAMPLES / "kubernetes-job.yaml").read_text(encoding="utf-8"))
POD = JOB["spec"]["template"]["spec"]
(CONTAINER,) = POD["containers"]
TASKS = 4

RECORDER = """#!/bin/sh
printf '%s\\n' "$@" > "$RECORDED"
"""
SRUN = """#!/bin/sh
while [ "${1#--}" != "$1" ]; do printf '%s\\n' "$1" >> "$RECORDED.srun"; shift; done
exec "$@"
"""


def start(command: list[str], folder: Path, variables: Mapping[str, str]) -> list[str]:
    """The arguments of the ``python`` that a command ends in."""
    programs = folder / "programs"
    programs.mkdir(exist_ok=True)
    for name, text in (("python", RECORDER), ("srun", SRUN)):
        (programs / name).write_text(text)
        (programs / name).chmod(0o755)
    recorded = folder / "recorded"
    path = f"{programs}{os.pathsep}{os.defpath}"
    given = {"PATH": path, "HOME": str(folder), "RECORDED": str(recorded)}
    subprocess.run(command, env={**given, **variables}, cwd=folder, check=True, timeout=60)
    return recorded.read_text().splitlines()


def read_sbatch(text: str) -> dict[str, str]:
    """The options as sbatch reads them: up to the first line that is neither comment nor blank."""
    options = {}
    for line in text.splitlines():
        if line.strip() and not line.startswith("#"):
            break
        if line.startswith("#SBATCH"):
            for option in shlex.split(line.removeprefix("#SBATCH"), comments=True):
                name, _, value = option.partition("=")
                options[name] = value
    return options


SBATCH = read_sbatch(SCRIPT.read_text(encoding="utf-8"))


def start_slurm(index: int, folder: Path) -> list[str]:
    """What a task of the array starts."""
    variables = {"SLURM_ARRAY_TASK_ID": str(index), "SLURM_CPUS_ON_NODE": "16"}
    return start(["bash", str(SCRIPT)], folder, variables)


def start_kubernetes(index: int, folder: Path) -> list[str]:
    """What a Pod starts. In arguments `$(NAME)` is a variable where there is one of that name."""
    variables = {"JOB_COMPLETION_INDEX": str(index)}

    def expand(argument: str) -> str:
        return re.sub(r"\$\(([^)]*)\)", lambda found: variables.get(found[1], found[0]), argument)

    command = [expand(word) for word in (*CONTAINER["command"], *CONTAINER["args"])]
    return start(command, folder, variables)


STARTS = {
    "slurm": (start_slurm, range(1, TASKS + 1)),
    "kubernetes": (start_kubernetes, range(TASKS)),
}


def started(scheduler: str, folder: Path) -> list[list[str]]:
    """The arguments of bench.run in every task."""
    start_task, indexes = STARTS[scheduler]
    commands = [start_task(index, folder) for index in indexes]
    assert [command[:2] for command in commands] == [["-m", "bench.run"]] * TASKS
    return [command[2:] for command in commands]


@pytest.mark.parametrize("scheduler", STARTS)
def test_every_network_is_in_one_task(scheduler: str, tmp_path: Path) -> None:
    shards: list[Shard] = []
    outputs = set()
    for command in started(scheduler, tmp_path):
        arguments = build_parser("run").parse_args(command)
        shard = choose_shard(arguments, select_entries(arguments.models))
        assert shard is not None
        assert shard.count == TASKS
        assert (arguments.resume, arguments.device) == (True, "cpu")
        shards.append(shard)
        outputs.add(arguments.output)
    assert [shard.index for shard in shards] == [1, 2, 3, 4]
    dealt = [name for shard in shards for name in shard.own]
    assert sorted([*dealt, shards[0].reference]) == sorted(entry.name for entry in FAMILY)
    assert len(outputs) == 1


def test_slurm_gives_each_task_a_whole_node(tmp_path: Path) -> None:
    assert SBATCH["--array"] == f"1-{TASKS}"
    assert {"--exclusive": "", "--nodes": "1", "--ntasks": "1", "--mem": "0"}.items() <= (
        SBATCH.items()
    )
    start_slurm(1, tmp_path)
    step = (tmp_path / "recorded.srun").read_text().splitlines()
    assert step == ["--nodes=1", "--ntasks=1", "--cpus-per-task=16"]


def test_one_task_that_is_submitted_again_is_the_same_shard(tmp_path: Path) -> None:
    """Slurm counts one task then."""
    variables = {
        "SLURM_ARRAY_TASK_ID": "3",
        "SLURM_ARRAY_TASK_COUNT": "1",
        "SLURM_ARRAY_TASK_MAX": "3",
        "SLURM_CPUS_ON_NODE": "16",
    }
    again = start(["bash", str(SCRIPT)], tmp_path, variables)
    assert again == start_slurm(3, tmp_path)


def test_kubernetes_has_a_pod_for_each_shard_and_a_node_for_each_pod() -> None:
    spec = JOB["spec"]
    assert (JOB["apiVersion"], JOB["kind"]) == ("batch/v1", "Job")
    assert (spec["completionMode"], spec["completions"], spec["parallelism"]) == (
        "Indexed",
        TASKS,
        TASKS,
    )
    (term,) = POD["affinity"]["podAntiAffinity"]["requiredDuringSchedulingIgnoredDuringExecution"]
    assert term["topologyKey"] == "kubernetes.io/hostname"
    assert term["labelSelector"]["matchLabels"] == spec["template"]["metadata"]["labels"]


def test_its_pods_are_guaranteed_whole_processors() -> None:
    """Requests equal limits, of processors and memory, in every container."""
    resources = CONTAINER["resources"]
    assert resources["requests"] == resources["limits"]
    assert set(resources["limits"]) == {"cpu", "memory"}
    assert re.fullmatch(r"[1-9]\d*", resources["limits"]["cpu"])
    assert "initContainers" not in POD


def test_it_starts_again_what_was_killed_and_not_what_ended_by_itself() -> None:
    """A retry of one index alone asks for Pods that are never restarted in place."""
    spec = JOB["spec"]
    assert POD["restartPolicy"] == "Never"
    assert spec["backoffLimitPerIndex"] > 0
    (rule,) = spec["podFailurePolicy"]["rules"]
    assert rule["action"] == "FailIndex"
    assert rule["onExitCodes"] == {
        "containerName": CONTAINER["name"],
        "operator": "In",
        "values": [1, 2],
    }


def test_its_pods_write_to_the_shared_folder(tmp_path: Path) -> None:
    (mount,) = CONTAINER["volumeMounts"]
    (volume,) = POD["volumes"]
    assert mount["name"] == volume["name"]
    assert "persistentVolumeClaim" in volume
    arguments = build_parser("run").parse_args(start_kubernetes(0, tmp_path)[2:])
    assert arguments.output.is_relative_to(mount["mountPath"])


MERGES = re.findall(r"python -m bench\.report (\S*/)records/(\S+) --output (\S+?)[\s']", PAGE)


def merge(pattern: str, folder: Path, output: Path) -> int:
    """As a shell starts a command of the page whose folder is this one."""
    files = sorted(glob.glob(str(folder / "records" / pattern)))
    return report.main([*files, "--output", str(output)])


def test_the_page_merges_where_its_tasks_wrote(tmp_path: Path) -> None:
    """One merge for each scheduler, and the first."""
    assert len(MERGES) == 1 + len(STARTS)
    assert len({pattern for _, pattern, _ in MERGES}) == 1
    assert all(folder.rstrip("/") == output for folder, _, output in MERGES)
    wrote = [
        build_parser("run").parse_args(started(scheduler, tmp_path)[0]).output
        for scheduler in STARTS
    ]
    merged = [folder.replace("~", str(tmp_path)).rstrip("/") for folder, *_ in MERGES[1:]]
    assert merged == [str(output) for output in wrote]


@pytest.mark.usefixtures("no_figure")
@pytest.mark.parametrize("scheduler", STARTS)
def test_what_all_tasks_measured_is_merged_into_one_table(
    bench: Bench, scheduler: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """With measuring replaced by made-up records."""
    output = tmp_path / "shared"
    for command in started(scheduler, tmp_path):
        assert run.main([*command, "--exact", "--output", str(output)]) == 0
    capsys.readouterr()
    assert merge(MERGES[0][1], output, tmp_path / "merged") == 0
    assert "missing" not in capsys.readouterr().err
    text = (tmp_path / "merged" / "table1.md").read_text()
    assert f"- Shards: 1, 2, 3 and 4 of 4, of {len(FAMILY)} networks.\n" in text
    assert all(entry.display_name in text for entry in FAMILY)


SMALL = [
    *("sudormrf-1.0x", "sudormrf-0.5x", "sudormrf-0.25x"),
    *("tests.fault_models:healthy", "tests.fault_models:fuses"),
]
WITHIN = 0.10
"""Peaks of two processes of one network, as forecasts of them are held to."""


@pytest.mark.thorough
def test_real_shards_merged_have_the_exact_values_of_one_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Counts to the unit, and what torch's allocator held to the byte."""
    monkeypatch.chdir(ROOT)
    small = ["--models", *SMALL, "--exact", "--samples", "800"]
    for command in started("slurm", tmp_path):
        assert run.main([*command, *small, "--output", str(tmp_path / "shards")]) == 0
    assert run.main([*small, "--device", "cpu", "--output", str(tmp_path / "whole")]) == 0
    assert merge(MERGES[0][1], tmp_path / "shards", tmp_path / "merged") == 0
    (path,) = (tmp_path / "whole" / "records").iterdir()
    whole = summarize(read_records(path).records)
    merged = summarize_shards(
        {path: read_records(path).records for path in (tmp_path / "shards" / "records").iterdir()}
    )
    assert merged.shards is not None
    assert (merged.shards.gaps, merged.shards.disagreements) == ((), ())
    assert {model.entry.name for model in merged.models} == set(SMALL)
    found = {model.entry.name: model.values for model in merged.models}
    for model in whole.models:
        for metric in METRICS:
            expected, value = model.values[metric.name], found[model.entry.name][metric.name]
            if metric.field not in OF_A_PROCESS:
                assert value == expected, (model.entry.name, metric.name)
            elif metric.field == "peak_rss_bytes":
                assert value.value == pytest.approx(expected.value, rel=WITHIN)
