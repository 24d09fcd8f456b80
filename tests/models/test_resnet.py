import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import resnet_reference as reference

from jiqa import models
from jiqa.errors import InputError
from jiqa.models.resnet import ResNet
from jiqa.weights.resnet import ARCHITECTURES

NARROW = {"stage_sizes": (2, 1, 1, 1), "width": 4, "preprocess": "unit"}
IMAGE = np.random.default_rng(0).uniform(size=(3, 45, 70, 3)).astype(np.float32)


@functools.cache
def applied(train=False, **options):
    """A narrow model's variables and its compiled forward pass (out, new statistics)."""
    model = ResNet(**{**NARROW, **options})

    def apply(variables, image):
        (features, out), new = model.apply(variables, image, train, mutable=["batch_stats"])
        return {"features": features, **out}, new["batch_stats"]

    return reference.random_variables(model, IMAGE), jax.jit(apply)


def layer(variables, stage, block, part):
    """What the reference asks for, from our variables."""
    prefix = "shortcut_" if part == "shortcut" else ""
    index = "" if part == "shortcut" else part
    scope = (f"stage{stage}_block{block}",) if stage else ()
    params, stats = variables["params"], variables["batch_stats"]
    for name in scope:
        params, stats = params[name], stats[name]
    bn = f"{prefix}bn{index}"
    return (
        params[f"{prefix}conv{index}"]["kernel"],
        0.0,
        params[bn]["scale"],
        params[bn]["bias"],
        stats[bn]["mean"],
        stats[bn]["var"],
    )


@pytest.mark.parametrize(("stride_in_1x1", "epsilon"), [(False, 1e-5), (True, 1e-3)])
def test_forward_is_the_references(stride_in_1x1, epsilon):
    variables, apply = applied(stride_in_1x1=stride_in_1x1, bn_epsilon=epsilon, num_classes=7)
    out, _ = apply(variables, IMAGE)
    maps = reference.forward(
        IMAGE,
        functools.partial(layer, variables),
        NARROW["stage_sizes"],
        stride_in_1x1=stride_in_1x1,
        epsilon=epsilon,
    )
    for stage, expected in enumerate(maps, start=1):
        np.testing.assert_allclose(out[f"stage{stage}"], expected, rtol=1e-4, atol=1e-4)
    pooled = maps[-1].mean((1, 2))
    np.testing.assert_allclose(out["features"], pooled, rtol=1e-4, atol=1e-4)
    fc = variables["params"]["fc"]
    np.testing.assert_allclose(out["logits"], pooled @ fc["kernel"] + fc["bias"], atol=1e-3)


@pytest.mark.parametrize(
    ("architecture", "count"),  # published by torchvision
    [("resnet50", 25_557_032), ("resnet101", 44_549_160), ("resnet152", 60_192_808)],
)
def test_parameter_counts_are_the_published_ones(architecture, count):
    model = ResNet(**ARCHITECTURES[architecture], num_classes=1000)
    shapes = jax.eval_shape(model.init, jax.random.key(0), jnp.zeros((1, 64, 64, 3)))
    assert sum(leaf.size for leaf in jax.tree.leaves(shapes["params"])) == count


@pytest.mark.parametrize(
    ("image", "maps"),
    [
        ((224, 224), [(56, 56, 256), (28, 28, 512), (14, 14, 1024), (7, 7, 2048)]),
        ((64, 64), [(16, 16, 256), (8, 8, 512), (4, 4, 1024), (2, 2, 2048)]),
        ((225, 97), [(57, 25, 256), (29, 13, 512), (15, 7, 1024), (8, 4, 2048)]),
    ],
)
@pytest.mark.parametrize("stride_in_1x1", [False, True])
def test_shapes_of_the_stages(image, maps, stride_in_1x1):
    model = ResNet(stage_sizes=(2, 1, 1, 1), stride_in_1x1=stride_in_1x1)
    x = jnp.zeros((1, *image, 3))
    (features, out), _ = jax.eval_shape(model.init_with_output, jax.random.key(0), x)
    assert features.shape == (1, 2048)
    assert [out[f"stage{i}"].shape[1:] for i in (1, 2, 3, 4)] == maps
    assert "logits" not in out


def test_training_updates_the_running_statistics():
    variables, apply = applied(train=True)
    _, new = apply(variables, IMAGE)
    x = reference.convolve(IMAGE, variables["params"]["conv1"]["kernel"], 2)
    old = variables["batch_stats"]["bn1"]
    for name, batch in (("mean", x.mean((0, 1, 2))), ("var", x.var((0, 1, 2)))):
        expected = 0.9 * old[name] + 0.1 * batch
        np.testing.assert_allclose(new["bn1"][name], expected, rtol=1e-4, atol=1e-5)


def test_frozen_batch_norm_trains_as_it_evaluates():
    variables, evaluate = applied()
    _, train = applied(train=True, frozen_bn=True)
    (expected, _), (got, stats) = evaluate(variables, IMAGE), train(variables, IMAGE)
    jax.tree.map(np.testing.assert_array_equal, got, expected)
    jax.tree.map(np.testing.assert_array_equal, stats, variables["batch_stats"])


@pytest.mark.parametrize("frozen", [2, 5])
def test_frozen_parts_get_no_gradient_and_keep_their_statistics(frozen):
    model = ResNet(**{**NARROW, "stage_sizes": (1, 1, 1, 1)}, frozen_stages=frozen)
    variables = reference.random_variables(model, IMAGE)

    def loss(params):
        image = IMAGE[:1]
        inputs = {**variables, "params": params}
        (_, out), new = model.apply(inputs, image, True, mutable=["batch_stats"])
        return sum((out[name] ** 2).sum() for name in out), new["batch_stats"]

    gradient, stats = jax.jit(jax.grad(loss, has_aux=True))(variables["params"])
    for name, tree in gradient.items():
        part = int(name[5]) if name.startswith("stage") else 0
        moves = [bool(np.any(leaf)) for leaf in jax.tree.leaves(tree)]
        assert not any(moves) if part < frozen else all(moves), name
    for name, tree in stats.items():
        part = int(name[5]) if name.startswith("stage") else 0
        same = jax.tree.map(np.array_equal, tree, variables["batch_stats"][name])
        assert all(jax.tree.leaves(same)) == (part < frozen), name


def test_a_score_depends_on_its_own_image_only():
    variables, apply = applied(stride_in_1x1=False, bn_epsilon=1e-5, num_classes=7)
    out, _ = apply(variables, IMAGE)
    other, _ = apply(variables, np.stack([IMAGE[2], np.zeros_like(IMAGE[0]), IMAGE[0]]))
    np.testing.assert_allclose(other["logits"][::2], out["logits"][::-2], rtol=1e-5, atol=1e-5)


def test_bfloat16_stays_near_float32():
    variables, full = applied()
    _, half = applied(dtype="bfloat16")
    (expected, _), (got, _) = full(variables, IMAGE), half(variables, IMAGE)
    assert got["stage4"].dtype == jnp.bfloat16
    assert got["features"].dtype == jnp.float32
    error = np.linalg.norm(got["features"] - expected["features"])
    assert error < 0.02 * np.linalg.norm(expected["features"])
    model = ResNet(**NARROW, dtype="bfloat16")
    shapes = jax.eval_shape(model.init, jax.random.key(0), IMAGE)
    assert {leaf.dtype for leaf in jax.tree.leaves(shapes)} == {np.dtype("float32")}


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("resnet18", {}, "model: found 'resnet18', expected one of dt_gan, iqa_nrtl, mt_irn"),
        ("resnet", {"depth": 50}, "resnet.depth: no such option, expected stage_sizes, width"),
        ("resnet", {"dtype": "int8"}, "resnet.dtype: found 'int8', expected one of float32"),
        ("iqa_nrtl", {"backbone": {"width": 8}}, "iqa_nrtl.backbone: found no `name`"),
        ("iqa_nrtl", {"backbone": {"name": "vgg19"}}, "model: found 'vgg19'"),
    ],
)
def test_build_names_what_is_wrong(name, options, message):
    with pytest.raises(InputError, match=message):
        models.build(name, **options)


def test_build_makes_the_inner_network():
    inner = {"name": "resnet", "stage_sizes": [1, 1, 1, 1], "width": 8}
    model = models.build("iqa_nrtl", dtype="bfloat16", backbone=inner)
    assert model.backbone == ResNet(stage_sizes=(1, 1, 1, 1), width=8, dtype="bfloat16")
    assert models.build("iqa_nrtl", dtype="bfloat16").backbone == ResNet(dtype="bfloat16")


def test_a_single_image_without_batch_is_refused():
    with pytest.raises(InputError, match=r"image: found shape \[8, 8, 3\], expected \[b, h, w, 3"):
        ResNet().init(jax.random.key(0), jnp.zeros((8, 8, 3)))
