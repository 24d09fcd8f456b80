"""Metrics without training, tested on the same images as trained methods.

python -m jiqa.main --config=configs/measure.py:metric=ilniqe,dataset=biq2021,protocol=official
    Whole images at their own size, each scored once for all splits. Full-reference metrics use the
    database's references.

Arguments: metric, one of `jiqa list`, and dataset, splits, protocol, test, cross, shared and seed,
as in configs/iqa_nrtl.py. weights is accepted and ignored, since nothing is transferred.
"""

from typing import Any

from ml_collections import ConfigDict

from jiqa.configs import common
from jiqa.metrics import registry
from jiqa.metrics.nr.features import METHODS


def run(metric: str) -> str:
    """Name of a metric's run: the metric's name; `brisque/standard` for metrics of `METHODS`.

    A run named `brisque` is BRISQUE fitted to a database, see configs/handcrafted.py.

    Raises:
        InputError: the metric is unknown.
    """
    registry.entry(metric)
    return f"{metric}/standard" if metric in METHODS else metric


def get_config(text: str = "") -> ConfigDict:
    """Config of the run; the head of this file describes the arguments in `text`."""
    args = common.parse_run(
        text, metric="niqe", dataset="biq2021", splits=1, weights="none", seed=0
    )
    config: Any = ConfigDict()
    config.run = run(args.metric)
    config.protocol = common.protocol(args)
    config.weights = ""
    whole = {"resize": None, "crop": 1, "blocks": 1}
    config.data = common.read_once(args.dataset)
    config.view = ConfigDict(whole)
    config.tests = common.others(args, lambda _: whole, common.read_once)
    config.model = ConfigDict()
    config.stages = ("score",)
    config.score = ConfigDict({"task": "metric", "fit": {"metric": args.metric}})
    return config
