"""Baselines of the paper's Table 1: ``[batch, 1, time] -> [batch, n_src, time]`` modules."""
