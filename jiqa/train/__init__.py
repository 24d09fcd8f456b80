"""Training by gradient: the loop, updates, objectives, optimisers, checkpoints, devices."""
