"""Which device a run takes: by the request, by what CUDA sees, and with the reason in words."""

from dataclasses import replace

import pytest

from bench.errors import UsageError
from bench.measuring.place import choose_card, choose_device, device_name, explain_auto
from bench.results.environment import Environment
from tests.bench.example_records import GPU, environment

VISIBLE = "CUDA_VISIBLE_DEVICES"


@pytest.mark.parametrize("requested", ["cpu", "cuda", "auto"])
def test_without_a_number_nothing_changes(requested: str) -> None:
    variables = {VISIBLE: "3"}
    assert choose_card(requested, variables) == requested
    assert variables == {VISIBLE: "3"}


@pytest.mark.parametrize(
    ("requested", "visible", "chosen"),
    [
        ("cuda:0", None, "0"),
        ("cuda:1", None, "1"),
        ("cuda:1", "3,2", "2"),
        ("cuda:1", "GPU-ab, GPU-cd", "GPU-cd"),
        ("cuda:0", "MIG-ab,MIG-cd", "MIG-ab"),
    ],
)
def test_a_number_leaves_one_card_of_those_that_are_visible(
    requested: str, visible: str | None, chosen: str
) -> None:
    variables = {} if visible is None else {VISIBLE: visible}
    assert choose_card(requested, variables) == "cuda"
    assert variables == {VISIBLE: chosen}


@pytest.mark.parametrize(
    ("visible", "words"), [("3,2", "CUDA_VISIBLE_DEVICES=3,2 names 2 GPU"), ("", "names 0 GPU")]
)
def test_a_number_beyond_those_that_are_visible_is_refused(visible: str, words: str) -> None:
    variables = {VISIBLE: visible}
    with pytest.raises(UsageError, match=words):
        choose_card("cuda:2", variables)
    assert variables == {VISIBLE: visible}


def on(problem: str = "", cuda_build: str | None = "12.8", has_gpu: bool = True) -> Environment:
    described = environment(
        machine={"gpu": GPU if has_gpu else None}, torch={"cuda_build": cuda_build}
    )
    return replace(described, problems={"cuda": problem} if problem else {})


CASES: dict[str, tuple[Environment, str]] = {
    "no build": (on(cuda_build=None, has_gpu=False), "torch 2.13.0 is built without CUDA"),
    "no card": (on(has_gpu=False), "torch 2.13.0 is built for CUDA 12.8 but sees no GPU"),
    "no such card": (
        replace(on(has_gpu=False), variables={VISIBLE: "7"}),
        "sees no GPU (CUDA_VISIBLE_DEVICES=7)",
    ),
    "no kernels": (
        on("RuntimeError: CUDA error: no kernel image is available."),
        "torch 2.13.0 can't use Example GPU: RuntimeError: CUDA error: no kernel image is",
    ),
    "old driver": (
        on("The NVIDIA driver on your system is too old.", has_gpu=False),
        "torch 2.13.0 can't use a GPU: The NVIDIA driver on your system is too old",
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_a_gpu_that_can_not_be_used_is_refused_or_passed_over_in_the_same_words(case: str) -> None:
    described, words = CASES[case]
    with pytest.raises(UsageError) as refused:
        choose_device("cuda", described)
    assert words in str(refused.value)
    assert str(refused.value).endswith(
        " Use --device cpu, or a machine and a build of torch with CUDA."
    )
    assert choose_device("auto", described) == "cpu"
    said = explain_auto("cpu", described)
    assert said.startswith("--device auto takes the CPU: ")
    assert words in said
    assert said.endswith(".")
    assert ".." not in said
    assert choose_device("cpu", described) == "cpu"


def test_a_gpu_that_works_is_taken_and_named() -> None:
    assert choose_device("auto", on()) == choose_device("cuda", on()) == "cuda"
    assert explain_auto("cuda", on()) == "--device auto takes the GPU: Example GPU."
    assert device_name("cuda", on()) == "example-gpu"
    assert device_name("cpu", on()) == "cpu"
