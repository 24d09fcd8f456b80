"""MT-IRN (paper 004, tables 3 to 8).

python -m jiqa.main --config=configs/mt_irn.py
    The embedded `pocket` database and its own photographs at a reduced size, all four stages from
    scratch: a restorer of half the width, a ResNet of width 16 with one block per stage, 64x64
    crops, 1, 2, 1 and 2 epochs. About 4 minutes on 2 CPU cores, including the preparation of the
    database. To expect: scores of no use, since the training is far too short.

python -m jiqa.main --config=configs/mt_irn.py:dataset=livec,weights=FILE
    As in the paper: a restorer is trained on Waterloo Exploration (150 epochs), then ResNet-50 with
    ImageNet weights on five 224x224 crops per image, 10 epochs with the restorer frozen and 40 with
    all parameters. One GPU, or a TPU. The paper's batch of 48 crops becomes 10 images with five
    crops each. Our choice: a tenth of the training part's contents is for validation, and both
    trainings use the epoch with the highest validation SROCC.

Arguments:
    dataset      pocket, or a prepared database: koniq10k, biq2021/sample (`jiqa prepare --list`)
    variant      full; or a column of table 7: baseline (no restorer), single (features of the
                 single-task restorer), multi (of the multitask one), difference (and the difference
                 features)
    metric       with variant single or multi: test psnr or ssim of the restored images of `dataset`
                 against their references, instead of predicted scores (table 8)
    photographs  training photographs of the restorer: waterloo_exploration, another prepared
                 database with references, or folders joined by +. pocket uses its own photographs;
                 baseline ignores the argument, so that all columns of table 7 take the same
    ssim_weight  of the SSIM map in the training of the restored image (the paper: 0; above 0, the
                 predicted map stays valid for `jiqa restore`); not with single and baseline
    equal        True, with variant single: train the restorer for as many epochs as both stages of
                 the multitask one, 150 (the paper: 50); not with budget=cpu, where it always does
    splits       number of splits (the paper: 10)
    test         share of the test part in a random split (the paper: 0.2; pocket: 0.25)
    protocol, cross, shared, seed   as in configs/iqa_nrtl.py
    weights      as in configs/iqa_nrtl.py; not with pocket; ignored with a metric
    budget       paper (by default), or cpu; none with pocket. cpu: the restorer has 64x64 crops and
                 32,000 updates of 8 images, 2,000 of them for the SSIM map together with the
                 restored image (training on the map alone would degrade the restored image, and
                 short training does not recover it). Stem and stages 1 and 2 of the ResNet are
                 frozen; 4 epochs of one 128x128 crop of the image resized to 256x256. To expect on
                 biq2021/sample, official: SROCC 0.72 (the baseline in ridge.py has 0.78)
"""

from typing import Any

from ml_collections import ConfigDict

from jiqa.configs import common
from jiqa.errors import InputError

# Variant of the config -> variant of the model, whether the restorer is multitask, name of the run.
VARIANTS = {
    "full": ("full", True, "mt_irn"),
    "baseline": ("baseline", False, "mt_irn/baseline"),
    "single": ("restoration", False, "mt_irn/single"),
    "multi": ("restoration", True, "mt_irn/multi"),
    "difference": ("difference", True, "mt_irn/multi-difference"),
}
# Metrics of table 8, and the restorers they score.
METRICS = ("psnr", "ssim")
RESTORERS = ("single", "multi")


def get_config(text: str = "") -> ConfigDict:
    """Config of the run; the head of this file describes the arguments in `text`."""
    args: Any = _read(text)
    model, multitask, run = VARIANTS[args.variant]
    run += "-equal" if args.equal else ""
    pocket = args.dataset == "pocket"
    config: Any = ConfigDict()
    config.run = f"{run}-{args.metric}" if args.metric else run
    data = common.read_once if args.metric else common.database
    config.data = data(args.dataset)
    config.protocol = common.protocol(args)
    config.weights = "" if pocket or args.metric else common.weights(args.weights)
    restorer = {"name": "unet", "multitask": multitask}
    stages: dict[str, Any] = {}
    if args.variant != "baseline":
        stages |= _restorer(restorer, args)
    if args.metric:
        fit = {"metric": args.metric, "turn": False}
        stages["measure"] = {"task": "metric", "model": restorer, "fit": fit}
        config.view = ConfigDict({"resize": None, "crop": 1, "blocks": 1})
    else:
        crops = {"crop": 224, "blocks": 5, "flip": True}
        config.view = ConfigDict({"resize": None, **crops})
        initial = {"backbone": "weights"} if config.weights else {}
        stages |= _scores(config.weights, model, restorer, initial)
    config.model = ConfigDict()
    config.stages = tuple(stages)
    config.update({name: ConfigDict(stage) for name, stage in stages.items()})
    if pocket:
        _pocket(config, args.equal)
    elif args.budget == "cpu":
        _cpu(config)
    config.tests = common.others(args, lambda _: config.view, data)
    return config


def _read(text: str) -> Any:
    """Parsed and checked arguments."""
    args = common.parse_run(
        text,
        dataset="pocket",
        variant="full",
        metric="",
        photographs="",
        ssim_weight=0.0,
        equal=False,
        splits=1,
        test=0.2,
        weights="",
        budget="",
        seed=0,
    )
    _check(args)
    args.photographs = args.photographs or "waterloo_exploration"
    return args


def _check(args: Any) -> None:
    """Refuses arguments that are unknown, contradict each other, or have no effect."""
    common.refuse_unknown(args, variant=VARIANTS, budget=common.BUDGETS)
    if args.dataset == "pocket":
        common.refuse_idle(args, "dataset=pocket", "photographs", "weights", "budget")
    if args.variant in ("single", "baseline"):
        common.refuse_idle(args, f"variant={args.variant}", "ssim_weight")
    if args.variant != "single":
        common.refuse_idle(args, f"variant={args.variant}", "equal")
    if args.budget == "cpu":
        common.refuse_idle(args, "budget=cpu", "equal")
    if args.metric and (args.metric not in METRICS or args.variant not in RESTORERS):
        raise InputError(
            f"config argument metric: found {args.metric!r} with variant {args.variant}, expected "
            f"{' or '.join(METRICS)} with variant {' or '.join(RESTORERS)}"
        )


def _restorer(model: dict[str, Any], args: Any) -> dict[str, Any]:
    """Stages of the restorer: `ssim_map` (multitask only) and `restore`."""
    view = {"resize": None, "crop": 224, "blocks": 1, "flip": False}
    pairs = {"view": view, "seed": args.seed}
    if args.dataset != "pocket":
        pairs |= {"photographs": args.photographs, "val": 4, "held_out": 6}

    def stage(epochs: float, rate: float, **loss: Any) -> dict[str, Any]:
        optim = {"name": "adam", "learning_rate": rate, "schedule": "constant"}
        fit = {"epochs": epochs, "batch_size": 64, "optim": optim, "evaluate_updates": 1000, **loss}
        return {"task": "restore", "model": model, "pairs": pairs, "fit": fit}

    first = {"ssim_map": stage(100.0, 1e-3, restore_weight=0.0, ssim_weight=1.0)}
    weight = args.ssim_weight if model["multitask"] else 0.0
    return {
        **(first if model["multitask"] else {}),
        "restore": stage(150.0 if args.equal else 50.0, 1e-4, ssim_weight=weight),
    }


def _scores(
    weights: str, variant: str, restorer: dict[str, Any], initial: dict[str, str]
) -> dict[str, Any]:
    """Stages of the scores: `head`, with a frozen restorer, and `all`; the baseline has only `all`.

    `initial` is the first stage's `init_from`.
    """
    model = {
        "name": "mt_irn",
        "variant": variant,
        "width": 64,
        "reduced": 512,
        "hidden": 512,
        "dropout": 0.5,
        "dtype": "float32",
        "backbone": {"name": "resnet", "frozen_bn": bool(weights), "frozen_stages": 0},
        "restorer": restorer,
    }

    def stage(epochs: float, rate: float, parts: int, **rest: Any) -> dict[str, Any]:
        optim = {
            "name": "adam",
            "learning_rate": rate,
            "schedule": "steps",
            "decay": 0.9,
            "parts": parts,
            "weight_decay": 5e-4,
        }
        fit = {"loss": "mae", "epochs": epochs, "batch_size": 10, "optim": optim}
        return {"task": "scores", "fit": fit, **rest}

    if variant == "baseline":
        return {"all": stage(50.0, 5e-5, 5, model=model, init_from=initial)}
    inherited = {**initial, "restorer": "restore"}
    head = stage(10.0, 5e-5, 1, model=model, init_from=inherited)
    head["fit"]["optim"]["rates"] = {"^restorer/": 0.0}
    return {"head": head, "all": stage(40.0, 0.9 * 5e-5, 4, model=model)}


def _pocket(config: Any, equal: bool) -> None:
    """Reduces the size: narrow restorer and backbone, from scratch, on small crops."""
    for name, epochs in (("ssim_map", 1.0), ("restore", 3.0 if equal else 2.0)):
        if name in config.stages:
            config[name].model.width = 8
            config[name].pairs.view.update({"crop": 64, "flip": True})
            fit = config[name].fit
            fit.epochs, fit.batch_size, fit.evaluate_updates = epochs, 32, 200
            fit.optim.learning_rate, fit.optim.schedule = 1e-3, "cosine"
    if "ssim_map" in config.stages:
        config.ssim_map.fit.restore_weight = 0.1
    if "measure" in config.stages:
        config.measure.model.width = 8
        return
    config.view = ConfigDict({"resize": None, "crop": 64, "blocks": 1, "test_blocks": 3})
    for name, epochs in (("head", 1.0), ("all", 2.0 if "head" in config.stages else 3.0)):
        if name in config.stages:
            model, fit = config[name].model, config[name].fit
            model.width, model.reduced, model.hidden, model.dropout = 8, 32, 32, 0.1
            model.backbone = ConfigDict(
                {
                    "name": "resnet",
                    "stage_sizes": (1, 1, 1, 1),
                    "width": 16,
                    "preprocess": "local_mean",
                }
            )
            model.restorer.width = 8
            fit.epochs, fit.batch_size = epochs, 16
            fit.select, fit.evaluate_every = "last", epochs
            fit.optim = ConfigDict(
                {
                    "learning_rate": 3e-3,
                    "schedule": "cosine",
                    "warmup": 0.1,
                    "weight_decay": 1e-2,
                    "clip": 1.0,
                    "rates": {"^restorer/": 0.0} if name == "head" else {},
                }
            )


def _cpu(config: Any) -> None:
    """Reduces the training to hours on 2 CPU cores."""
    config.run += "-cpu"
    updates = {"ssim_map": 2000, "restore": 30000 if "ssim_map" in config.stages else 32000}
    for name, count in updates.items():
        if name in config.stages:
            config[name].model.residual = True
            config[name].pairs.view.update({"crop": 64, "flip": True})
            fit = config[name].fit
            fit.batch_size, fit.updates, fit.evaluate_updates = 8, count, 1000
            fit.optim.learning_rate, fit.optim.schedule, fit.optim.warmup = 1e-3, "cosine", 0.02
    if "ssim_map" in config.stages:
        config.ssim_map.fit.restore_weight = 1.0
    if "measure" in config.stages:
        config.measure.model.residual = True
    if "all" not in config.stages:
        return
    config.view.update({"resize": (256, 256), "crop": 128, "blocks": 1, "test_blocks": 4})
    for name in ("head", "all"):
        if name in config.stages:
            config[name].model.restorer.residual = True
            config[name].model.backbone.frozen_stages = 3
            fit = config[name].fit
            fit.epochs, fit.batch_size, fit.evaluate_every = 4.0, 8, 1.0
            fit.optim = ConfigDict(
                {
                    "learning_rate": 3e-4,
                    "warmup": 0.1,
                    "weight_decay": 1e-4,
                    "clip": 1.0,
                    "rates": {
                        "^backbone/(conv1|bn1|stage[12]_)": 0.0,
                        "^backbone/stage[34]_": 0.3,
                    },
                }
            )
    if "head" in config.stages:
        config.head.fit.epochs, config["all"].fit.epochs = 1.0, 3.0
        for name, factor in (("head", 0.0), ("all", 0.1)):
            optim = config[name].fit.optim
            optim.rates = {**optim.rates, "^restorer/": factor}
