"""The table of runtimes, and what a request for one that can't be had says."""

from importlib import import_module

import pytest

from bench import options
from bench.errors import UsageError
from bench.options import build_parser, is_plain, read_forms, read_settings
from bench.runtimes import RUNTIMES, Runtime


@pytest.mark.parametrize("name", RUNTIMES)
def test_each_is_a_module_that_is_imported_without_its_packages(name: str) -> None:
    assert callable(import_module(f"bench.runtimes.{name}").prepare)
    assert RUNTIMES[name].name == name
    assert bool(RUNTIMES[name].packages) == bool(RUNTIMES[name].extra)


def forms(
    monkeypatch: pytest.MonkeyPatch, *typed: str, bfloat16: bool = True, device: str = "cpu"
) -> list[str]:
    """The forms that a request means, where every package is installed."""
    monkeypatch.setattr(options, "find_spec", lambda name: object())
    monkeypatch.setattr(options, "has_bfloat16", lambda: bfloat16)
    arguments = build_parser("run").parse_args([*typed, "--threads", "2"])
    (settings,) = read_settings(arguments)
    found = read_forms(arguments, settings.on(device))
    assert {form.threads for form in found} == {2}
    return [f"{form.runtime} {form.dtype}" for form in found]


def test_eager_float32_comes_first_whatever_was_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    found = forms(monkeypatch, "--runtime", "openvino", "--precision", "int8")
    assert found == ["eager float32", "openvino int8"]


def test_each_runtime_has_the_precisions_that_it_can(monkeypatch: pytest.MonkeyPatch) -> None:
    typed = ("--runtime", "onnxruntime,eager,native", "--precision", "float32,bfloat16,int8")
    assert forms(monkeypatch, *typed) == [
        "eager float32",
        "onnxruntime float32",
        "onnxruntime int8",
        "eager bfloat16",
        "native float32",
    ]


@pytest.mark.parametrize(
    ("typed", "plain"),
    [
        ([], True),
        (["--dtype", "bfloat16"], True),
        (["--precision", "float64"], True),
        (["--precision", "float32,bfloat16"], False),
        (["--runtime", "compile"], False),
        (["--runtime", "eager,compile"], False),
    ],
)
def test_one_precision_of_eager_pytorch_is_a_run_for_table_1(typed: list[str], plain: bool) -> None:
    assert is_plain(build_parser("run").parse_args(typed)) is plain


@pytest.mark.parametrize(
    ("typed", "sentence"),
    [
        (("--runtime", "tensorrt"), "--runtime must be some of eager, compile, onnxruntime"),
        (("--runtime", "native,eager", "--precision", "int8"), "these have it: onnxruntime, open"),
        (("--runtime", "openvino", "--precision", "int4"), "no runtime has it"),
    ],
)
def test_what_no_runtime_has_is_refused(
    monkeypatch: pytest.MonkeyPatch, typed: tuple[str, ...], sentence: str
) -> None:
    with pytest.raises(UsageError, match=sentence):
        forms(monkeypatch, *typed)


def test_a_gpu_has_runtimes_and_precisions_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    """What its processor lacks is no matter there."""
    typed = ("--runtime", "cudagraph,onnxruntime,compile", "--precision", "float32,float16")
    assert forms(monkeypatch, *typed, device="cuda") == [
        "eager float32",
        "cudagraph float32",
        "cudagraph float16",
        "onnxruntime float32",
        "compile float32",
        "compile float16",
    ]
    short = ("--runtime", "cudagraph", "--precision", "bfloat16")
    assert forms(monkeypatch, *short, device="cuda", bfloat16=False)[1:] == ["cudagraph bfloat16"]


@pytest.mark.parametrize(
    ("runtime", "device", "sentence"),
    [
        (
            "openvino",
            "cuda",
            "does not run on cuda; these do: eager, compile, onnxruntime, cudagraph.",
        ),
        ("native", "cuda", "The runtime native does not run on cuda"),
        ("cudagraph", "cpu", "does not run on cpu; these do: eager, compile, onnxruntime, open"),
    ],
)
def test_a_runtime_that_does_not_run_on_the_device_is_refused(
    monkeypatch: pytest.MonkeyPatch, runtime: str, device: str, sentence: str
) -> None:
    with pytest.raises(UsageError, match=sentence):
        forms(monkeypatch, "--runtime", runtime, device=device)


def test_8_bits_are_of_the_cpu(monkeypatch: pytest.MonkeyPatch) -> None:
    typed = ("--runtime", "onnxruntime", "--precision", "int8")
    with pytest.raises(UsageError, match="no runtime has it"):
        forms(monkeypatch, *typed, device="cuda")


def test_a_processor_without_bfloat16_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    typed = ("--runtime", "openvino", "--precision", "bfloat16")
    assert forms(monkeypatch, *typed)[1:] == ["openvino bfloat16"]
    with pytest.raises(UsageError, match="no instructions for bfloat16"):
        forms(monkeypatch, *typed, bfloat16=False)
    beside = forms(monkeypatch, *typed[:-1], "int8,bfloat16", bfloat16=False)
    assert beside[1:] == ["openvino int8", "openvino bfloat16"]  # a row that says why


def test_absent_packages_are_named_with_what_installs_them(monkeypatch: pytest.MonkeyPatch) -> None:
    absent = {"onnxscript", "onnxruntime"}
    monkeypatch.setattr(options, "find_spec", lambda name: None if name in absent else object())
    with pytest.raises(UsageError) as refused:
        options.require_installed([Runtime("sound", ()), RUNTIMES["onnxruntime"]])
    assert str(refused.value) == (
        "The runtime onnxruntime needs packages that are not installed: onnxscript, onnxruntime. "
        "To install them: pip install 'separation-bench[onnx]'"
    )
