"""Config file and arguments of every run in the papers' tables, for `jiqa plan` and `reproduce`."""

from jiqa.configs import measure, mt_irn, ttl_iqa
from jiqa.metrics.nr.features import METHODS
from jiqa.metrics.registry import METRICS
from jiqa.models.iqa_nrtl import VARIANTS

# Run -> config file and first arguments. Runs of other methods in the tables have no config.
RUNS = {f"iqa_nrtl/{variant}": f"configs/iqa_nrtl.py:variant={variant}" for variant in VARIANTS}
RUNS |= {method: f"configs/handcrafted.py:method={method}" for method in METHODS}
RUNS |= {measure.run(metric): f"configs/measure.py:metric={metric}" for metric in METRICS}
RUNS |= {run: f"configs/mt_irn.py:variant={name}" for name, (_, _, run) in mt_irn.VARIANTS.items()}
RUNS |= {
    f"mt_irn/{name}-{metric}": f"configs/mt_irn.py:variant={name},metric={metric}"
    for name in mt_irn.RESTORERS
    for metric in mt_irn.METRICS
}
RUNS |= {
    run: f"configs/ttl_iqa.py:variant={name}" for name, (_, _, run) in ttl_iqa.VARIANTS.items()
}
RUNS |= {
    ttl_iqa.run(ttl_iqa.read(arguments)): f"configs/ttl_iqa.py:{arguments}"
    for arguments in (
        "levels=2",
        "levels=5",
        "auxiliary=simulated",
        "auxiliary=ssim",
        "auxiliary=vif",
        "extra=1500,more=VOC2012",
        "extra=5000,more=VOC2012",
        *(f"metric={metric}" for metric in ttl_iqa.METRICS),
    )
}
