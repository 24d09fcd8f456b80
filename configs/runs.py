"""Which config file makes which run: what `jiqa plan` and `jiqa reproduce` start from."""

from jiqa.models.handcrafted import METHODS
from jiqa.models.iqa_nrtl import VARIANTS

# Run -> config file and its first arguments; a run of a table that is not here has no config.
RUNS = {f"iqa_nrtl/{variant}": f"configs/iqa_nrtl.py:variant={variant}" for variant in VARIANTS}
RUNS |= {method: f"configs/handcrafted.py:method={method}" for method in METHODS}
