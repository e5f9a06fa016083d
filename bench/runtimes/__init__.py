"""The forms in which a network is run: one small file for each.

A runtime is a module ``bench.runtimes.<name>`` with a function ``prepare(model) -> callable``, from
``[batch, 1, time]`` to ``[batch, n_src, time]``.
"""

RUNTIMES = ("eager",)
"""Their names."""
