import jax
import pytest

from jiqa import models, optim
from jiqa.configs import common, iqa_nrtl, mt_irn, ridge, ttl_iqa
from jiqa.configs.runs import RUNS
from jiqa.configs.tables.ttl_iqa import PAPER
from jiqa.data.plan import View
from jiqa.errors import InputError
from jiqa.inputs import Pairs, Pristine
from jiqa.models.iqa_nrtl import VARIANTS
from jiqa.protocols import Protocol
from jiqa.stage import STEPS, Stage, read
from jiqa.train import Descent


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
    fields = make().to_dict()
    view = read(View, fields["view"], "view")
    read(Protocol, fields["protocol"], "protocol")
    for test in fields["tests"].values():
        read(View, test["view"], "view")
    assert bool(fields["tests"]) == (fields["protocol"]["kind"] == "cross")
    for name in fields["stages"]:
        stage = Stage(**{"name": name, **fields[name]})
        how = read(STEPS[stage.step].description, stage.fit, name)
        cut = read(View, stage.view, name) if stage.view else view
        if stage.pairs:
            cut = read(Pairs, stage.pairs, name).view
        if stage.pristine:
            cut = read(Pristine, stage.pristine, name).view
        options = stage.model or fields["model"]
        if not options:
            continue
        model = models.build(**options)
        image = jax.ShapeDtypeStruct((2, cut.crop, cut.crop, 3), "float32")
        variables = jax.eval_shape(model.init, jax.random.key(0), image)
        if isinstance(how, Descent):
            optim.build(how.optim, variables["params"], 10)
        prediction, _ = jax.eval_shape(model.apply, variables, image)
        assert prediction.shape[0] == 2


def test_arguments_have_the_type_of_their_defaults():
    args = common.parse("n=3,name=x", n=1, name="y", rate=0.5)
    assert (args.n, args.name, args.rate) == (3, "x", 0.5)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("varient=full", "found 'varient=full', expected NAME=VALUE with NAME one of .*variant"),
        ("splits=many", "splits: found 'many', expected int"),
        ("dataset=biq2021", "weights: nothing found"),
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
        ("budget=tiny", "budget: found 'tiny'"),
    ],
)
def test_bad_arguments_of_mt_irn_are_named(text, message):
    with pytest.raises(InputError, match=message):
        mt_irn.get_config(text)


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
        ("metric=psnr", "metric: found 'psnr', expected , ssim, brisque"),
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
