import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import linen as nn
from resnet_reference import random_variables

from jiqa import models
from jiqa.errors import InputError
from jiqa.models.mt_irn import MTIRN, VARIANTS, Fusion
from jiqa.models.resnet import ResNet
from jiqa.models.unet import UNet

RNG = np.random.default_rng(0)
IMAGE = RNG.uniform(size=(3, 32, 32, 3)).astype(np.float32)
SHALLOW = ResNet(stage_sizes=(1, 1, 1, 1))  # its stages have ResNet-50's shapes
NARROW = {"name": "resnet", "stage_sizes": (1, 1, 1, 1), "width": 4}


def conv(size, inputs, outputs):
    return size * size * inputs * outputs + outputs


def down(inputs, outputs):
    return conv(3, inputs, outputs) + conv(3, outputs, outputs) + conv(1, inputs, outputs)


def sizes(tree):
    return sum(leaf.size for leaf in jax.tree.leaves(tree))


# Table 1: module -> (shape of its output at 224x224, number of its parameters).
TABLE_1 = {
    "e1": ((224, 224, 16), conv(3, 3, 16)),
    "e2": ((224, 224, 16), 2 * conv(3, 16, 16)),
    "e3": ((112, 112, 32), down(16, 32)),
    "e4": ((56, 56, 64), down(32, 64)),
    "e5": ((28, 28, 128), down(64, 128)),
    "e6": ((14, 14, 256), down(128, 256)),
    "d1": ((28, 28, 128), conv(3, 256, 128)),
    "d2": ((56, 56, 64), conv(3, 256, 64)),
    "d3": ((112, 112, 32), conv(3, 128, 32)),
    "d4": ((224, 224, 16), conv(3, 64, 16)),
    "d5": ((224, 224, 3), conv(3, 16, 3)),
    "d6": ((224, 224), conv(3, 16, 1)),
}
NAMES = {"e6": "f3", "d1": "f2", "d2": "f1", "d5": "restored", "d6": "ssim_map"}


@pytest.mark.parametrize("multitask", [True, False])
def test_the_restorer_is_table_1(multitask):
    model = UNet(multitask=multitask)
    image = jnp.zeros((2, 224, 224, 3))
    (restored, out), variables = jax.eval_shape(model.init_with_output, jax.random.key(0), image)
    expected = {name: row for name, row in TABLE_1.items() if multitask or name != "d6"}
    assert set(variables["params"]) == set(expected)
    assert set(out) == {NAMES.get(name, name) for name in expected}
    for name, (shape, count) in expected.items():
        assert out[NAMES.get(name, name)].shape == (2, *shape)
        assert sizes(variables["params"][name]) == count
    assert restored.shape == image.shape
    assert set(variables) == {"params"}


@functools.cache
def restorer():
    model = UNet(width=2, carry=False)
    return random_variables(model, IMAGE), jax.jit(model.apply)


def test_any_size_is_restored_as_its_mirrored_self():
    variables, apply = restorer()
    odd = IMAGE[:1, :27, :21]
    mirrored = np.pad(odd, ((0, 0), (0, 5), (0, 11), (0, 0)), mode="symmetric")
    restored, out = apply(variables, odd)
    whole, _ = apply(variables, mirrored)
    assert restored.shape == odd.shape
    assert out["ssim_map"].shape == (1, 27, 21)
    np.testing.assert_allclose(restored, whole[:, :27, :21], rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("how", [{}, {"multitask": False}, {"residual": True}])
def test_an_untrained_restorer_gives_the_image_back(how):
    model = UNet(width=6, **how)
    odd = jnp.asarray(IMAGE[:1, :27, :21])
    (restored, _), _ = jax.jit(model.init_with_output)(jax.random.key(0), odd)
    np.testing.assert_array_equal(restored, odd)
    with pytest.raises(InputError, match=r"unet.width: found 5, expected at least 6"):
        jax.eval_shape(UNet(width=5).init, jax.random.key(0), odd)


def test_images_are_restored_alone():
    variables, apply = restorer()
    together, _ = apply(variables, IMAGE)
    alone, _ = apply(variables, IMAGE[1:2])
    np.testing.assert_allclose(together[1:2], alone, rtol=1e-5, atol=1e-6)


def attended(c):
    return conv(3, c, 64) + conv(3, c, 64) + conv(3, 64, 64) + conv(1, c, 64) + conv(5, 2, 1)


def fusion(c, d):
    return attended(c) + attended(d) + (c + d) * (c + d + 1)


STAGES, RESTORED = (256, 512, 1024, 2048), (64, 128, 256)
FEATURES = {
    "baseline": sum(STAGES),
    "restoration": sum(STAGES) + sum(RESTORED),
    "difference": sum(STAGES) + sum(RESTORED) + 512,
    "full": sum(STAGES) + sum(RESTORED) + 512,
}


@pytest.mark.parametrize("variant", VARIANTS)
def test_shapes_and_parameters_of_the_score_network(variant):
    model = MTIRN(variant, SHALLOW)
    image = jnp.zeros((2, 224, 224, 3))
    (prediction, out), variables = jax.eval_shape(model.init_with_output, jax.random.key(0), image)
    assert (prediction.shape, prediction.dtype) == ((2,), jnp.float32)
    assert out["features"].shape == (2, FEATURES[variant])
    assert ("restorer" in variables["params"]) == (variant != "baseline")
    own = {k: v for k, v in variables["params"].items() if k not in ("backbone", "restorer")}
    count = conv(1, FEATURES[variant], 512) + conv(1, 512, 1)
    if variant in ("difference", "full"):
        count += conv(1, 2048, 512)
        assert out["difference"].shape == (2, 7, 7, 512)
    if variant != "baseline":
        for i, (side, channels) in enumerate(zip((56, 28, 14), RESTORED, strict=True), start=1):
            assert out[f"f{i}"].shape == (2, side, side, channels)
        assert out["restored"].shape == image.shape
        assert out["ssim_map"].shape == (2, 224, 224)
    if variant == "full":
        count += sum(fusion(c, d) for c, d in zip(RESTORED, STAGES, strict=False))
        for i, side in enumerate((56, 28, 14), start=1):
            channels = RESTORED[i - 1] + STAGES[i - 1]
            assert out[f"fused{i}"].shape == (2, side, side, channels)
            assert out[f"restoration_weight{i}"].shape == (2, side, side, 1)
            assert out[f"content_weight{i}"].shape == (2, side, side, 1)
            assert out[f"channel_weight{i}"].shape == (2, channels)
    assert sizes(own) == count


def test_fusion_is_equations_1_to_3():
    c, d, width = 3, 5, 4
    left, right = (RNG.normal(size=(2, 6, 7, n)).astype(np.float32) for n in (c, d))
    module = Fusion(width, "float32")
    variables = module.init(jax.random.key(1), left, right)
    fused, weights = module.apply(variables, left, right)
    params = jax.tree.map(np.asarray, variables["params"])

    def correlate(x, kernel, bias):
        size = kernel.shape[0]
        x = np.pad(x, ((0, 0), (size // 2,) * 2, (size // 2,) * 2, (0, 0)))
        height, wide = x.shape[1] - size + 1, x.shape[2] - size + 1
        total = bias
        for i in range(size):
            for j in range(size):
                total = total + x[:, i : i + height, j : j + wide] @ kernel[i, j]
        return total

    def attend(x, p):
        def layer(x, name):
            return correlate(x, p[name]["kernel"], p[name]["bias"])

        scales = [layer(x, "conv3"), layer(layer(x, "conv5a"), "conv5b"), layer(x, "conv1")]
        scales = np.concatenate(scales, -1)
        summary = np.stack([scales.max(-1), scales.mean(-1)], -1)
        return x / (1 + np.exp(-layer(summary, "weight")))

    both = np.concatenate(
        [attend(left, params["restoration"]), attend(right, params["content"])], -1
    )
    dense = params["channel"]
    channel = 1 / (1 + np.exp(-(both.mean((1, 2)) @ dense["kernel"] + dense["bias"])))
    np.testing.assert_allclose(weights["channel_weight"], channel, rtol=1e-4)
    np.testing.assert_allclose(fused, both * channel[:, None, None], rtol=1e-4, atol=1e-5)


@functools.cache
def scorer():
    model = models.build(
        "mt_irn", backbone=NARROW, restorer={"name": "unet", "width": 2, "carry": False}, width=4
    )
    apply = jax.jit(model.apply, static_argnames=("train", "mutable"))
    return random_variables(model, IMAGE), apply


def test_batch_order_and_padding_do_not_change_a_score():
    variables, apply = scorer()
    scores, _ = apply(variables, IMAGE)
    reversed_, _ = apply(variables, IMAGE[::-1])
    np.testing.assert_allclose(scores, reversed_[::-1], rtol=1e-5, atol=1e-6)
    padded, _ = apply(variables, np.concatenate([IMAGE[:2], np.zeros_like(IMAGE[:1])]))
    np.testing.assert_allclose(scores[:2], padded[:2], rtol=1e-5, atol=1e-6)


def test_the_difference_is_of_one_backbone_on_image_and_restoration():
    variables, apply = scorer()
    _, out = apply(variables, IMAGE)
    backbone = models.build(**NARROW)
    apart = [
        backbone.apply({k: variables[k]["backbone"] for k in ("params", "batch_stats")}, x)[1]
        for x in (IMAGE, np.clip(out["restored"], 0, 1))
    ]
    reduce = nn.Dense(512)
    expected = reduce.apply(
        {"params": variables["params"]["reduce"]}, apart[0]["stage4"] - apart[1]["stage4"]
    )
    np.testing.assert_allclose(out["difference"], expected, rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize(
    ("options", "shape", "message"),
    [
        ({"variant": "single"}, (1, 32, 32, 3), "variant: found 'single', expected one of base"),
        ({}, (1, 48, 32, 3), r"found shape \[1, 48, 32, 3\], expected .* multiples of 32"),
        ({}, (32, 32, 3), r"found shape \[32, 32, 3\]"),
    ],
)
def test_what_cannot_be_is_named(options, shape, message):
    model = models.build("mt_irn", backbone=NARROW, **options)
    with pytest.raises(InputError, match=message):
        jax.eval_shape(model.init, jax.random.key(0), jnp.zeros(shape))


def test_image_and_pseudo_reference_are_normalised_as_one_batch():
    variables, apply = scorer()
    training = {"train": True, "mutable": ("batch_stats",)}
    (_, out), changed = apply(variables, IMAGE, **training, rngs={"dropout": jax.random.key(0)})
    both = np.concatenate([IMAGE, np.clip(out["restored"], 0, 1)])
    inner = {kind: tree["backbone"] for kind, tree in variables.items()}
    (_, seen), expected = models.build(**NARROW).apply(inner, both, **training)
    np.testing.assert_allclose(out["stage4"], seen["stage4"][: len(IMAGE)], rtol=1e-3, atol=1e-4)
    remembered = changed["batch_stats"]["backbone"]
    leaves = map(jax.tree.leaves, (remembered, expected["batch_stats"]))
    for found, wanted in zip(*leaves, strict=True):
        np.testing.assert_allclose(found, wanted, rtol=1e-3, atol=1e-4)
