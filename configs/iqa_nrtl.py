"""IQA-NRTL (paper 000, tables 1 to 4).

python -m jiqa.main --config=configs/iqa_nrtl.py
    The embedded `pocket` database, from scratch at a reduced size: ResNet of width 16 with one
    block per stage, on 64x64 crops. 3.4 minutes of training on 2 CPU cores. To expect: median SROCC
    0.75 with the pseudo score, on test photographs outside the training part.

python -m jiqa.main --config=configs/iqa_nrtl.py:dataset=biq2021,variant=full,weights=FILE
    As in the paper: ResNet-50 with ImageNet weights, three 224x224 crops per image, 30 epochs. One
    GPU, or a TPU.

Arguments:
    dataset   pocket, or a prepared database: koniq10k, biq2021/sample (`jiqa prepare --list`)
    variant   resnet50, semantic, vision, adapt or full (table 3)
    splits    number of splits (the paper: 50)
    protocol  random (by content), official (the release's own test part) or lodo (one type of
              distortion left out)
    test      share of the test part in a random split (the paper: 0.1; pocket: 0.25)
    cross     databases to test on, such as csiq+tid2013, after training on the whole of `dataset`
    shared    True: test on databases with the training photographs too, such as LIVE and TID2013
    weights   file of the ResNet-50's ImageNet weights, or `none` to train from scratch, as pocket
    budget    paper (by default), or cpu; none with pocket. cpu: stem and stages 1 and 2 are frozen,
              10 epochs of one crop per image; to expect on biq2021/sample, official: SROCC 0.79
              (the baseline in ridge.py has 0.78)
    seed      of the splits and of the training
"""

from typing import Any

from ml_collections import ConfigDict

from jiqa.configs import common
from jiqa.models.iqa_nrtl import VARIANTS


def get_config(text: str = "") -> ConfigDict:
    """Config of the run; the head of this file describes the arguments in `text`."""
    args = common.parse_run(
        text, dataset="pocket", variant="full", splits=3, weights="", budget="", seed=0
    )
    common.refuse_unknown(args, variant=VARIANTS, budget=common.BUDGETS)
    config: Any = ConfigDict()
    config.run = f"iqa_nrtl/{args.variant}"
    config.data = common.database(args.dataset)
    config.protocol = common.protocol(args)
    config.tests = common.others(args, common.view)
    config.stages = ("scores",)
    if args.dataset == "pocket":
        common.refuse_idle(args, "dataset=pocket", "weights", "budget")
        return _pocket(config, args.variant)
    config.weights = common.weights(args.weights)
    config.view = common.view(args.dataset)
    config.model = ConfigDict(
        {
            "name": "iqa_nrtl",
            "variant": args.variant,
            "window": 7,
            "match": "stride",
            "global_dim": 224,
            "coe": 4,
            "hidden": 128,
            "slope": 0.01,
            "dtype": "float32",
            "backbone": {"name": "resnet", "frozen_bn": bool(config.weights), "frozen_stages": 0},
        }
    )
    config.scores = ConfigDict(
        {
            "task": "scores",
            "fit": {
                "loss": "mae",
                "epochs": 30.0,
                "batch_size": 32,
                "optim": {
                    "name": "adamw",
                    "learning_rate": 1e-4,
                    "rates": {"^backbone/": 0.1},
                    "schedule": "cosine",
                    "weight_decay": 1e-4,
                    "clip": 1.0,
                    "ema": 0.0,
                },
                "select": "best",
                "evaluate_every": 1.0,
            },
        }
    )
    if args.budget == "cpu":
        _cpu(config, args.variant)
    return config


def _cpu(config: Any, variant: str) -> None:
    """Reduces the training to about an hour on 2 CPU cores."""
    config.run += "-cpu"
    config.view.blocks, config.view.test_blocks = 1, 3
    config.model.backbone.frozen_stages = 3
    fit = config.scores.fit
    fit.epochs, fit.batch_size, fit.evaluate_every = 10.0, 8, 2.0
    fit.optim.learning_rate, fit.optim.warmup = 3e-4, 0.1
    fit.optim.rates = {"^backbone/(conv1|bn1|stage[12]_)": 0.0, "^backbone/stage[34]_": 0.3}
    if variant in ("vision", "full"):
        # Low rate: one step of Adam changes a sum over up to 100,352 inputs by much.
        fit.optim.rates = {**fit.optim.rates, "^perception": 0.05}


def _pocket(config: Any, variant: str) -> ConfigDict:
    """Config of the reduced size: no weights, small crops, a narrow backbone on local contrast."""
    config.weights = ""
    config.view = ConfigDict({"resize": None, "crop": 64, "blocks": 1, "test_blocks": 3})
    config.model = ConfigDict(
        {
            "name": "iqa_nrtl",
            "variant": variant,
            "window": 2,
            "global_dim": 32,
            "hidden": 32,
            "backbone": {
                "name": "resnet",
                "stage_sizes": (1, 1, 1, 1),
                "width": 16,
                "preprocess": "local_mean",
            },
        }
    )
    config.scores = ConfigDict(
        {
            "task": "scores",
            "fit": {
                "loss": "mae",
                "epochs": 18.0,
                "batch_size": 32,
                "optim": {
                    "learning_rate": 3e-3,
                    "schedule": "cosine",
                    "warmup": 0.1,
                    "weight_decay": 1e-2,
                    "clip": 1.0,
                },
                "select": "last",
                "evaluate_every": 6.0,
            },
        }
    )
    return config
