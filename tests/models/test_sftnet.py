"""SFTnet: the SDA block worked out in NumPy, its weights alive, the plain VGG without it."""

import itertools

import fresh
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from scipy import ndimage, special

from jiqa import models, weights
from jiqa.errors import InputError
from jiqa.models.sftnet import SDA, SFTnet
from jiqa.models.vgg import VGG

BACKBONE = VGG(width=2, dense=8, dropout=0.0)
TINY = SFTnet(BACKBONE)


def initial_block(map):
    return jax.jit(SDA("float32").init)(jax.random.key(0), map)


@pytest.fixture(scope="module")
def images():
    """Noise of four strengths on four ramps, 32x32."""
    rng = np.random.default_rng(0)
    ramp = np.linspace(0, 1, 32)[:, None, None] * rng.uniform(0.2, 1, (4, 1, 1, 3))
    noise = np.array([0, 0.1, 0.3, 0.6]).reshape(4, 1, 1, 1) * rng.normal(size=(4, 32, 32, 3))
    return np.clip(ramp + noise, 0, 1).astype(np.float32)


@pytest.fixture(scope="module")
def variables(images):
    """Those of a fresh SDA block, in a network drawn by NumPy."""
    params = fresh.variables(TINY, images)["params"]
    return {"params": {**params, "sda": initial_block(jnp.zeros((1, 2, 2, 16)))["params"]}}


apply = jax.jit(TINY.apply)


def test_the_block_is_that_worked_out_by_hand():
    rng = np.random.default_rng(0)
    b, h, w, c = 2, 5, 4, 3
    x = rng.normal(size=(b, h, w, c))
    layers = {
        name: {"kernel": rng.normal(size=shape), "bias": rng.normal(size=c)}
        for name, shape in {
            "depthwise1": (3, 3, 1, c),
            "depthwise2": (3, 3, 1, c),
            "pointwise": (1, 1, c, c),
            "dense": (c, c),
        }.items()
    }
    params = jax.tree.map(np.float32, layers)
    got = jax.jit(SDA("float32").apply)({"params": params}, np.float32(x))
    for i in range(b):
        maps = x[i]
        for name in ("depthwise1", "depthwise2"):
            kernel, bias = layers[name]["kernel"], layers[name]["bias"]
            filtered = [
                ndimage.correlate(maps[..., k], kernel[:, :, 0, k], mode="constant") + bias[k]
                for k in range(c)
            ]
            maps = np.stack(filtered, axis=-1)
        maps = maps @ layers["pointwise"]["kernel"][0, 0] + layers["pointwise"]["bias"]
        z = maps.max((0, 1)) @ layers["dense"]["kernel"] + layers["dense"]["bias"]
        np.testing.assert_allclose(got[i], special.expit(np.maximum(z, 0)), rtol=1e-5)
    assert 0 < (got > 0.5).sum() < got.size


def test_the_maps_are_weighed_and_the_rest_of_vgg_stands_on_them(variables, images):
    prediction, out = apply(variables, images)
    assert (prediction.shape, prediction.dtype) == ((4,), jnp.float32)
    np.testing.assert_array_equal(out["map"], out["conv5_3"])
    out = {name: np.asarray(x, np.float64) for name, x in out.items()}
    attended = np.einsum("bhwc,bc->bhwc", out["map"], out["weights"])
    np.testing.assert_allclose(out["attended"], attended, rtol=1e-5)
    params = variables["params"]
    x = attended.reshape(4, 1, 2, 1, 2, 16).max((2, 4)).reshape(4, -1)
    for layer in (params["backbone"]["fc6"], params["backbone"]["fc7"]):
        x = np.maximum(x @ np.asarray(layer["kernel"]) + np.asarray(layer["bias"]), 0)
    np.testing.assert_allclose(out["fc7"], x, rtol=1e-4, atol=1e-6)
    head = params["head"]
    x = x @ np.asarray(head["kernel"]) + np.asarray(head["bias"])
    np.testing.assert_allclose(prediction, x[:, 0], rtol=1e-4, atol=1e-6)


def alive(found):
    """The weights are in range, and differ between channels and between images."""
    found = np.asarray(found, np.float64)
    assert 0.5 <= found.min() < found.max() < 1
    assert (found > 0.5).mean() > 0.5
    assert found.std(axis=1).min() > 1e-3
    assert found.std(axis=0).max() > 1e-3


def test_weights_are_alive_before_and_after_training(variables, images):
    alive(apply(variables, images)[1]["weights"])
    optimiser = optax.sgd(1e-2, momentum=0.9)

    @jax.jit
    def update(params, state):
        def loss(params):
            return jnp.square(TINY.apply({"params": params}, images)[0] - target).mean()

        value, grads = jax.value_and_grad(loss)(params)
        updates, state = optimiser.update(grads, state)
        return optax.apply_updates(params, updates), state, value, grads

    target = jnp.array([0.9, 0.7, 0.4, 0.1])
    params, state = variables["params"], optimiser.init(variables["params"])
    losses = []
    for _ in range(20):
        params, state, value, grads = update(params, state)
        losses.append(float(value))
    assert losses[-1] < 0.5 * losses[0]
    assert all(np.abs(grads["sda"][name]["kernel"]).max() > 0 for name in grads["sda"])
    moved = jax.tree.map(
        lambda a, b: np.abs(a - b).max(), params["sda"], variables["params"]["sda"]
    )
    assert min(moved[name]["kernel"] for name in moved) > 0
    alive(apply({"params": params}, images)[1]["weights"])


def test_weights_of_a_pretrained_network_are_alive(shared):
    """What the real conv5_3 gives of photographs passes a fresh block."""
    data = pytest.importorskip("skimage.data")
    imported = weights.load(shared / "weights" / "vgg16_conv.npz")
    photographs = np.stack([data.chelsea()[:96, :96], data.astronaut()[:96, 100:196]])
    _, out = jax.jit(VGG(**imported.options).apply)(imported.variables, photographs)
    v = out["conv5_3"]
    found = jax.jit(SDA("float32").apply)(initial_block(v), v)
    alive(found)
    assert (np.asarray(found) > 0.5).mean() > 0.9


def test_parameter_count_is_that_by_hand():
    block = 2 * (9 * 512 + 512) + 2 * (512 * 512 + 512)
    for attention, outputs in itertools.product((True, False), (1, 3)):
        model = SFTnet(attention=attention, outputs=outputs)
        shapes = jax.eval_shape(model.init, jax.random.key(0), jnp.zeros((1, 224, 224, 3)))
        count = sum(leaf.size for leaf in jax.tree.leaves(shapes))
        vgg = 138_357_544 - 4097 * 1000  # torchvision's, less its last layer
        assert count == vgg + attention * block + 4097 * outputs
        parts = {"backbone", "head"} | ({"sda"} if attention else set())
        assert set(shapes["params"]) == parts


def test_without_attention_it_is_the_plain_vgg(variables, images):
    params = {name: x for name, x in variables["params"].items() if name != "sda"}
    prediction, out = jax.jit(SFTnet(BACKBONE, attention=False).apply)({"params": params}, images)
    assert "weights" not in out
    plain = VGG(width=2, dense=8, classes=1)
    as_classes = {**params["backbone"], "fc8": params["head"]}
    _, expected = jax.jit(plain.apply)({"params": as_classes}, images)
    np.testing.assert_allclose(prediction, expected["logits"][:, 0], rtol=1e-5, atol=1e-7)
    attended, _ = apply(variables, images)
    assert not np.allclose(prediction, attended, rtol=1e-3)


def test_order_and_padding_of_a_batch_do_not_change_a_score(variables, images):
    prediction, _ = apply(variables, images)
    reversed_, _ = apply(variables, images[::-1])
    padded, _ = apply(variables, np.concatenate([images[:2], np.zeros_like(images[:2])]))
    np.testing.assert_allclose(reversed_[::-1], prediction, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(padded[:2], prediction[:2], rtol=1e-5, atol=1e-6)


def test_levels_dtype_place_and_dense_layers_are_options(images):
    options = {"name": "vgg", "width": 2}
    model = models.build("sftnet", dtype="bfloat16", outputs=3, after="conv4_3", backbone=options)
    shapes = jax.eval_shape(model.init, jax.random.key(0), images)
    assert {leaf.dtype for leaf in jax.tree.leaves(shapes)} == {np.dtype("float32")}
    logits, out = jax.eval_shape(model.apply, shapes, images)
    found = [(x.shape, x.dtype) for x in (logits, out["map"], out["weights"])]
    expected = [((4, 3), jnp.float32), ((4, 4, 4, 16), jnp.bfloat16), ((4, 16), jnp.float32)]
    assert found == expected
    assert shapes["params"]["head"]["kernel"].shape == (16, 3)  # on the pooled map, dense 0
    assert models.build("sftnet").backbone == VGG(dense=4096)


def test_an_unknown_place_is_refused(images):
    model = SFTnet(BACKBONE, after="conv6_1")
    with pytest.raises(InputError, match="after: found 'conv6_1', expected one of conv1_1"):
        jax.eval_shape(model.init, jax.random.key(0), images)
