"""A run from its config to its table: typed config, stages, inputs, reproduction."""
