"""A machine with NVIDIA GPUs, simulated on a CPU: what torch and the driver would answer there.

``simulated_cuda(name)`` is one in this process, ``variables(name, folder)`` are those of the
environment that make one of every Python process that is started with them. Networks run on the
CPU, and times and energies mean nothing: what is made with it stays out of ``reports/``.

Stand-ins take the place of functions of ``torch._C``, where torch's own Python ends, and of
pynvml's functions. Each answer and each error says where torch's or NVML's documentation or source
has it.
"""

from tests.simulated_cuda.install import simulated_cuda as simulated_cuda
from tests.simulated_cuda.install import variables as variables
