"""The networks once more, slowly: elementary tensor operations over a state dict.

Nothing here is shared with ``models`` or ``baselines``, and nothing is taken from
``torch.nn``: a mistake would have to be made twice, in two forms, to go unseen.
"""
