"""Fixed numerics that several metrics and networks share."""
