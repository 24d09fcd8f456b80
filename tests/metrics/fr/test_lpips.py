import jax
import jax.numpy as jnp
import numpy as np
import photos
import pytest

import jiqa
from jiqa.errors import InputError
from jiqa.metrics.fr import lpips

# The authors' package, lpips 0.1.4, normalize=True, with the shared weights, on the crops' top left
# 96 x 128 pixels.
EXPECTED = {
    "lpips": {"astronaut/jpeg": 0.1021514, "coffee/blur": 0.1698909, "chelsea/noise": 0.1416413},
    "lpips.vgg": {
        "astronaut/jpeg": 0.3641137,
        "coffee/blur": 0.1878575,
        "chelsea/noise": 0.2553365,
    },
}
FILES = {"lpips": "alexnet_conv.npz", "lpips.vgg": "vgg16_conv.npz"}


@pytest.mark.parametrize("name", EXPECTED)
def test_scores_are_those_of_the_authors_package(name, shared):
    weights = shared / "weights"
    metric = jiqa.create_metric(name, [weights / FILES[name], weights / "lpips_linear.npz"])
    pairs = [[x[:96, :128] for x in photos.recipe(recipe)] for recipe in EXPECTED[name]]
    images = [np.stack(side) for side in zip(*pairs, strict=True)]
    np.testing.assert_allclose(metric(*images), [*EXPECTED[name].values()], rtol=1e-4)


def _tensors(layout):
    """Random AlexNet and linear weights, the same values in either layout."""
    rng = np.random.default_rng(0)
    tensors, inputs = {}, 3
    sizes = ((64, 11), (192, 5), (384, 3), (256, 3), (256, 3))
    for i, ((features, size), place) in enumerate(zip(sizes, (0, 3, 6, 8, 10), strict=True)):
        kernel = rng.normal(size=(size, size, inputs, features)).astype(np.float32)
        bias = rng.normal(size=features).astype(np.float32)
        linear = rng.uniform(size=features).astype(np.float32)
        if layout == "torchvision":
            tensors[f"features.{place}.weight"] = kernel.transpose(3, 2, 0, 1)
            tensors[f"features.{place}.bias"] = bias
            tensors[f"lin{i}.model.1.weight"] = linear.reshape(1, -1, 1, 1)
        else:
            tensors[f"conv{i + 1}/kernel"], tensors[f"conv{i + 1}/bias"] = kernel, bias
            tensors[f"alexnet/lin{i}/kernel"] = linear.reshape(1, 1, -1, 1)
        inputs = features
    return tensors


def test_both_layouts_of_weights_are_the_same(tmp_path):
    loaded = {}
    for layout in ("torchvision", "ours"):
        tensors = _tensors(layout)
        convolutions = {k: v for k, v in tensors.items() if "lin" not in k}
        np.savez(tmp_path / "net.npz", **convolutions, **{"classifier.1.weight": np.zeros(2)})
        np.savez(tmp_path / "lin.npz", **{k: v for k, v in tensors.items() if "lin" in k})
        loaded[layout] = lpips.load_alex([tmp_path / "net.npz", tmp_path / "lin.npz"])
    jax.tree.map(np.testing.assert_array_equal, *loaded.values())
    together = lpips.load_alex(f"{tmp_path / 'net.npz'},{tmp_path / 'lin.npz'}")
    jax.tree.map(np.testing.assert_array_equal, together, loaded["ours"])


def test_the_distance_is_that_of_unit_features(monkeypatch):
    """By hand: two layers of 2 channels, of which one pixel of the second differs."""

    class Network:
        def __init__(self, preprocess):
            pass

        def apply(self, variables, x, attend):
            a = jnp.zeros((2, 1, 2, 2)).at[:, :, :, 0].set(3.0)
            return None, {"first": a, "second": a.at[1, 0, 0].set(jnp.array([0.0, 5.0]))}

    monkeypatch.setitem(lpips.NETWORKS, "hand", Network)
    monkeypatch.setitem(lpips.LAYERS, "hand", {"first": 2, "second": 2})
    linear = {"first": jnp.array([7.0, 7.0]), "second": jnp.array([0.5, 0.25])}
    images = jnp.zeros((1, 4, 4, 3)), jnp.ones((1, 4, 4, 3))
    score = lpips.lpips(*images, params={"network": {}, "linear": linear}, network="hand")
    np.testing.assert_allclose(score, [(0.5 + 0.25) / 2], rtol=1e-6)  # over 2 positions


def test_missing_weights_are_named_in_one_line(tmp_path):
    with pytest.raises(
        InputError, match="params: found none, expected files of alexnet's"
    ) as error:
        jiqa.create_metric("lpips")
    assert "\n" not in str(error.value)
    tensors = _tensors("ours")
    del tensors["conv3/bias"]
    tensors["alexnet/lin1/kernel"] = np.zeros((1, 1, 5, 1))
    np.savez(tmp_path / "net.npz", **tensors)
    with pytest.raises(InputError, match=r"net.npz: tensor 'alexnet/lin1/kernel': found shape"):
        lpips.load_alex(tmp_path / "net.npz")
    tensors["alexnet/lin1/kernel"] = np.zeros((1, 1, 192, 1))
    np.savez(tmp_path / "net.npz", **tensors)
    with pytest.raises(
        InputError, match=r"net.npz: tensor 'conv3/bias' is missing, expected shape"
    ):
        lpips.load_alex(tmp_path / "net.npz")
    with pytest.raises(
        InputError, match=r"net.npz: tensor 'vgg16/lin0/kernel'|'lin0.model.1.weight'"
    ):
        lpips.load_vgg(tmp_path / "net.npz")
