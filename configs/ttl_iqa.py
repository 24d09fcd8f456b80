"""TTL-IQA (paper 002, tables V to XV).

python -m jiqa.main --config=configs/ttl_iqa.py
    The embedded `pocket` database and its own photographs at a reduced size, all four stages from
    scratch: DT-GANs of width 8 on 64x64 crops, one for each of three levels over all types of
    distortion, then a VGG of width 8 with the SDA block.

python -m jiqa.main --config=configs/ttl_iqa.py:dataset=livec,weights=FILE
    As in the paper: DT-GANs between Waterloo Exploration and each level (759,000 updates each),
    then SFTnet with VGG-16's ImageNet weights, 50,000 updates on the hallucinated images and 50,000
    on the scores. One GPU for days, or a TPU.

Arguments:
    dataset      pocket, or a prepared database: livec, biq2021/sample (`jiqa prepare --list`)
    variant      full; or another row of table IX: vgg or sftnet, both without DT-GANs, or gan-vgg
    levels       number of quality levels: 2, 3 or 5 (table X)
    auxiliary    gan; simulated: synthetic distortions instead of DT-GANs (table XIII); ssim or vif:
                 synthetic distortions labelled by this metric instead of the level (table XV)
    types        of synthetic distortions, joined by +, such as `tid2013/jpeg`
                 (`jiqa.data.distort`). By default Waterloo's four; for simulated on tid2013 and
                 livec, whose own distortions cannot be simulated, all types of TID2013
    photographs  pristine photographs: waterloo_exploration, another prepared database with
                 references, or folders joined by +; pocket uses its own
    more, extra  folder of further photographs, and their number; they are hallucinated too, but the
                 generators do not learn from them (table XIV: PASCAL VOC 2012; 1500, 5000)
    metric       score hallucinated images by this metric instead of training on scores: ssim, with
                 the photographs as references; brisque, fitted to `dataset`; brisque/standard, with
                 its authors' scale (tables XI and XII). The generators learn from all of `dataset`
    check        True: train a classifier on the levels of `dataset`'s own images and test it on the
                 hallucinated images: `accuracy` in split.json
    dense        imported: `weights` has VGG-16's dense layers too (files of torchvision or Keras);
                 fresh: the dense layers start fresh, and the semantic loss is on conv5_3
    paper_rate   True: use the paper's learning rate of 1e-6 for all layers
    splits       number of splits (the paper: 10)
    protocol, test, cross, shared, seed, weights   as in configs/iqa_nrtl.py, with weights of VGG-16
    budget       paper (by default), or cpu (see `_cpu`); none with pocket
"""

from typing import Any

from ml_collections import ConfigDict

from jiqa.configs import common
from jiqa.data.distort import FAMILIES
from jiqa.errors import InputError

# Variant -> whether there is an auxiliary domain, whether there is the SDA block, name of the run.
VARIANTS = {
    "full": (True, True, "ttl_iqa"),
    "vgg": (False, False, "ttl_iqa/vgg"),
    "sftnet": (False, True, "ttl_iqa/sftnet"),
    "gan-vgg": (True, False, "ttl_iqa/gan-vgg"),
}
# Auxiliary domain -> name of the run.
AUXILIARY = {
    "gan": "ttl_iqa",
    "simulated": "ttl_iqa/simulated",
    "ssim": "ttl_iqa/ssim-label",
    "vif": "ttl_iqa/vif-label",
}
# Tasks that train SFTnet.
TRAINED = ("levels", "scores")
# Metrics that may score the hallucinated images.
METRICS = ("ssim", "brisque", "brisque/standard")
# Number of quality levels -> strength of the synthetic distortion of each level.
STRENGTHS = {2: (1, 5), 3: (1, 3, 5), 5: (1, 2, 3, 4, 5)}
# Number of pristine photographs in Waterloo Exploration.
WATERLOO = 4744


def get_config(text: str = "") -> ConfigDict:
    """Config of the run; the head of this file describes the arguments in `text`."""
    args = read(text)
    transfer, attention, _ = VARIANTS[args.variant]
    pocket = args.dataset == "pocket"
    config: Any = ConfigDict()
    config.run = run(args)
    config.data = common.database(args.dataset)
    config.protocol = common.protocol(args)
    config.protocol.aggregate = "mean"
    config.weights = "" if pocket else common.weights(args.weights, "VGG-16")
    config.dense = bool(config.weights) and args.dense == "imported"
    config.view = ConfigDict({"resize": (224, 224), "crop": 224, "blocks": 1, "flip": False})
    stages = _auxiliary(args, config.weights, config.dense) if transfer else {}
    if args.metric:
        stages |= _measure(args.metric)
    else:
        stages |= _network(args, config.weights, config.dense, attention, list(stages))
    config.model = ConfigDict()
    config.stages = tuple(stages)
    config.update({name: ConfigDict(stage) for name, stage in stages.items()})
    if pocket:
        _pocket(config)
    elif args.budget == "cpu":
        _cpu(config)
    if pocket or args.budget == "cpu":  # generated images are as small as the scored ones
        for name in set(stages) & {"check", "levels"}:
            config[name].view = config.view
    config.tests = common.others(args, lambda _: config.view)
    if args.metric:
        _measured(config, args.photographs if not pocket else "pocket", args.cross)
    return config


def read(text: str) -> Any:
    """Parsed and checked arguments."""
    args = common.parse_run(
        text,
        dataset="pocket",
        variant="full",
        levels=3,
        auxiliary="gan",
        types="",
        photographs="",
        more="",
        extra=0,
        metric="",
        check=False,
        dense="imported",
        paper_rate=False,
        splits=1,
        test=0.2,
        weights="",
        budget="",
        seed=0,
    )
    _check(args)
    args.photographs = args.photographs or "waterloo_exploration"
    return args


def run(args: Any) -> str:
    """Name of the run in the tables."""
    if args.metric:
        return f"ttl_iqa-{args.metric}"
    if args.extra:
        return f"ttl_iqa/koniq-{args.levels * (WATERLOO + args.extra)}"
    if args.auxiliary != "gan":
        return AUXILIARY[args.auxiliary]
    return f"ttl_iqa/levels{args.levels}" if args.levels != 3 else VARIANTS[args.variant][2]


def _check(args: Any) -> None:
    """Refuses arguments that are unknown or contradict each other."""
    common.refuse_unknown(
        args,
        variant=VARIANTS,
        levels=STRENGTHS,
        auxiliary=AUXILIARY,
        metric=("", *METRICS),
        dense=("imported", "fresh"),
        budget=common.BUDGETS,
    )
    if bool(args.more) != bool(args.extra) or args.extra < 0:
        found = f"more={args.more!r}, extra={args.extra}"
        raise InputError(f"config arguments: found {found}, expected both or neither")
    if args.dataset == "pocket":
        common.refuse_idle(args, "dataset=pocket", "photographs", "weights", "budget")
    others = {
        "levels": args.levels != 3,
        "auxiliary": args.auxiliary != "gan",
        "extra": bool(args.extra),
        "metric": bool(args.metric),
    }
    asked = [name for name, other in others.items() if other]
    if len(asked) > (args.variant == "full"):
        raise InputError(
            f"config arguments: found {', '.join(asked)} with the variant {args.variant}, expected "
            "one of them at most, and the variant full with it"
        )


def _auxiliary(args: Any, weights: str, dense: bool) -> dict[str, Any]:
    """Stages of the auxiliary domain: `gan` and `hallucinate`, or `simulate`."""
    pristine = {
        "view": {"resize": None, "crop": 256, "blocks": 1, "flip": True},
        "photographs": "" if args.dataset == "pocket" else args.photographs,
        "held_out": 0.2,
        "seed": args.seed,
    }
    if args.auxiliary != "gan":
        fit = {
            "types": tuple(args.types.split("+")) if args.types else _types(args),
            "strengths": STRENGTHS[args.levels],
            "label": "level" if args.auxiliary == "simulated" else args.auxiliary,
        }
        return {"simulate": {"task": "simulate", "pristine": pristine, "fit": fit, "model": {}}}
    model: dict[str, Any] = {"name": "dt_gan", "width": 64, "blocks": 3, "dtype": "float32"}
    if weights:
        phi = {"name": "vgg", **({"dense": 4096, "classes": 1000} if dense else {})}
        model |= {"backbone": phi, "semantic": "logits" if dense else "conv5_3"}
    fit = {
        "levels": args.levels,
        "by_type": True,
        "epochs": 200.0,
        "batch_size": 1,
        "optim": {
            "name": "adam",
            "learning_rate": 2e-4,
            "momentum": 0.5,
            "schedule": "linear",
        },
        "semantic_weight": 1.0 if weights else 0.0,
        "evaluate_updates": 1000,
    }
    shown = pristine | ({"more": args.more, "extra": args.extra} if args.extra else {})
    return {
        "gan": {"task": "gan", "model": model, "pristine": pristine, "fit": fit},
        "hallucinate": {"task": "hallucinate", "model": model, "pristine": shown, "fit": {}},
    }


def _types(args: Any) -> tuple[str, ...]:
    """Types of the synthetic distortions in tables XIII and XV."""
    of_tid = args.auxiliary == "simulated" and args.dataset in ("tid2013", "livec")
    family = "tid2013" if of_tid else "waterloo"
    return tuple(f"{family}/{name}" for name in FAMILIES[family])


def _network(
    args: Any, weights: str, dense: bool, attention: bool, before: list[str]
) -> dict[str, Any]:
    """Stages of SFTnet: `levels`, if there is an auxiliary domain, and `scores`.

    `before` names the stages of the auxiliary domain.
    """
    model = {
        "name": "sftnet",
        "attention": attention,
        "dtype": "float32",
        "backbone": {"name": "vgg", "dense": 4096, "dropout": 0.5},
    }
    inherited = {"backbone": "weights"} if weights else {}
    fresh = ("^backbone/fc",) if weights and not dense else ()
    new = "^(sda|head)/" if dense else "^(sda|head|backbone/fc[67])/"
    new = new if attention else new.replace("sda|", "")

    def fit(**options: Any) -> dict[str, Any]:
        optim = {
            "name": "sgd",
            "learning_rate": 1e-6 if args.paper_rate else 1e-4,
            "momentum": 0.9,
            "weight_decay": 5e-4,
            "schedule": "steps",
            "decay": 0.1,
            "parts": 5,
            "rates": {} if args.paper_rate else {new: 10.0},
        }
        return {"updates": 50000, "batch_size": 30, "optim": optim, **options}

    def stage(task: str, outputs: int, **options: Any) -> dict[str, Any]:
        options |= {"attention": attention}
        return {"task": task, "model": {**model, "outputs": outputs}, "fit": fit(**options)}

    begin: dict[str, Any] = {"init_from": inherited, "dont_load": fresh}
    scores = stage("scores", 1, loss="mse")
    if not before:
        return {"scores": scores | begin}
    view = {"resize": None, "crop": 224, "blocks": 1, "flip": True}
    begin |= {"database": before[-1], "view": view}
    levels = stage("levels", args.levels)
    check = {"check": levels | begin | {"real_levels": args.levels}} if args.check else {}
    if args.auxiliary in ("ssim", "vif"):
        levels = stage("scores", 1, loss="mse")
    scores |= {"init_from": {"": "levels"}, "dont_load": ("^head/",)}
    return {**check, "levels": levels | begin, "scores": scores}


def _measure(metric: str) -> dict[str, Any]:
    """Stage `scores`: a metric, or features fitted to the database."""
    if metric == "brisque":
        return {"scores": {"task": "svr", "model": {}, "fit": {"features": {"method": "brisque"}}}}
    fit = {"metric": metric.partition("/")[0], "turn": False}
    return {"scores": {"task": "metric", "model": {}, "fit": fit}}


def _measured(config: Any, photographs: str, cross: str) -> None:
    """Tests on whole hallucinated images of the photographs, not on the database's own images."""
    if cross not in ("", photographs):
        raise InputError(
            f"config argument cross: found {cross!r} with a metric, expected {photographs}, whose "
            "hallucinated images are measured"
        )
    whole = ConfigDict({"resize": None, "crop": 32, "blocks": 1})
    config.view, config.data.resident_mb = whole, 0
    config.protocol.kind = "cross"
    test = {"made_by": "hallucinate", "view": whole, "data": config.data}
    config.tests = ConfigDict({photographs: test})


def _pocket(config: Any) -> None:
    """Reduces the size: narrow networks, from scratch, on small crops."""
    for name in ("gan", "hallucinate", "simulate"):
        if name in config.stages:
            config[name].pristine.view.crop = 64
    if "gan" in config.stages:
        for name in ("gan", "hallucinate"):
            config[name].model.width = 8
        fit = config.gan.fit
        fit.by_type, fit.updates, fit.batch_size, fit.evaluate_updates = False, 150, 4, 150
        fit.optim.learning_rate = 1e-3
    config.view = ConfigDict({"resize": None, "crop": 64, "blocks": 1, "test_blocks": 4})
    for name, updates in (("check", 300), ("levels", 300), ("scores", 1000)):
        if name in config.stages and config[name].task in TRAINED:
            model, fit = config[name].model, config[name].fit
            model.backbone.update({"width": 8, "dense": 64, "dropout": 0.1})
            fit.updates, fit.batch_size, fit.evaluate_updates = updates, 32, updates
            fit.optim = ConfigDict(
                {"learning_rate": 1e-3, "warmup": 0.1, "weight_decay": 1e-2, "clip": 1.0}
            )


def _cpu(config: Any) -> None:
    """Reduces the training to about an hour for three splits on 2 CPU cores.

    All images are resized to 192x192. DT-GANs have the width 16, 64x64 crops, residual generators,
    2,000 updates each and no semantic loss. SFTnet has 96x96 crops, fresh dense layers of 512,
    frozen conv1 to conv4, and 200 updates of 8 images on levels and 500 on scores. To expect on
    LIVE In the Wild, mean of three splits: SROCC 0.65; without DT-GANs 0.65; plain VGG without
    DT-GANs 0.61.
    """
    config.run += "-cpu"
    config.dense, side = False, (192, 192)
    for name in ("gan", "hallucinate", "simulate"):
        if name in config.stages:
            config[name].pristine.view.update({"resize": side, "crop": 64})
    if "gan" in config.stages:
        for name in ("gan", "hallucinate"):
            config[name].model = ConfigDict(
                {"name": "dt_gan", "width": 16, "blocks": 3, "residual": True}
            )
        fit = config.gan.fit
        fit.updates, fit.semantic_weight, fit.evaluate_updates = 2000, 0.0, 500
    config.view = ConfigDict(
        {"resize": side, "crop": 96, "blocks": 1, "flip": True, "test_blocks": 4}
    )
    for name, updates in (("check", 200), ("levels", 200), ("scores", 500)):
        if name in config.stages and config[name].task in TRAINED:
            model, fit = config[name].model, config[name].fit
            model.backbone.update({"dense": 512})
            fit.updates, fit.batch_size, fit.evaluate_updates = updates, 8, updates // 4
            fit.optim = ConfigDict(
                {
                    "learning_rate": 1e-4,
                    "warmup": 0.1,
                    "weight_decay": 1e-4,
                    "clip": 1.0,
                    "rates": {"^backbone/conv[1234]_": 0.0, "^head/": 5.0},
                }
            )
            if config[name].get("init_from", {}).get("backbone"):
                config[name].dont_load = ("^backbone/fc",)
