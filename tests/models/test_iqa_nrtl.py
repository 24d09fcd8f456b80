import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from resnet_reference import random_variables

from jiqa import models
from jiqa.errors import InputError
from jiqa.models.iqa_nrtl import IQANRTL, VARIANTS, AdaptiveFusion, Perception, windows
from jiqa.models.resnet import ResNet

RNG = np.random.default_rng(0)
IMAGE = RNG.uniform(size=(3, 64, 64, 3)).astype(np.float32)
BACKBONE = {"name": "resnet", "stage_sizes": (1, 1, 1, 1), "width": 4}
SHALLOW = ResNet(stage_sizes=(1, 1, 1, 1))  # its stages have ResNet-50's shapes


def dense(inputs, outputs):
    return inputs * outputs + outputs


SELECTION = dense(64, 16) + 3 * dense(16, 64)
COUNTS = {
    "resnet50": dense(2048, 128),
    "semantic": dense(256 + 512 + 1024 + 2048, 128),
    # 22,478,848 weights and 224 biases in the global 1x1 convolution alone.
    "vision": dense(7 * 7 * 2048, 224) + dense(224, 128),
    "adapt": dense(256, 64) + dense(512, 64) + dense(1024, 64) + SELECTION + dense(64 + 2048, 128),
    "full": dense(49 * 256, 16)
    + dense(49 * 512, 32)
    + dense(49 * 1024, 64)
    + dense(49 * 2048, 224)
    + dense(16, 64)
    + dense(32, 64)
    + dense(64, 64)
    + SELECTION
    + dense(64 + 224, 128),
}


@functools.cache
def applied(variant="full", **options):
    """A narrow model's variables and its compiled forward pass."""
    model = models.build("iqa_nrtl", variant=variant, window=2, backbone=BACKBONE, **options)
    return random_variables(model, IMAGE), jax.jit(model.apply)


@pytest.mark.parametrize("variant", VARIANTS)
def test_parameter_counts(variant):
    model = IQANRTL(variant=variant, backbone=SHALLOW)
    shapes = jax.eval_shape(model.init, jax.random.key(0), jnp.zeros((1, 224, 224, 3)))
    del shapes["params"]["backbone"]  # counted in test_resnet
    count = sum(leaf.size for leaf in jax.tree.leaves(shapes["params"]))
    assert count == COUNTS[variant] + dense(128, 1)


def shapes_at(height, width, **options):
    model = IQANRTL(**options, backbone=SHALLOW)
    image = jnp.zeros((2, height, width, 3))
    (prediction, out), _ = jax.eval_shape(model.init_with_output, jax.random.key(0), image)
    assert prediction.shape == (2,)
    assert prediction.dtype == jnp.float32
    return {name: leaf.shape[1:] for name, leaf in out.items()}


STAGES = {
    "stage1": (56, 56, 256),
    "stage2": (28, 28, 512),
    "stage3": (14, 14, 1024),
    "stage4": (7, 7, 2048),
}
WEIGHTS = {"weights": (3, 64)}


def matched(side):
    return dict.fromkeys(("matched1", "matched2", "matched3", "fused"), (side, side, 64))


@pytest.mark.parametrize("match", ["stride", "mean"])
@pytest.mark.parametrize(
    ("variant", "maps"),
    [
        ("resnet50", {"features": (2048,)}),
        ("semantic", {"features": (3840,)}),
        ("vision", {"info_global": (1, 1, 224), "features": (224,)}),
        ("adapt", {**matched(14), **WEIGHTS, "features": (64 + 2048,)}),
        (
            "full",
            {
                "info1": (8, 8, 16),
                "info2": (4, 4, 32),
                "info3": (2, 2, 64),
                "info_global": (1, 1, 224),
                **matched(2),
                **WEIGHTS,
                "features": (64 + 224,),
            },
        ),
    ],
)
def test_every_map_has_the_papers_shape(variant, maps, match):
    assert shapes_at(224, 224, variant=variant, match=match) == STAGES | maps


@pytest.mark.parametrize("variant", ["adapt", "full"])
@pytest.mark.parametrize("match", ["stride", "mean"])
@pytest.mark.parametrize("size", [(33, 97), (225, 180), (384, 512)])
def test_the_scales_meet_at_any_size(variant, match, size):
    shapes = shapes_at(*size, variant=variant, match=match)
    cell = 112 if variant == "full" else 16
    side = tuple(-(-n // cell) for n in size)
    assert {shapes[f"matched{i}"] for i in (1, 2, 3)} == {(*side, 64)}


def test_a_window_of_a_32nd_gives_small_crops_the_same_grids():
    shapes = shapes_at(64, 64, window=2)
    assert [shapes[f"info{i}"][:2] for i in (1, 2, 3)] == [(8, 8), (4, 4), (2, 2)]
    assert shapes["info_global"] == (1, 1, 224)


def test_windows_are_cut_and_stacked_one_by_one():
    x = RNG.normal(size=(2, 7, 5, 4))
    got = windows(jnp.asarray(x, jnp.float32), 3)
    assert got.shape == (2, 3, 2, 36)
    padded = np.zeros((2, 9, 6, 4))
    padded[:, :7, :5] = x
    for i in range(3):
        for j in range(2):
            window = padded[:, 3 * i : 3 * i + 3, 3 * j : 3 * j + 3]
            np.testing.assert_allclose(got[:, i, j], window.reshape(2, -1), rtol=1e-6)


def test_perception_is_a_convolution_of_windows():
    """A 1x1 convolution of stacked windows = a convolution as wide and as far-stepped as they."""
    x = RNG.normal(size=(2, 6, 4, 5)).astype(np.float32)
    module = Perception(3, 2, "float32")
    variables = random_variables(module, x)
    params = variables["params"]["Dense_0"]
    taps = params["kernel"].reshape(2, 2, 5, 3)
    expected = np.zeros((2, 3, 2, 3)) + params["bias"]
    for i in range(2):
        for j in range(2):
            expected += x[:, i::2, j::2] @ taps[i, j]
    got = module.apply(variables, x)
    np.testing.assert_allclose(got, np.maximum(expected, 0), rtol=1e-4, atol=1e-5)


def mean_of_cells(x, stride):
    b, h, w, c = x.shape
    return x.reshape(b, h // stride, stride, w // stride, stride, c).mean((2, 4))


@pytest.mark.parametrize("match", ["stride", "mean"])
def test_fusion_is_equations_3_to_5(match):
    maps = [
        RNG.normal(size=(2, 2 * s, 3 * s, c)).astype(np.float32)
        for s, c in ((4, 3), (2, 5), (1, 7))
    ]
    module = AdaptiveFusion(match, 4, "float32")
    variables = random_variables(module, maps)
    params = variables["params"]
    fused, out = jax.jit(module.apply)(variables, maps)

    def linear(name, x):
        return x @ params[name]["kernel"] + params[name]["bias"]

    matched = []
    for i, (x, stride) in enumerate(zip(maps, (4, 2, 1), strict=True), start=1):
        x = x[:, ::stride, ::stride] if match == "stride" else mean_of_cells(x, stride)
        matched.append(linear(f"match{i}", x))
    squeezed = np.maximum(linear("squeeze", sum(matched).mean((1, 2))), 0)
    heads = np.exp(np.stack([linear(f"select{i}", squeezed) for i in (1, 2, 3)]))
    weights = heads / heads.sum(0)
    expected = sum(w[:, None, None] * x for w, x in zip(weights, matched, strict=True))
    np.testing.assert_allclose(out["weights"], weights.swapaxes(0, 1), rtol=1e-4)
    np.testing.assert_allclose(out["weights"].sum(1), 1, rtol=1e-6)
    np.testing.assert_allclose(out["fused"], expected, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(fused, expected.mean((1, 2)), rtol=1e-4, atol=1e-5)


def test_regressor_reads_the_fused_and_the_global_features():
    variables, apply = applied()
    prediction, out = apply(variables, IMAGE)
    features = np.concatenate([out["fused"].mean((1, 2)), out["info_global"].mean((1, 2))], -1)
    np.testing.assert_allclose(out["features"], features, rtol=1e-5, atol=1e-6)
    hidden, score = (variables["params"][name] for name in ("hidden", "score"))
    x = features @ hidden["kernel"] + hidden["bias"]
    x = np.where(x > 0, x, 0.01 * x)
    expected = (x @ score["kernel"] + score["bias"])[:, 0]
    np.testing.assert_allclose(prediction, expected, rtol=1e-4, atol=1e-5)


def test_semantic_pools_the_four_stages():
    variables, apply = applied("semantic")
    _, out = apply(variables, IMAGE)
    pooled = [out[f"stage{i}"].mean((1, 2)) for i in (1, 2, 3, 4)]
    np.testing.assert_allclose(out["features"], np.concatenate(pooled, -1), rtol=1e-4, atol=1e-6)


def test_batch_order_and_company_never_change_a_score():
    variables, apply = applied()
    score, _ = apply(variables, IMAGE)
    other, _ = apply(variables, np.stack([IMAGE[2], np.ones_like(IMAGE[0]), IMAGE[0]]))
    np.testing.assert_allclose(other[::2], score[::-2], rtol=1e-5, atol=1e-6)
    assert np.ptp(score) > 1e-6


def test_bfloat16_stays_near_float32():
    variables, apply = applied()
    _, half = applied(dtype="bfloat16")
    (expected, maps), (got, half_maps) = apply(variables, IMAGE), half(variables, IMAGE)
    assert got.dtype == jnp.float32
    assert half_maps["info1"].dtype == half_maps["fused"].dtype == jnp.bfloat16
    assert half_maps["weights"].dtype == jnp.float32
    error = np.linalg.norm(half_maps["features"] - maps["features"])
    assert error < 0.02 * np.linalg.norm(maps["features"])
    assert np.linalg.norm(got - expected) < 0.05 * np.linalg.norm(expected)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"variant": "best"}, "variant: found 'best', expected .*resnet50, semantic, vision"),
        ({"match": "max"}, "match: found 'max', expected one of stride, mean"),
    ],
)
def test_unknown_choices_are_named(options, message):
    model = IQANRTL(**options, backbone=SHALLOW)
    with pytest.raises(InputError, match=message):
        jax.eval_shape(model.init, jax.random.key(0), IMAGE)
