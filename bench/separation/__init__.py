"""The quality axis: corpora, mixing, training, evaluation."""
