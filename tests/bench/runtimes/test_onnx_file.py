"""What is said of a network that can't be exported."""

from bench.runtimes.onnx_file import explain

MESSAGE = """Failed to export the model with torch.export. This is step 1/3.
## Exception summary
<class 'torch.fx.GuardOnDataDependentSymNode'>: Could not extract a specialized integer
The following call raised this error:
  File "/venv/torch/nn/modules/module.py", line 1778, in _wrapped_call_impl
  File "/venv/asteroid/masknn/norms.py", line 14, in z_norm
    mean = x.mean(dim=dims, keepdim=True)
"""


def test_operator_and_line_are_named() -> None:
    error = RuntimeError(MESSAGE)
    error.__cause__ = ValueError("No decompositions registered for aten.col2im.default")
    assert explain(error) == (
        "torch's exporter to ONNX stopped at aten.col2im.default, in masknn/norms.py, line 14 "
        "(z_norm): <class 'torch.fx.GuardOnDataDependentSymNode'>: Could not extract a specialized "
        "integer"
    )


def test_an_error_that_names_neither_is_quoted() -> None:
    text = explain(RuntimeError("It is tired."))
    assert text == "torch's exporter to ONNX stopped at an operator: It is tired."
