import functools
import json

import jax
import numpy as np
import pytest

from jiqa import models
from jiqa.configs import common, handcrafted, iqa_nrtl, mt_irn, ridge, ttl_iqa
from jiqa.configs.runs import RUNS
from jiqa.configs.tables.ttl_iqa import PAPER
from jiqa.data.sampling import View
from jiqa.errors import InputError
from jiqa.experiment.config import Pairs, parse
from jiqa.experiment.fields import read
from jiqa.models.iqa_nrtl import VARIANTS
from jiqa.tasks.restore import RestoreConfig
from jiqa.tasks.scores import ScoresConfig
from jiqa.train import optim
from jiqa.train.loop import DescentConfig


@pytest.mark.parametrize(
    "make",
    [
        *(lambda v=v: iqa_nrtl.get_config(f"variant={v}") for v in VARIANTS),
        lambda: iqa_nrtl.get_config("dataset=biq2021,weights=none,protocol=official"),
        lambda: iqa_nrtl.get_config("dataset=biq2021/sample,weights=none,budget=cpu"),
        lambda: iqa_nrtl.get_config("dataset=live,weights=none,cross=csiq+tid2013,shared=True"),
        *(lambda v=v: mt_irn.get_config(f"variant={v}") for v in mt_irn.VARIANTS),
        lambda: mt_irn.get_config("dataset=livec,weights=none"),
        lambda: mt_irn.get_config("dataset=biq2021/sample,weights=none,budget=cpu"),
        lambda: mt_irn.get_config("dataset=tid2013,variant=multi,metric=psnr"),
        lambda: mt_irn.get_config("dataset=livec,weights=none,variant=single,equal=True"),
        lambda: mt_irn.get_config("dataset=live,weights=none,cross=csiq+tid2013,shared=True"),
        *(lambda v=v: ttl_iqa.get_config(f"variant={v}") for v in ttl_iqa.VARIANTS),
        *(lambda a=a: ttl_iqa.get_config(f"auxiliary={a}") for a in ttl_iqa.AUXILIARY),
        lambda: ttl_iqa.get_config("dataset=livec,weights=none"),
        lambda: ttl_iqa.get_config("dataset=livec,weights=FILE,levels=5"),
        lambda: ttl_iqa.get_config("dataset=livec,weights=FILE,dense=fresh,paper_rate=True"),
        lambda: ttl_iqa.get_config("dataset=koniq10k,weights=FILE,extra=1500,more=VOC2012"),
        lambda: ttl_iqa.get_config("dataset=biq2021/sample,weights=FILE,budget=cpu"),
        lambda: ttl_iqa.get_config("dataset=biq2021/sample,weights=FILE,budget=cpu,variant=vgg"),
        *(lambda m=m: ttl_iqa.get_config(f"metric={m}") for m in ttl_iqa.METRICS),
        lambda: ttl_iqa.get_config("dataset=livec,weights=FILE,metric=ssim"),
        lambda: ttl_iqa.get_config("dataset=livec,weights=FILE,check=True"),
        lambda: ttl_iqa.get_config("dataset=live,weights=FILE,cross=csiq+tid2013,shared=True"),
        lambda: ridge.get_config("weights=none"),
        lambda: ridge.get_config("weights=none,cross=koniq10k+biq2021/sample"),
    ],
)
def test_every_config_describes_a_whole_run(make):
    config = parse(make().to_dict())
    assert bool(config.tests) == (config.protocol.kind == "cross")
    for stage in config.stages:
        cut = (stage.pairs or stage.pristine or stage).view or config.view
        if not stage.model:
            continue
        variables, prediction = _shapes(json.dumps(stage.model, sort_keys=True), cut.crop)
        if isinstance(stage.fit, DescentConfig):
            optim.build(stage.fit.optim, variables["params"], 10)
        assert prediction.shape[0] == 2


@functools.cache  # many configs share a network
def _shapes(options, crop):
    """Shapes of a network's variables and of its prediction for two images."""
    model = models.build(**json.loads(options))
    image = jax.ShapeDtypeStruct((2, crop, crop, 3), "float32")
    variables = jax.eval_shape(model.init, jax.random.key(0), image)
    return variables, jax.eval_shape(model.apply, variables, image)[0]


def test_arguments_have_the_type_of_their_defaults():
    args = common.parse("n=3,name=x", n=1, name="y", rate=0.5)
    assert (args.n, args.name, args.rate) == (3, "x", 0.5)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("varient=full", "found 'varient=full', expected NAME=VALUE with NAME one of .*variant"),
        ("splits=many", "splits: found 'many', expected int"),
        ("dataset=biq2021", "weights: nothing found"),
        ("variant=ful", "variant: found 'ful', expected resnet50, semantic, vision, adapt, full"),
        ("shared=yes", "shared: found 'yes', expected bool"),
        ("dataset=biq2021,weights=none,budget=tiny", "budget: found 'tiny'"),
    ],
)
def test_bad_arguments_are_named(text, message):
    with pytest.raises(InputError, match=message):
        iqa_nrtl.get_config(text)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("variant=half", "variant: found 'half', expected full, baseline"),
        ("variant=full,metric=psnr", "metric: found 'psnr' with variant full, expected psnr or"),
        ("variant=multi,metric=fsim", "metric: found 'fsim' with variant multi"),
        ("budget=tiny", "budget: found 'tiny', expected paper, cpu"),
        ("photographs=kodak", "photographs: found 'kodak' with dataset=pocket, expected none"),
        ("photographs=waterloo_exploration", "photographs: found 'waterloo.* dataset=pocket"),
        ("variant=single,ssim_weight=0.1", "ssim_weight: found 0.1 with variant=single, expected"),
        ("variant=baseline,ssim_weight=1", "ssim_weight: found 1.0 with variant=baseline"),
        ("equal=True", "equal: found True with variant=full, expected none"),
        ("variant=multi,metric=psnr,equal=True", "equal: found True with variant=multi"),
        (
            "dataset=livec,weights=none,variant=single,budget=cpu,equal=True",
            "equal: found True with budget=cpu, expected none",
        ),
        ("dataset=livec", "weights: nothing found, expected the file of a ResNet-50's"),
    ],
)
def test_bad_arguments_of_mt_irn_are_named(text, message):
    with pytest.raises(InputError, match=message):
        mt_irn.get_config(text)


@pytest.mark.parametrize("config", [iqa_nrtl, ttl_iqa, mt_irn])
@pytest.mark.parametrize("text", ["weights=FILE", "budget=cpu", "budget=paper"])
def test_arguments_that_do_nothing_on_pocket_are_refused(config, text):
    name, _, value = text.partition("=")
    with pytest.raises(InputError, match=f"{name}: found '{value}' with dataset=pocket, expected "):
        config.get_config(text)
    assert config.get_config("weights=none").weights == ""


@pytest.mark.parametrize(
    ("config", "paper"), [(iqa_nrtl, 0.1), (handcrafted, 0.1), (ttl_iqa, 0.2), (mt_irn, 0.2)]
)
def test_the_share_of_the_test_can_be_given_on_every_database(config, paper):
    def share(text):
        return config.get_config(text).protocol.test

    assert (share("dataset=pocket"), share("dataset=pocket,test=0.5")) == (0.25, 0.5)
    prepared = "dataset=livec,weights=none"
    assert (share(prepared), share(f"{prepared},test=0.25")) == (paper, 0.25)
    assert mt_irn.get_config("variant=multi,metric=ssim").protocol.test == 0.25


def test_arguments_that_mean_what_is_done_anyway_are_taken():
    assert mt_irn.get_config("weights=none").weights == ""
    columns = "dataset=livec,weights=none,photographs=FOLDER"  # of table 7, all with the same
    for variant in mt_irn.VARIANTS:
        mt_irn.get_config(f"{columns},variant={variant}")


def rates_of(how, epochs):
    """Learning rate of every epoch."""
    rate = optim.schedule(how, epochs)
    return [np.asarray(rate(epoch)).item() for epoch in range(epochs)]


@pytest.mark.parametrize("variant", ["full", "single", "multi", "difference"])
def test_mt_irn_s_restorer_is_trained_as_the_paper_has_it(variant):
    config = mt_irn.get_config(f"dataset=livec,weights=none,variant={variant}")
    expected = {"restore": (50, 1e-4, 1.0, 0.0)}
    if variant != "single":
        expected = {"ssim_map": (100, 1e-3, 0.0, 1.0), **expected}
    assert [name for name in config.stages if config[name].task == "restore"] == list(expected)
    for name, (epochs, rate, *weights) in expected.items():
        stage = config[name].to_dict()
        how = read(RestoreConfig, stage["fit"], name)
        assert (how.epochs, how.updates, how.batch_size) == (epochs, 0, 64)
        assert [how.restore_weight, how.ssim_weight] == weights
        assert (how.optim.name, how.optim.weight_decay, how.optim.clip) == ("adam", 0, 0)
        pairs = read(Pairs, stage["pairs"], name)
        assert (pairs.photographs, pairs.view.resize) == ("waterloo_exploration", None)
        assert (pairs.view.crop, pairs.view.blocks, pairs.view.flip) == (224, 1, False)
        assert rates_of(how.optim, epochs) == pytest.approx([rate] * epochs)
        assert stage["model"] == {"name": "unet", "multitask": variant != "single"}


@pytest.mark.parametrize("variant", mt_irn.VARIANTS)
def test_mt_irn_is_trained_on_scores_as_the_paper_has_it(variant):
    config = mt_irn.get_config(f"dataset=livec,weights=none,variant={variant}")
    expected = {"all": (50, {})}
    if variant != "baseline":
        expected = {"head": (10, {"^restorer/": 0.0}), "all": (40, {})}
    assert [n for n in config.stages if config[n].task == "scores"] == list(expected)
    rates = []
    for name, (epochs, frozen) in expected.items():
        how = read(ScoresConfig, config[name].to_dict()["fit"], name)
        # 48 crops, five of an image.
        assert (how.epochs, how.updates, how.batch_size, how.loss) == (epochs, 0, 10, "mae")
        assert (how.optim.name, how.optim.weight_decay, how.optim.clip) == ("adam", 5e-4, 0)
        assert how.optim.rates == frozen
        assert (how.select, how.evaluate_every) == ("best", 1)  # ours, with a tenth to validate on
        rates += rates_of(how.optim, epochs)
    falling = [5e-5 * factor for factor in (1, 0.9, 0.81, 0.729, 0.6561) for _ in range(10)]
    assert rates == pytest.approx(falling)
    view = read(View, config.view.to_dict(), "view")
    assert (view.resize, view.crop, view.blocks, view.flip) == (None, 224, 5, True)
    assert view.test_blocks in (0, 5)
    assert (config.protocol.test, config.protocol.val) == (0.2, 0.1)


@pytest.mark.parametrize("metric", ["", ",metric=psnr"])
@pytest.mark.parametrize(
    ("where", "epochs"), [("dataset=live,weights=none,", (50, 150)), ("", (2, 3))]
)
def test_the_single_task_restorer_can_have_the_updates_of_both_stages(where, epochs, metric):
    def config(text):
        return mt_irn.get_config(f"{where}{text}{metric}")

    multi, single, equal = map(
        config, ("variant=multi", "variant=single", "variant=single,equal=True")
    )
    assert (single.restore.fit.epochs, equal.restore.fit.epochs) == epochs
    assert equal.restore.fit.epochs == multi.ssim_map.fit.epochs + multi.restore.fit.epochs
    assert equal.run == single.run.replace("single", "single-equal") != single.run
    fields = single.to_dict()
    fields["run"], fields["restore"]["fit"]["epochs"] = equal.run, float(epochs[1])
    assert equal.to_dict() == fields


def test_the_restorers_of_the_cpu_budget_have_equal_updates():
    def updates(variant):
        text = "dataset=biq2021/sample,weights=none,budget=cpu"
        config = mt_irn.get_config(f"{text},variant={variant}")
        return sum(config[name].fit.updates for name in ("ssim_map", "restore") if name in config)

    assert updates("single") == updates("full") == 32000


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("variant=half", "variant: found 'half', expected full, vgg, sftnet, gan-vgg"),
        ("levels=4", "levels: found 4, expected 2, 3, 5"),
        ("auxiliary=fsim", "auxiliary: found 'fsim', expected gan, simulated, ssim, vif"),
        ("dense=none", "dense: found 'none', expected imported, fresh"),
        ("budget=tiny", "budget: found 'tiny'"),
        ("extra=10", "found more='', extra=10, expected both or neither"),
        ("levels=2,variant=vgg", "found levels with the variant vgg, expected one of them"),
        ("metric=psnr", "metric: found 'psnr', expected ssim, brisque"),
        ("metric=ssim,cross=livec", "cross: found 'livec' with a metric, expected pocket"),
        ("levels=2,auxiliary=ssim", "found levels, auxiliary with the variant full"),
        ("dataset=livec", "weights: nothing found, expected the file of a VGG-16's"),
    ],
)
def test_bad_arguments_of_ttl_iqa_are_named(text, message):
    with pytest.raises(InputError, match=message):
        ttl_iqa.get_config(text)


def test_what_cannot_be_simulated_takes_tid2013_s_distortions():
    def types(text):
        return ttl_iqa.get_config(f"weights=FILE,{text}").simulate.fit.types

    assert len(types("dataset=livec,auxiliary=simulated")) == 24
    assert types("dataset=tid2013,auxiliary=simulated")[0].startswith("tid2013/")
    four = {f"waterloo/{name}" for name in ("gaussian_blur", "white_noise", "jpeg", "jpeg2000")}
    assert set(types("dataset=live,auxiliary=simulated")) == four
    assert set(types("dataset=livec,auxiliary=ssim")) == four
    assert types("dataset=livec,auxiliary=simulated,types=tid2013/jpeg") == ("tid2013/jpeg",)


def test_every_row_of_ttl_iqa_that_is_ours_has_a_config():
    ours = {row.query.get("run", "") for t in PAPER.tables.values() for row in t.rows}
    assert {run for run in ours if run.startswith("ttl_iqa")} <= set(RUNS)
    assert RUNS["ttl_iqa/koniq-18732"].startswith("configs/ttl_iqa.py:extra=1500,")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"scores.fit.batch_size": "8"},
            "scores.fit.batch_size: found '8', expected a whole number",
        ),
        ({"scores.fit.batch_size": 0}, "batch_size: found 0, expected 1 or more"),
        (
            {"scores.fit.optim.learning_rate": "high"},
            "learning_rate: found 'high', expected a numb",
        ),
        ({"scores.fit.optim.learning_rate": -1.0}, "learning_rate: found -1.0, expected 0 or more"),
        ({"scores.fit.optim.ema": 1.0}, "ema: found 1.0, expected a share in"),
        ({"scores.fit.optim.schedule": "step"}, "schedule: found 'step', expected cosine"),
        ({"scores.fit.optim": 3}, "scores.fit.optim: found 3, expected a section with name"),
        ({"data.resident_mb": "x"}, "data.resident_mb: found 'x', expected a whole number"),
        ({"data": "pocket"}, "data: found 'pocket', expected a section with database"),
        ({"run": 3}, "run: found 3, expected a text"),
        ({"view.flip": "yes"}, "view.flip: found 'yes', expected True or False"),
        ({"view.crop": "224"}, "view.crop: found '224', expected a whole number"),
        ({"view.resize": (2, 3, 4)}, r"view.resize: found \(2, 3, 4\), expected 2 values"),
        ({"scores.dont_load": "abc"}, "scores.dont_load: found 'abc', expected a list"),
        ({"model": {"name": "nope"}}, "model: found 'nope', expected one of"),
        ({"spare": 1}, "config: found the field 'spare', expected run, data"),
        ({"weights": {"first": 1}}, "weights.first: found 1, expected a text"),
    ],
)
def test_a_field_of_another_type_is_one_line(changes, message):
    fields = iqa_nrtl.get_config("").to_dict()
    for path, value in changes.items():
        *sections, field = path.split(".")
        section = fields
        for name in sections:
            section = section.setdefault(name, {})
        section[field] = value
    with pytest.raises(InputError, match=message):
        parse(fields)


def test_a_parsed_config_is_the_caller_s_no_more():
    fields = iqa_nrtl.get_config("").to_dict()
    config = parse(fields)
    fields["model"]["variant"] = fields["data"]["database"] = "changed"
    assert config.stages[0].model["variant"] == "full"
    assert config.record["data"]["database"] == config.data.database == "pocket"
