"""The forms in which a network is run: one file for each runtime, and the one table of them.

A runtime is a module ``bench.runtimes.<name>`` with a function ``prepare(model, asked)``, from a
network in evaluation mode to a ``Prepared`` (``form.py``).
"""

from dataclasses import dataclass

FLOATS = ("float32", "float64", "bfloat16", "float16", "amp-bfloat16", "amp-float16")
"""What torch's own operators compute in."""


@dataclass(frozen=True)
class Runtime:
    """What can be known of one before anything is imported.

    ``packages`` are the modules that it imports beside torch, and ``extra`` is what installs them.
    """

    name: str
    dtypes: tuple[str, ...] = ()  # on the CPU
    packages: tuple[str, ...] = ()
    extra: str = ""
    cuda_dtypes: tuple[str, ...] = ()  # on a GPU

    def dtypes_on(self, device: str) -> tuple[str, ...]:
        """The precisions that it has on ``cpu`` or ``cuda``; none where it does not run there."""
        return self.cuda_dtypes if device == "cuda" else self.dtypes


COMPILED = ("float32", "bfloat16", "amp-bfloat16")
ONNX = ("onnx", "onnxscript", "onnxruntime")
RUNTIMES = {
    runtime.name: runtime
    for runtime in (
        Runtime("eager", FLOATS, cuda_dtypes=FLOATS),
        Runtime("compile", COMPILED, cuda_dtypes=(*COMPILED, "float16", "amp-float16")),
        Runtime("onnxruntime", ("float32", "int8"), ONNX, "onnx", cuda_dtypes=("float32",)),
        Runtime(
            "openvino", ("float32", "bfloat16", "int8"), (*ONNX, "openvino", "nncf"), "openvino"
        ),
        Runtime("native", ("float32",)),
        Runtime("cudagraph", cuda_dtypes=FLOATS),
    )
}
DTYPES = tuple(dict.fromkeys(dtype for runtime in RUNTIMES.values() for dtype in runtime.dtypes))
"""Every precision that some runtime has."""
