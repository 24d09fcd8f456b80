"""The baseline: ridge regression on statistics of the four stages of a frozen ResNet-50.

python -m jiqa.main --config=configs/ridge.py:dataset=biq2021,protocol=official,weights=FILE
    Features are mean and standard deviation of every channel of the four stages, on whole images
    resized to 256x256. Cross-validation inside the training part chooses the penalty. Minutes on 2
    CPU cores. To expect on biq2021/sample, official: SROCC 0.78.

Arguments: dataset, splits, protocol, test, cross, shared, weights and seed, as in
configs/iqa_nrtl.py.
"""

from typing import Any

from ml_collections import ConfigDict

from jiqa.configs import common


def get_config(text: str = "") -> ConfigDict:
    """Config of the run; the head of this file describes the arguments in `text`."""
    args = common.parse_run(text, dataset="biq2021", splits=1, weights="", seed=0)
    config: Any = ConfigDict()
    config.run = "ridge"
    config.data = common.database(args.dataset)
    config.protocol = common.protocol(args)
    config.weights = common.weights(args.weights)
    whole = {"resize": (256, 256), "crop": 256, "blocks": 1}
    config.view = ConfigDict(whole)
    config.tests = common.others(args, lambda _: whole)
    config.model = ConfigDict({"name": "stage_statistics", "backbone": {"name": "resnet"}})
    config.stages = ("fit",)
    config.fit = ConfigDict({"task": "ridge", "fit": {"batch_size": 32}})
    return config
