"""Inherited variables of stages: all, parts, and nothing unasked."""

import json

import jax
import numpy as np
import pytest
import tiny_run

from jiqa.errors import InputError
from jiqa.experiment import run as experiment
from jiqa.results.predictions import read_predictions
from jiqa.train import mesh
from jiqa.train.inherit import inherit


def tree(start):
    """Variables of a model with backbone and head; all tensors differ."""
    values = iter(range(start, start + 100))
    return {
        "params": {
            "backbone": {
                "conv": {"kernel": np.full((2, 3), next(values)), "bias": np.full(3, next(values))}
            },
            "head": {"kernel": np.full((3, 1), next(values))},
        },
        "batch_stats": {"backbone": {"bn": {"mean": np.full(3, next(values))}}},
    }


def numbers(variables):
    params = variables["params"]
    conv = params["backbone"]["conv"]
    leaves = (conv["kernel"], conv["bias"], params["head"]["kernel"])
    return [int(x.flat[0]) for x in (*leaves, variables["batch_stats"]["backbone"]["bn"]["mean"])]


def test_all_a_part_and_a_part_of_a_part():
    fresh, other = tree(0), tree(10)
    assert numbers(inherit(fresh, {}, {})) == [0, 1, 2, 3]
    assert numbers(inherit(fresh, {"": "a"}, {"a": other})) == [10, 11, 12, 13]
    alone = {kind: other[kind]["backbone"] for kind in other}
    assert numbers(inherit(fresh, {"backbone": "w"}, {"w": alone})) == [10, 11, 2, 13]
    assert numbers(inherit(fresh, {"backbone": "a/backbone"}, {"a": other})) == [10, 11, 2, 13]
    both = inherit(fresh, {"backbone": "a/backbone", "head": "b/head"}, {"a": other, "b": tree(20)})
    assert numbers(both) == [10, 11, 22, 13]
    assert numbers(fresh) == [0, 1, 2, 3]


def test_a_head_of_another_shape_can_stay_fresh():
    other = tree(10)
    other["params"]["head"] = {"kernel": np.zeros((3, 5)), "bias": np.zeros(5)}
    sources = {"levels": other}
    with pytest.raises(InputError, match="levels, params: tensor head/bias is spare"):
        inherit(tree(0), {"": "levels"}, sources)
    assert numbers(inherit(tree(0), {"": "levels"}, sources, ["^head/"])) == [10, 11, 2, 13]
    with pytest.raises(InputError, match="dont_load: found 'neck'"):
        inherit(tree(0), {"": "levels"}, sources, ["^head/", "neck"])


def test_what_is_not_there_is_named():
    with pytest.raises(InputError, match="found 'gan', expected one of levels"):
        inherit(tree(0), {"": "gan"}, {"levels": tree(1)})
    with pytest.raises(InputError, match="expected one of none, as this is the first stage"):
        inherit(tree(0), {"": "weights"}, {})
    lacking = tree(10)
    del lacking["batch_stats"]["backbone"]["bn"]
    with pytest.raises(InputError, match="a, batch_stats: tensor backbone/bn/mean is missing"):
        inherit(tree(0), {"": "a"}, {"a": lacking})


@pytest.mark.slow
def test_a_stage_goes_on_from_the_one_before(tmp_path, monkeypatch):
    """The second stage changes no parameter and must predict as the first."""
    monkeypatch.setattr(experiment, "load_index", lambda *_, **__: tiny_run.tiny.database())

    def run(name, *stages):
        config = tiny_run.config(**{"protocol.n": 1, "scores.fit.epochs": 2.0})
        config.scores.fit.select = "last"
        config.scores.fit.optim.ema = 0.0
        config.again = config.scores.copy_and_resolve_references()
        config.again.fit.epochs = 0.5
        config.again.fit.optim.learning_rate = 0.0
        config.again.init_from = {"": "scores"}
        config.model.backbone.frozen_bn = True
        config.stages = stages
        one = mesh.make(jax.devices()[:1])
        folder = experiment.run(config, str(tmp_path / name), name, mesh=one)
        (table,) = read_predictions(folder)
        return table.prediction, json.loads((folder / "split0" / "split.json").read_text())

    (once, alone), (twice, both) = run("once", "scores"), run("twice", "scores", "again")
    assert both["steps"] == alone["steps"] + both["stages"]["again"]["steps"]
    assert both["stages"]["scores"]["steps"] == alone["steps"]
    np.testing.assert_allclose(once, twice, atol=1e-6)
    assert np.ptp(once) > 0
