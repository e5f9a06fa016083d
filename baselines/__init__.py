"""The baselines of the paper's Table 1, each a ``[batch, 1, time] -> [batch, n_src, time]`` module."""
