"""Sets DeepSIM up on a machine: environment, weights, editor plugins. Standard library only."""
