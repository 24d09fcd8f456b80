"""Values of the default configs against the papers, each with its place in the paper."""

import dataclasses
import functools
from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest
from flax import linen as nn
from scipy import stats as scipy_stats

from jiqa import models
from jiqa.configs import iqa_nrtl, mt_irn, ttl_iqa
from jiqa.data.protocols import Protocol
from jiqa.data.sampling import View
from jiqa.experiment.config import Pairs, Pristine
from jiqa.experiment.fields import read
from jiqa.results import cells, tables
from jiqa.tasks import TASKS
from jiqa.train import optim

# Where the papers are silent.
SETTLED = "not in the paper: shared spec/methods.md"
OURS = "neither in the paper nor in spec/methods.md"

# Sections of a config, blanks between those that share values -> path in them -> value, source.
Pins = Mapping[str, Mapping[str, tuple[Any, str]]]

RESNET_50 = {"stage_sizes": (3, 4, 6, 3), "width": 64, "preprocess": "imagenet"}
IQA_NRTL: Pins = {
    "": {
        "run": ("iqa_nrtl/full", "Table 3"),
        "stages": (("scores",), OURS),
        "weights": ("FILE", "Algorithm flow: transfer learning"),
        "scores.task": ("scores", "Equation 11"),
    },
    "protocol": {
        "kind": ("random", "Comparison on KonIQ-10k and BIQ2021: 90% randomly selected"),
        "test": (0.1, "Comparison on KonIQ-10k and BIQ2021: the remaining 10%"),
        "n": (50, "Comparison on KonIQ-10k and BIQ2021: repeated 50 times"),
        "aggregate": ("median", "Comparison on KonIQ-10k and BIQ2021: the median"),
        "val": (0.1, OURS),
        "shared": (False, OURS),
    },
    "view": {
        "crop": (224, "Datasets: 224 * 224 pixels"),
        "blocks": (3, "Algorithm flow: groups of three image blocks"),
        "test_blocks": (0, SETTLED + ": the mean of as many blocks"),
        "flip": (True, "Dataset introduction, 1 to 4: horizontal flipping"),
    },
    "model": {
        "name": ("iqa_nrtl", "Table 3"),
        "variant": ("full", "Table 3, last row"),
        "window": (7, SETTLED),
        "match": ("stride", "Adaptive fusion: convolution kernels of different step sizes"),
        "global_dim": (224, SETTLED),
        "coe": (4, SETTLED),
        "hidden": (128, SETTLED),
        "slope": (0.01, SETTLED),
        "dtype": ("float32", OURS),
        "backbone.name": ("resnet", "Multi-scale feature extraction: ResNet-50"),
        **{f"backbone.{name}": (value, "ResNet-50") for name, value in RESNET_50.items()},
        "backbone.frozen_bn": (True, OURS),
        "backbone.frozen_stages": (0, SETTLED + ": 1e-5 on the backbone"),
    },
    "scores.fit": {
        "loss": ("mae", "Equation 11"),
        "pooling": ("mean", SETTLED + ": the mean of as many blocks"),
        "patience": (0, SETTLED + ": 30 epochs"),
        "epochs": (30, SETTLED),
        "updates": (0, SETTLED + ": epochs"),
        "batch_size": (32, SETTLED),
        "select": ("best", OURS),
        "evaluate_every": (1, OURS),
        "optim.name": ("adamw", SETTLED),
        "optim.learning_rate": (1e-4, SETTLED),
        "optim.rates": ({"^backbone/": 0.1}, SETTLED + ": 1e-5 on the backbone"),
        "optim.schedule": ("cosine", SETTLED),
        "optim.warmup": (0, OURS),
        "optim.weight_decay": (1e-4, OURS),
        "optim.clip": (1, OURS),
        "optim.momentum": (0.9, SETTLED + ": AdamW's own"),
        "optim.ema": (0, OURS),
    },
}
# Database -> height and width that images are resized to, scale of the crops, source.
RESIZED = {
    "live": (None, (0.5, 1), SETTLED + "; resized to 224 * 224 pixels: Datasets, 1"),
    "tid2013": ((384, 384), None, "Dataset introduction, 2"),
    "koniq10k": ((384, 512), None, "Dataset introduction, 3: 512 * 384, width first"),
    "biq2021": ((256, 256), None, "Dataset introduction, 4"),
    "agiqa1k": ((512, 512), None, SETTLED),
}

TTL_IQA: Pins = {
    "": {
        "run": ("ttl_iqa", "Table V"),
        "stages": (("gan", "hallucinate", "levels", "scores"), "IV and V-B"),
        "weights": ("FILE", "V-B: the parameters of VGG are shared"),
        "dense": (True, "V-B: the parameters of VGG are shared"),
        "gan.task": ("gan", "IV"),
        "hallucinate.task": ("hallucinate", "IV-D"),
        "levels.task": ("levels", "V-B: softmax cross-entropy"),
        "scores.task": ("scores", "V-B"),
        "levels.init_from": ({"backbone": "weights"}, "V-B: VGG to SFTnet"),
        "levels.dont_load": ((), "V-B"),
        "levels.database": ("hallucinate", "V-B: the hallucinated distortion images"),
        "scores.init_from": ({"": "levels"}, "V-B: from the levels to the scores"),
        "scores.dont_load": (("^head/",), "V-B: the last layer is changed"),
        "levels.model.outputs": (3, "V-B: three quality levels"),
        "scores.model.outputs": (1, "V-B: a one-dimensional output"),
        "scores.fit.loss": ("mse", "V-B: Euclidean distance"),
    },
    "protocol": {
        "kind": ("random", "VI-B: randomly selected"),
        "test": (0.2, "VI-C: test set (20%)"),
        "n": (10, "VI-B: repeated ten times"),
        "aggregate": ("mean", "VI-B: the average results"),
        "val": (0.1, OURS),
        "shared": (False, OURS),
    },
    "view": {
        "resize": ((224, 224), "V-B: resized to 224x224"),
        "crop_scale": (None, "V-B"),
        "crop": (224, "V-B"),
        "blocks": (1, "V-B: the whole image"),
        "test_blocks": (0, "V-B: the whole image"),
        "flip": (False, SETTLED + ": fine-tuning has no flips"),
    },
    "levels.view": {
        "resize": (None, "V-B: randomly cropped"),
        "crop": (224, "V-B: 224x224"),
        "blocks": (1, "V-B"),
        "flip": (True, OURS),
    },
    "gan.pristine hallucinate.pristine": {
        "photographs": ("waterloo_exploration", "IV-D"),
        "held_out": (0.2, "VI-A-3: 80% for training"),
        "extra": (0, "IV-D: 4744"),
        "view.resize": (None, "IV-D: randomly cropped"),
        "view.crop": (256, "IV-D: 256x256"),
        "view.blocks": (1, "IV-D"),
        "view.flip": (True, "IV-D: and their flipped images"),
    },
    "gan.model hallucinate.model": {
        "name": ("dt_gan", "IV"),
        "width": (64, "Table II: 64 channels of the first layer"),
        "blocks": (3, "IV-A-2: three stacked residual blocks"),
        "affine": (False, SETTLED + ": instance normalisation, nothing learned"),
        "residual": (False, "Table II"),
        "backbone.name": ("vgg", "Equation 13"),
        "backbone.width": (64, "VGG-16"),
        "backbone.dense": (4096, "VGG-16"),
        "backbone.classes": (1000, "VGG-16"),
        "semantic": ("logits", "Equation 13: the last fully connected layer"),
        "semantic_size": (224, SETTLED),
        "dtype": ("float32", OURS),
    },
    "gan.fit": {
        "levels": (3, "IV-B: three quality levels"),
        "by_type": (True, "IV-D: 4744 x 3 for each distortion type"),
        "epochs": (200, "VI-A-3: 100 and the next 100"),
        "updates": (0, "VI-A-3: epochs"),
        "batch_size": (1, "VI-A-3"),
        "cycle_weight": (10, SETTLED + ": lambda of equation 14"),
        "semantic_weight": (1, "Equation 11"),
        "saturating": (False, SETTLED),
        "cycle_into_d_gnet": (True, SETTLED),
        "history": (0, OURS),
        "select": ("last", "VI-A-3: 200 epochs"),
        "evaluate_updates": (1000, OURS),
        "optim.name": ("adam", "VI-A-3"),
        "optim.learning_rate": (2e-4, "VI-A-3"),
        "optim.momentum": (0.5, SETTLED + ": beta1"),
        "optim.schedule": ("linear", "VI-A-3: linearly to zero over the next 100"),
        "optim.weight_decay": (0, "VI-A-3: Adam"),
        "optim.warmup": (0, "VI-A-3: the same for the first 100 epochs"),
        "optim.clip": (0, "VI-A-3"),
    },
    "levels.model scores.model": {
        "name": ("sftnet", "V-A"),
        "attention": (True, "V-A: SDA block"),
        "after": ("conv5_3", SETTLED),
        "backbone.name": ("vgg", "V-A"),
        "backbone.width": (64, "VGG-16"),
        "backbone.preprocess": ("imagenet", "VGG-16"),
        "backbone.dense": (4096, SETTLED + ": fc6 and fc7"),
        "backbone.dropout": (0.5, "VI-A-3"),
        "dtype": ("float32", OURS),
    },
    "levels.fit scores.fit": {
        "attention": (True, "Figure 8"),
        "patience": (0, "VI-A-3: 50K iterations"),
        "updates": (50_000, "VI-A-3: 50K iterations"),
        "batch_size": (30, "VI-A-3"),
        "select": ("best", OURS),
        "optim.name": ("sgd", "V-B"),
        "optim.learning_rate": (1e-4, SETTLED + ": chosen for scores in [0, 1]"),
        "optim.rates": ({"^(sda|head)/": 10}, SETTLED + ": chosen for scores in [0, 1]"),
        "optim.momentum": (0.9, "VI-A-3"),
        "optim.weight_decay": (5e-4, "VI-A-3"),
        "optim.schedule": ("steps", "VI-A-3: every 10K iterations"),
        "optim.decay": (0.1, "VI-A-3: a factor of 0.1"),
        "optim.parts": (5, "VI-A-3: every 10K of 50K"),
        "optim.warmup": (0, "VI-A-3"),
        "optim.clip": (0, "VI-A-3"),
        "optim.ema": (0, "VI-A-3"),
    },
}

MT_IRN: Pins = {
    "": {
        "run": ("mt_irn", "Table 7, last column"),
        "stages": (("ssim_map", "restore", "head", "all"), "3.3"),
        "weights": ("FILE", "3.2: pre-trained on ImageNet"),
        "ssim_map.task": ("restore", "3.3"),
        "restore.task": ("restore", "3.3"),
        "head.task": ("scores", "3.3"),
        "all.task": ("scores", "3.3"),
        "ssim_map.fit.epochs": (100, "3.3"),
        "restore.fit.epochs": (50, "3.3"),
        "head.fit.epochs": (10, "3.3: the first 10 epochs"),
        "all.fit.epochs": (40, "3.3: for another 40 epochs"),
        "ssim_map.fit.restore_weight": (0, "Equation 4 alone"),
        "ssim_map.fit.ssim_weight": (1, "Equation 4"),
        "restore.fit.restore_weight": (1, "Equation 5"),
        "restore.fit.ssim_weight": (0, "Equation 5 alone"),
        "ssim_map.fit.optim.learning_rate": (1e-3, "3.3"),
        "restore.fit.optim.learning_rate": (1e-4, "3.3"),
        "head.fit.optim.learning_rate": (5e-5, "3.3"),
        "all.fit.optim.learning_rate": (4.5e-5, "3.3: 5e-5 times 0.9 after 10 epochs"),
        "head.fit.optim.rates": ({"^restorer/": 0}, "3.3: the restorer is frozen"),
        "all.fit.optim.rates": ({}, "3.3: the entire network"),
        "head.fit.optim.parts": (1, "3.3: every 10 of 10 epochs"),
        "all.fit.optim.parts": (4, "3.3: every 10 of 40 epochs"),
        "head.init_from": ({"backbone": "weights", "restorer": "restore"}, "3.2, 3.3"),
    },
    "protocol": {
        "kind": ("random", "4.1"),
        "test": (0.2, "4.1: the remaining 20%"),
        "n": (10, "4.1: repeated 10 times"),
        "aggregate": ("median", "4.1: the median"),
        "val": (0.1, OURS),
        "shared": (False, OURS),
    },
    "view": {
        "resize": (None, "3.3: crops of the image"),
        "crop_scale": (None, "3.3"),
        "crop": (224, "3.3"),
        "blocks": (5, "3.3: 5 patches of an image"),
        "test_blocks": (0, "3.3: also 5 patches"),
        "flip": (True, "3.3: flipped during training"),
    },
    "ssim_map.pairs restore.pairs": {
        "photographs": ("waterloo_exploration", "3.3"),
        "val": (4, OURS),
        "held_out": (6, OURS),
        "view.resize": (None, "3.3: crops of the distorted images"),
        "view.crop": (224, "3.3"),
        "view.blocks": (1, "3.3"),
        "view.flip": (False, SETTLED + ": restorer crops are not flipped"),
    },
    "ssim_map.model restore.model head.model.restorer all.model.restorer": {
        "name": ("unet", "Table 1"),
        "width": (16, "Table 1: E1"),
        "multitask": (True, "Table 1: D6"),
        "carry": (True, OURS),
        "residual": (False, "Table 1"),
    },
    "ssim_map.fit restore.fit": {
        "updates": (0, "3.3: epochs"),
        "batch_size": (64, "3.3"),
        "select": ("last", "3.3: 100 and 50 epochs"),
        "evaluate_updates": (1000, OURS),
        "optim.name": ("adam", "3.3"),
        "optim.momentum": (0.9, "3.3: Adam's own"),
        "optim.schedule": ("constant", "3.3: one learning rate"),
        "optim.weight_decay": (0, "3.3: Adam"),
        "optim.warmup": (0, "3.3"),
        "optim.clip": (0, "3.3"),
    },
    "head.model all.model": {
        "name": ("mt_irn", "3"),
        "variant": ("full", "Table 7"),
        "width": (64, SETTLED + ": branch width"),
        "reduced": (512, SETTLED),
        "hidden": (512, SETTLED),
        "dropout": (0.5, OURS),
        "dtype": ("float32", OURS),
        "backbone.name": ("resnet", "3.2: ResNet-50"),
        **{f"backbone.{name}": (value, "ResNet-50") for name, value in RESNET_50.items()},
        "backbone.frozen_bn": (True, OURS),
        "backbone.frozen_stages": (0, "3.3: the entire network"),
    },
    "head.fit all.fit": {
        "loss": ("mae", "Equation 6"),
        "pooling": ("mean", OURS),
        "patience": (0, "3.3: 10 and 40 epochs"),
        "updates": (0, "3.3: epochs"),
        "batch_size": (10, "3.3: 48 patches, of images with 5 each; " + SETTLED),
        "select": ("best", OURS),
        "optim.name": ("adam", "3.3; " + SETTLED + ": L2 before Adam's scaling"),
        "optim.momentum": (0.9, "3.3: Adam's own"),
        "optim.ema": (0, "3.3"),
        "optim.weight_decay": (5e-4, "3.3"),
        "optim.schedule": ("steps", "3.3: every 10 epochs"),
        "optim.decay": (0.9, "3.3: multiplied by 0.9"),
        "optim.warmup": (0, "3.3"),
        "optim.clip": (0, "3.3"),
    },
}

# Paper -> how its figures are made: arguments of our configs, what becomes of the splits, source.
PROTOCOLS = {
    "convnext": ("protocol=random,test=0.3,splits=1", "mean", "3.2: 70%-30%, one split"),
    "iqa_nrtl": (
        "protocol=random,test=0.1,splits=50",
        "median",
        "Comparison on KonIQ-10k and BIQ2021: 90%, 50 times, the median",
    ),
    "mt_irn": ("protocol=random,test=0.2,splits=10", "median", "4.1: 80%, 10 times, the median"),
    "survey": ("protocol=random,test=0.2,splits=10", "median", OURS),
    "ttl_iqa": ("protocol=random,test=0.2,splits=10", "mean", "VI-B: ten times, the average"),
}
CONFIGS = {"iqa_nrtl": iqa_nrtl, "mt_irn": mt_irn, "ttl_iqa": ttl_iqa}
PINS = {"iqa_nrtl": IQA_NRTL, "mt_irn": MT_IRN, "ttl_iqa": TTL_IQA}
DATABASE = {"iqa_nrtl": "koniq10k", "mt_irn": "livec", "ttl_iqa": "livec"}
# Whole values, though they are mappings.
WHOLE = ("rates", "init_from")


def flat(values: Mapping[str, Any], path: str = "") -> dict[str, Any]:
    """Path -> value of nested sections."""
    found = {}
    for name, value in values.items():
        here = f"{path}.{name}" if path else name
        if isinstance(value, Mapping) and name.rpartition(".")[2] not in WHOLE:
            found |= flat(value, here)
        else:
            found[here] = value
    return found


def of_model(options: Mapping[str, Any]) -> dict[str, Any]:
    """Fields and name of a network, including fields of nested networks."""

    def fields(module: nn.Module) -> dict[str, Any]:
        values = {
            field.name: getattr(module, field.name)
            for field in dataclasses.fields(module)
            if field.name not in ("parent", "name")
        }
        return {n: fields(v) if isinstance(v, nn.Module) else v for n, v in values.items()}

    names = {path: value for path, value in flat(options).items() if path.endswith("name")}
    return flat(fields(models.build(**options))) | names


def typed(kind: type, fields: Mapping[str, Any]) -> dict[str, Any]:
    return flat(dataclasses.asdict(read(kind, fields, "")))


@functools.cache
def config(paper: str, database: str, more: str = "") -> Any:
    """Config at the paper's own size, with the paper's protocol."""
    arguments = f"dataset={database},weights=FILE,{tables.paper(paper).arguments}{more}"
    return CONFIGS[paper].get_config(arguments)


@functools.cache
def values(paper: str, database: str, more: str = "") -> dict[str, Any]:
    """Path -> value of every field of a run, including defaults of omitted fields."""
    fields = config(paper, database, more).to_dict()
    sections: dict[str, Any] = {
        **fields,
        "protocol": typed(Protocol, fields["protocol"]),
        "view": typed(View, fields["view"]),
        "model": of_model(fields["model"]) if fields["model"] else {},
    }
    kinds = {"view": View, "pairs": Pairs, "pristine": Pristine}
    for name in fields["stages"]:
        stage = fields[name]
        sections[name] = stage | {
            "fit": typed(TASKS[stage["task"]].config, stage["fit"]),
            **({"model": of_model(stage["model"])} if stage.get("model") else {}),
            **{key: typed(kinds[key], stage[key]) for key in kinds.keys() & stage.keys()},
        }
    return flat(sections)


def rows(pins: Pins) -> dict[str, tuple[Any, str]]:
    """Path in the config -> (value, source)."""
    return {
        f"{section}.{path}" if section else path: row
        for sections, values in pins.items()
        for section in sections.split() or ("",)
        for path, row in values.items()
    }


def same(found: Any, expected: Any) -> bool:
    """Whether two values are equal; floats may differ by rounding, as 0.9 * 5e-5 and 4.5e-5."""
    if isinstance(expected, float):
        return found == pytest.approx(expected, rel=1e-12)
    return found == expected and isinstance(found, bool) == isinstance(expected, bool)


@pytest.mark.parametrize(
    ("paper", "path"), [(paper, path) for paper, pins in PINS.items() for path in rows(pins)]
)
def test_a_value_is_the_papers(paper, path):
    expected, source = rows(PINS[paper])[path]
    found = values(paper, DATABASE[paper])[path]
    assert same(found, expected), f"{paper} {path}: {found!r}, expected {expected!r} ({source})"


@pytest.mark.parametrize("paper", PINS)
def test_no_value_of_a_config_is_left_out(paper):
    elsewhere = ("data.", "view.resize", "view.crop_scale")  # the latter two: below
    given = flat(config(paper, DATABASE[paper]).to_dict())
    assert given.keys() <= values(paper, DATABASE[paper]).keys()
    left_out = {
        path
        for path in given.keys() - rows(PINS[paper]).keys()
        if not path.startswith(elsewhere) and not path.endswith("seed") and given[path] != {}
    }
    assert not left_out


@pytest.mark.parametrize("database", RESIZED)
def test_iqa_nrtl_cuts_every_database_as_the_paper(database):
    resize, scale, source = RESIZED[database]
    found = values("iqa_nrtl", database)
    assert (found["view.resize"], found["view.crop_scale"]) == (resize, scale), source
    other = values("iqa_nrtl", "koniq10k")
    differing = {path for path in other if other[path] != found[path]}
    assert differing <= {"data.database", "view.resize", "view.crop_scale"}


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (  # VI-A-3
            "paper_rate=True",
            {
                f"{stage}.fit.optim.{name}": value
                for stage in ("levels", "scores")
                for name, value in {"learning_rate": 1e-6, "rates": {}}.items()
            },
        ),
        (  # spec/methods.md: where VGG-16's dense layers can't be had
            "dense=fresh",
            {
                "dense": False,
                "gan.model.semantic": "conv5_3",
                "gan.model.backbone.dense": 0,
                "levels.dont_load": ("^backbone/fc",),
                "levels.fit.optim.rates": {"^(sda|head|backbone/fc[67])/": 10},
                "scores.fit.optim.rates": {"^(sda|head|backbone/fc[67])/": 10},
            },
        ),
        # Table IX: without the SDA block, without the auxiliary domain, without both.
        (
            "variant=gan-vgg",
            {
                "stages": ("gan", "hallucinate", "levels", "scores"),
                "scores.model.attention": False,
                "scores.fit.optim.rates": {"^(head)/": 10},
            },
        ),
        ("variant=sftnet", {"stages": ("scores",), "scores.model.attention": True}),
        ("variant=vgg", {"stages": ("scores",), "scores.model.attention": False}),
        ("levels=2", {"gan.fit.levels": 2, "levels.model.outputs": 2}),  # table X
        ("levels=5", {"gan.fit.levels": 5, "levels.model.outputs": 5}),
        (  # table XIII: levels 1, 3 and 5 of the synthetic distortions
            "auxiliary=simulated",
            {
                "stages": ("simulate", "levels", "scores"),
                "simulate.fit.label": "level",
                "simulate.fit.strengths": (1, 3, 5),
                "levels.task": "levels",
                "levels.model.outputs": 3,
            },
        ),
        *(
            (  # table XV: what a measure says, not levels
                f"auxiliary={metric}",
                {
                    "simulate.fit.label": metric,
                    "levels.task": "scores",
                    "levels.model.outputs": 1,
                    "levels.fit.loss": "mse",
                    "levels.fit.updates": 50_000,
                },
            )
            for metric in ("ssim", "vif")
        ),
        # Table XIV: 18,732 and 29,232 images are 3 * (4744 + these).
        ("extra=1500,more=VOC2012", {"hallucinate.pristine.extra": 1500, "gan.pristine.extra": 0}),
        ("extra=5000,more=VOC2012", {"hallucinate.pristine.extra": 5000, "gan.pristine.extra": 0}),
    ],
)
def test_other_rows_of_ttl_iqas_tables(arguments, expected):
    found = values("ttl_iqa", "livec", f",{arguments}")
    assert {path: found[path] for path in expected} == expected


def test_the_longest_training_of_ttl_iqa():
    """3795 of 4744 photographs are trained on, one per update, for 200 epochs (IV-D, VI-A-3)."""
    fields = config("ttl_iqa", "livec").to_dict()["gan"]
    how = read(TASKS["gan"].config, fields["fit"], "gan")
    assert how.steps(4744 - round(fields["pristine"]["held_out"] * 4744))[0] == 759_000


@pytest.mark.parametrize(("paper", "test"), [("iqa_nrtl", 0.1), ("mt_irn", 0.2), ("ttl_iqa", 0.2)])
def test_without_arguments_the_shares_are_the_papers(paper, test):
    protocol = CONFIGS[paper].get_config("dataset=livec,weights=FILE").protocol
    found = read(Protocol, protocol.to_dict(), "protocol")
    assert (found.kind, found.test, found.val, found.shared) == ("random", test, 0.1, False)
    across = CONFIGS[paper].get_config("dataset=live,weights=FILE,cross=csiq").protocol
    assert (across.kind, across.shared) == ("cross", False)


@pytest.mark.parametrize(
    ("name", "pins"),
    [
        ("iqa_nrtl", IQA_NRTL["model"]),
        ("mt_irn", MT_IRN["head.model all.model"]),
        ("unet", MT_IRN["ssim_map.model restore.model head.model.restorer all.model.restorer"]),
        ("sftnet", TTL_IQA["levels.model scores.model"]),
        ("dt_gan", TTL_IQA["gan.model hallucinate.model"]),
    ],
)
def test_a_network_without_options_is_the_papers(name, pins):
    found = of_model({"name": name})
    # Without pre-trained weights there is nothing to freeze, and no phi.
    paths = found.keys() & pins.keys() - {"backbone.frozen_bn", "semantic"}
    assert len(paths) > 3
    assert {path: found[path] for path in paths} == {path: pins[path][0] for path in paths}


@pytest.mark.parametrize(
    ("paper", "stage", "steps", "expected"),
    [
        # VI-A-3: the same for 100 of 200 epochs, then in a line to zero.
        ("ttl_iqa", "gan", 200, {0: 2e-4, 99: 2e-4, 150: 1e-4, 175: 5e-5, 200: 0}),
        # VI-A-3: a tenth every 10,000 of 50,000; 1e-4 is ours.
        (
            "ttl_iqa",
            "scores",
            50_000,
            {9_999: 1e-4, 10_000: 1e-5, 20_000: 1e-6, 30_000: 1e-7, 49_999: 1e-8},
        ),
        # spec/methods.md: half a cosine.
        ("iqa_nrtl", "scores", 30, {0: 1e-4, 10: 0.75e-4, 15: 0.5e-4, 20: 0.25e-4, 30: 0}),
        # 3.3: times 0.9 every 10 epochs.
        ("mt_irn", "all", 40, {0: 4.5e-5, 10: 4.05e-5, 20: 3.645e-5, 39: 3.2805e-5}),
    ],
)
def test_rates_fall_as_the_papers_have_it(paper, stage, steps, expected):
    fit = config(paper, DATABASE[paper]).to_dict()[stage]["fit"]
    rate = optim.schedule(read(optim.Optim, fit["optim"], stage), steps)
    found = [np.asarray(rate(step)).item() for step in expected]
    assert found == pytest.approx(list(expected.values()), rel=1e-5, abs=1e-12)


@pytest.mark.parametrize("paper", tables.PAPERS)
def test_the_protocol_of_every_paper(paper):
    arguments, aggregate, source = PROTOCOLS[paper]
    found = tables.paper(paper)
    assert (found.arguments, found.aggregate) == (arguments, aggregate), source


@pytest.mark.parametrize("paper", PINS)
def test_a_run_reports_what_its_papers_tables_do(paper):
    assert values(paper, DATABASE[paper])["protocol.aggregate"] == tables.paper(paper).aggregate


def test_the_default_protocol_is_one_random_split_90_10_and_the_median():
    assert Protocol() == Protocol(
        kind="random", n=1, test=0.1, val=0.1, seed=0, aggregate="median", shared=False
    )


@pytest.mark.parametrize("paper", tables.PAPERS)
def test_three_splits_become_one_as_the_paper_has_it(paper, predicted):
    source = tables.paper(paper)
    table, row, column = next(
        (table, row, column)
        for table in source.tables.values()
        for row in table.rows
        for column in table.columns
        if (query := table.asks(row, column)).criterion == "srocc"
        and not (query.published_only or query.pool or query.distortion or query.train)
        and isinstance(query.database, str)
    )
    query = table.asks(row, column)
    splits = [
        predicted(query.predictions, query.database, split=f"split{i}", seed=i, noise=noise)
        for i, noise in enumerate((0.05, 0.1, 2.0))
    ]
    each = [scipy_stats.spearmanr(split.prediction, split.score)[0] for split in splits]
    expected = {"median": sorted(each)[1], "mean": sum(each) / 3}
    assert abs(expected["median"] - expected["mean"]) > 0.05
    cell = cells.fill(source, table, splits)[table.rows.index(row)][table.columns.index(column)]
    (found,) = cell.ours
    assert found.value == pytest.approx(expected[PROTOCOLS[paper][1]], abs=1e-9)
    assert found.splits == 3
