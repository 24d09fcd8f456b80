"""VGG-16 in the published layouts, written here from random tensors, and the real weights."""

import functools

import jax
import numpy as np
import pytest

from jiqa import weights
from jiqa.errors import InputError
from jiqa.models.vgg import VGG
from jiqa.weights.vgg import ARCHITECTURES

WIDTH, DENSE, CLASSES = 2, 6, 5
# Of each convolution: our name, torchvision's index in `features`, Keras' name.
CONVOLUTIONS = (
    ("conv1_1", 0, "block1_conv1"),
    ("conv1_2", 2, "block1_conv2"),
    ("conv2_1", 5, "block2_conv1"),
    ("conv2_2", 7, "block2_conv2"),
    ("conv3_1", 10, "block3_conv1"),
    ("conv3_2", 12, "block3_conv2"),
    ("conv3_3", 14, "block3_conv3"),
    ("conv4_1", 17, "block4_conv1"),
    ("conv4_2", 19, "block4_conv2"),
    ("conv4_3", 21, "block4_conv3"),
    ("conv5_1", 24, "block5_conv1"),
    ("conv5_2", 26, "block5_conv2"),
    ("conv5_3", 28, "block5_conv3"),
)
DENSE_LAYERS = (("fc6", 0, "fc1"), ("fc7", 3, "fc2"), ("fc8", 6, "predictions"))
CHANNELS = [3, *(WIDTH * n for n in (1, 1, 2, 2, 4, 4, 4, 8, 8, 8, 8, 8, 8))]
IMAGE = np.random.default_rng(0).uniform(size=(1, 224, 224, 3)).astype(np.float32)


@pytest.fixture(autouse=True)
def _tiny(monkeypatch):
    tiny = {"width": WIDTH, "dense": DENSE, "classes": CLASSES}
    monkeypatch.setitem(ARCHITECTURES, "vgg16", tiny)


@functools.cache
def torchvision():
    """A random state dict; the rows of `classifier.0` go through channels, then rows, columns."""
    rng = np.random.default_rng(1)
    state = {}

    def add(name, shape):
        scale = np.sqrt(2 / np.prod(shape[1:]))
        state[f"{name}.weight"] = rng.normal(size=shape).astype(np.float32) * scale
        state[f"{name}.bias"] = rng.normal(size=shape[0]).astype(np.float32) * 0.1

    for i, (_, index, _) in enumerate(CONVOLUTIONS):
        add(f"features.{index}", (CHANNELS[i + 1], CHANNELS[i], 3, 3))
    sizes = (49 * CHANNELS[-1], DENSE, DENSE, CLASSES)
    for i, (_, index, _) in enumerate(DENSE_LAYERS):
        add(f"classifier.{index}", (sizes[i + 1], sizes[i]))
    return {name: np.float32(value) for name, value in state.items()}


def channels_last(ours):
    """The same network in Keras' names, or in ours: HWIO, a map's channels last in its rows."""
    state, tensors = torchvision(), {}
    for our, index, keras in CONVOLUTIONS:
        name, source = (our if ours else keras), f"features.{index}"
        tensors[f"{name}/kernel"] = np.einsum("oihw->hwio", state[f"{source}.weight"])
        tensors[f"{name}/bias"] = state[f"{source}.bias"]
    for our, index, keras in DENSE_LAYERS:
        name, kernel = (our if ours else keras), state[f"classifier.{index}.weight"].T
        if our == "fc6":
            by_place = kernel.reshape(CHANNELS[-1], 7, 7, DENSE)
            places = [by_place[:, i, j] for i in range(7) for j in range(7)]
            kernel = np.concatenate(places)
        tensors[f"{name}/kernel"] = kernel
        tensors[f"{name}/bias"] = state[f"classifier.{index}.bias"]
    return tensors


def load(path, tensors, **options):
    np.savez(path, **tensors)
    return weights.load(path, **options)


@pytest.fixture(scope="module")
def applied(tmp_path_factory):
    """What the imported network says of the image."""
    with pytest.MonkeyPatch.context() as patch:
        tiny = {"width": WIDTH, "dense": DENSE, "classes": CLASSES}
        patch.setitem(ARCHITECTURES, "vgg16", tiny)
        imported = load(tmp_path_factory.mktemp("a") / "a.npz", torchvision(), dense=True)
    assert imported.options == {"preprocess": "imagenet", "dense": DENSE, "classes": CLASSES}
    model = VGG(width=WIDTH, **imported.options)
    return jax.jit(model.apply)(imported.variables, IMAGE)[1]


def test_fc6_takes_torchvisions_rows_from_a_map_with_channels_last(applied):
    state = torchvision()
    last = np.asarray(applied["conv5_3"], np.float64)[0].reshape(7, 2, 7, 2, -1).max((1, 3))
    x = np.einsum("hwc->chw", last).reshape(-1)
    for name, index, _ in DENSE_LAYERS:
        x = state[f"classifier.{index}.weight"] @ x + state[f"classifier.{index}.bias"]
        x = x if name == "fc8" else np.maximum(x, 0)
        got = applied["logits" if name == "fc8" else name][0]
        np.testing.assert_allclose(got, x, rtol=1e-4, atol=1e-4 * np.abs(x).max())
    assert np.ptp(x) > 0


def test_the_whole_network_is_at_parity_with_pytorch(applied):
    torch = pytest.importorskip("torch")
    functional = torch.nn.functional
    state = {name: torch.from_numpy(value) for name, value in torchvision().items()}
    mean, deviation = np.float32([0.485, 0.456, 0.406]), np.float32([0.229, 0.224, 0.225])
    x = torch.from_numpy((IMAGE - mean) / deviation).permute(0, 3, 1, 2)
    for name, index, _ in CONVOLUTIONS:
        if name in ("conv2_1", "conv3_1", "conv4_1", "conv5_1"):
            x = functional.max_pool2d(x, 2)
        kernel, bias = state[f"features.{index}.weight"], state[f"features.{index}.bias"]
        x = functional.conv2d(x, kernel, bias, padding=1).relu()
    x = functional.max_pool2d(x, 2).flatten(1)
    for name, index, _ in DENSE_LAYERS:
        kernel, bias = state[f"classifier.{index}.weight"], state[f"classifier.{index}.bias"]
        x = functional.linear(x, kernel, bias)
        x = x if name == "fc8" else x.relu()
    expected = x.numpy()
    scale = np.abs(expected).max()
    np.testing.assert_allclose(applied["logits"], expected, rtol=1e-4, atol=1e-4 * scale)


@pytest.mark.parametrize(("ours", "preprocess"), [(True, "imagenet"), (False, "caffe")])
def test_the_other_layouts_give_the_same_parameters(tmp_path, ours, preprocess):
    expected = load(tmp_path / "a.npz", torchvision(), dense=True)
    for option in ("dense", "classes"):
        found = load(tmp_path / "b.npz", channels_last(ours), **{option: True})
        assert found.options == {**expected.options, "preprocess": preprocess}
        jax.tree.map(np.testing.assert_array_equal, found.params, expected.params)


def test_dense_layers_are_dropped_unless_asked_for(tmp_path):
    for tensors in (torchvision(), channels_last(True), channels_last(False)):
        imported = load(tmp_path / "a.npz", tensors, architecture="vgg16")
        assert list(imported.params) == [name for name, _, _ in CONVOLUTIONS]
        assert list(imported.options) == ["preprocess"]
        assert imported.batch_stats == {}


def changed(name, value):
    state = dict(torchvision())
    if value is None:
        del state[name]
    else:
        state[name] = value
    return state


NAME = "features.7.weight"


@pytest.mark.parametrize(
    ("tensors", "message"),
    [
        (changed(NAME, None), rf"'{NAME}' is missing, expected shape \[4, 4, 3, 3\]"),
        (changed(NAME, np.zeros((3, 3))), rf"'{NAME}': found shape \[3, 3\], expected"),
        (changed("features.30.weight", np.zeros(2)), "'features.30.weight' is spare"),
        (changed("classifier.3.bias", np.full(DENSE, np.nan)), "'classifier.3.bias': found NaN"),
        (changed("classifier.6.weight", None), "'classifier.6.weight' is missing"),
        (
            {name: value for name, value in torchvision().items() if "features" in name},
            r"found convolutions alone, .* whole VGG-16 \('classifier.0.weight' and on\)",
        ),
        ({"layer9.weight": np.zeros(2)}, r"\['layer9.weight'\], expected a ResNet's or a VGG-16's"),
        ({"conv1.weight": np.zeros(2)}, "found a ResNet, expected a VGG-16"),
    ],
)
def test_a_wrong_file_is_named(tmp_path, tensors, message):
    with pytest.raises(InputError, match=rf"a\.npz: .*{message}") as caught:
        load(tmp_path / "a.npz", tensors, dense=True)
    assert "\n" not in str(caught.value)


def test_the_real_convolutions_are_recognised(shared, monkeypatch):
    path = shared / "weights" / "vgg16_conv.npz"
    monkeypatch.setitem(ARCHITECTURES, "vgg16", {"width": 64, "dense": 4096, "classes": 1000})
    imported = weights.load(path)
    assert imported.options == {"preprocess": "imagenet"}
    assert sum(x.size for x in jax.tree.leaves(imported.params)) == 14_714_688
    stored = np.load(path)
    np.testing.assert_array_equal(imported.params["conv4_2"]["kernel"], stored["conv4_2/kernel"])
    with pytest.raises(InputError, match="found convolutions alone"):
        weights.load(path, dense=True)
