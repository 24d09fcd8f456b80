"""Files in the published layouts, written here from random tensors, and the real weights."""

import functools
import sys

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import resnet_reference as reference
from PIL import Image

from jiqa import weights
from jiqa.errors import InputError
from jiqa.models.resnet import ResNet
from jiqa.ops.normalise import normalise
from jiqa.weights.resnet import ARCHITECTURES

STAGE_SIZES, WIDTH = (2, 1, 1, 1), 8
IMAGE = np.random.default_rng(0).uniform(size=(2, 40, 56, 3)).astype(np.float32)


@pytest.fixture(autouse=True)
def _tiny(monkeypatch):
    monkeypatch.setitem(ARCHITECTURES, "tiny", {"stage_sizes": STAGE_SIZES, "width": WIDTH})


def keys(stage_sizes):
    """Every convolution of the network: (stage, block, part), as the reference asks for them."""
    yield 0, 0, 1
    for stage, blocks in enumerate(stage_sizes, start=1):
        for block in range(1, blocks + 1):
            yield from ((stage, block, part) for part in (1, 2, 3))
            if block == 1:
                yield stage, block, "shortcut"


@functools.cache
def network(bias):
    """Random kernel (HWIO), bias, gamma, beta, mean, variance of every convolution, and `fc`."""
    rng = np.random.default_rng(1)
    layers = {}
    for stage, block, part in keys(STAGE_SIZES):
        width = WIDTH * 2 ** max(stage - 1, 0)
        source = WIDTH if stage <= 1 else 2 * width  # channels that the stage's first block gets
        size, inputs, outputs = {
            1: (1, 4 * width if block > 1 else source, width),
            2: (3, width, width),
            3: (1, width, 4 * width),
            "shortcut": (1, source, 4 * width),
        }[part]
        if stage == 0:
            size, inputs, outputs = 7, 3, WIDTH
        kernel = rng.normal(size=(size, size, inputs, outputs)) / np.sqrt(size * size * inputs)
        vectors = [
            rng.normal(size=outputs) * bias,
            rng.uniform(0.5, 1.5, outputs),
            rng.normal(size=outputs) * 0.1,
            rng.normal(size=outputs) * 0.1,
            rng.uniform(0.5, 1.5, outputs),
        ]
        layers[stage, block, part] = [a.astype(np.float32) for a in (kernel, *vectors)]
    layers["fc"] = [
        rng.normal(size=shape).astype(np.float32) * 0.1 for shape in ((32 * WIDTH, 1000), (1000,))
    ]
    return layers


def torchvision(stage, block, part):
    if stage == 0:
        return "conv1", "bn1"
    if part == "shortcut":
        return f"layer{stage}.{block - 1}.downsample.0", f"layer{stage}.{block - 1}.downsample.1"
    return f"layer{stage}.{block - 1}.conv{part}", f"layer{stage}.{block - 1}.bn{part}"


def keras(stage, block, part):
    if stage == 0:
        return "conv1_conv", "conv1_bn"
    name = f"conv{stage + 1}_block{block}_{0 if part == 'shortcut' else part}"
    return f"{name}_conv", f"{name}_bn"


def old_keras(stage, block, part):
    if stage == 0:
        return "conv1", "bn_conv1"
    branch = {1: "2a", 2: "2b", 3: "2c", "shortcut": "1"}[part]
    name = f"{stage + 1}{'abcdef'[block - 1]}_branch{branch}"
    return f"res{name}", f"bn{name}"


def test_the_names_used_here_are_the_published_ones():
    assert torchvision(2, 4, 3) == ("layer2.3.conv3", "layer2.3.bn3")
    assert torchvision(1, 1, "shortcut") == ("layer1.0.downsample.0", "layer1.0.downsample.1")
    assert keras(4, 3, 2) == ("conv5_block3_2_conv", "conv5_block3_2_bn")
    assert keras(2, 1, "shortcut") == ("conv3_block1_0_conv", "conv3_block1_0_bn")
    assert old_keras(3, 6, 3) == ("res4f_branch2c", "bn4f_branch2c")
    assert old_keras(1, 1, "shortcut") == ("res2a_branch1", "bn2a_branch1")


def state_dict():
    """The tensors of `network` as torchvision's state dict, without convolution biases."""
    state = {}
    layers = network(bias=0)
    for key in keys(STAGE_SIZES):
        conv, bn = torchvision(*key)
        kernel, _, *batch_norm = layers[key]
        state[f"{conv}.weight"] = np.ascontiguousarray(kernel.transpose(3, 2, 0, 1))
        names = ("weight", "bias", "running_mean", "running_var")
        state.update((f"{bn}.{name}", a) for name, a in zip(names, batch_norm, strict=True))
        state[f"{bn}.num_batches_tracked"] = np.array(7)
    kernel, bias = layers["fc"]
    return state | {"fc.weight": np.ascontiguousarray(kernel.T), "fc.bias": bias}


def keras_layers(names, fc):
    """The layers of `network` as Keras saves them, each a list of arrays; an empty one between."""
    layers = {"input_1": []}
    for key in keys(STAGE_SIZES):
        conv, bn = names(*key)
        kernel, bias, *batch_norm = network(bias=0.1)[key]
        layers[conv], layers[bn] = [kernel, bias], batch_norm
    return layers | {fc: network(bias=0.1)["fc"]}


WEIGHTS = {2: ("kernel", "bias"), 4: ("gamma", "beta", "moving_mean", "moving_variance")}


def save_npz(path, layers):
    np.savez(
        path,
        **{
            f"{layer}/{name}": array
            for layer, arrays in layers.items()
            for name, array in zip(WEIGHTS.get(len(arrays), ()), arrays, strict=True)
        },
    )


def save_legacy_h5(path, layers, *, root="", name="{layer}/{layer}_{weight}_1:0"):
    """Keras 1 and 2's layout; a whole model has the weights in a group of their own."""
    h5py = pytest.importorskip("h5py")
    with h5py.File(path, "w") as file:
        group = file.require_group(root) if root else file
        group.attrs["layer_names"] = [layer.encode() for layer in layers]
        for layer, arrays in layers.items():
            names = [
                name.format(layer=layer, weight=weight) for weight in WEIGHTS.get(len(arrays), ())
            ]
            folder = group.create_group(layer)
            folder.attrs["weight_names"] = [weight.encode() for weight in names]
            for weight, array in zip(names, arrays, strict=True):
                folder[weight] = array


def save_keras3_h5(path, layers):
    """Keras 3's `.weights.h5`: groups named after classes, the layers' names as attributes."""
    h5py = pytest.importorskip("h5py")
    with h5py.File(path, "w") as file:
        for i, (layer, arrays) in enumerate(layers.items()):
            folder = file.create_group(f"layers/layer_{i}/vars")
            folder.attrs["name"] = layer
            for j, array in enumerate(arrays):
                folder[str(j)] = array


def logits(imported, image):
    variables = {"params": imported.params, "batch_stats": imported.batch_stats}
    return jax.jit(ResNet(**imported.options).apply)(variables, image)[1]["logits"]


def expected_logits(bias, preprocess, stride_in_1x1, epsilon):
    layers = network(bias)
    x = np.asarray(normalise(jnp.asarray(IMAGE), preprocess))
    maps = reference.forward(
        x,
        lambda *key: layers[key],
        STAGE_SIZES,
        stride_in_1x1=stride_in_1x1,
        epsilon=epsilon,
    )
    kernel, bias = layers["fc"]
    return maps[-1].mean((1, 2)) @ kernel + bias


def check(imported, bias, **options):
    """The options are the source's, and the network computes what the reference does."""
    expected = {"stage_sizes": STAGE_SIZES, "width": WIDTH, "num_classes": 1000, **options}
    assert imported.options == expected
    expected = expected_logits(
        bias, options["preprocess"], options["stride_in_1x1"], options["bn_epsilon"]
    )
    scale = np.abs(expected).max()
    np.testing.assert_allclose(logits(imported, IMAGE), expected, rtol=1e-4, atol=1e-4 * scale)


def test_torchvision_safetensors(tmp_path):
    safetensors = pytest.importorskip("safetensors.numpy")
    safetensors.save_file(state_dict(), tmp_path / "a.safetensors")
    imported = weights.load(tmp_path / "a.safetensors", "tiny", classes=True)
    check(imported, 0, stride_in_1x1=False, bn_epsilon=1e-5, preprocess="imagenet")


def test_keras_h5(tmp_path):
    layers = keras_layers(keras, "predictions")
    save_legacy_h5(tmp_path / "a.h5", layers, name="{layer}/{weight}:0")
    imported = weights.load(tmp_path / "a.h5", "tiny", classes=True)
    check(imported, 0.1, stride_in_1x1=True, bn_epsilon=1.001e-5, preprocess="caffe")
    save_legacy_h5(tmp_path / "whole.h5", layers, root="model_weights")
    save_keras3_h5(tmp_path / "a.weights.h5", layers)
    save_npz(tmp_path / "a.npz", layers)
    for name in ("whole.h5", "a.weights.h5", "a.npz"):
        same = weights.load(tmp_path / name, "tiny", classes=True)
        assert same.options == imported.options
        jax.tree.map(np.testing.assert_array_equal, same.params, imported.params)
        jax.tree.map(np.testing.assert_array_equal, same.batch_stats, imported.batch_stats)


def test_old_keras_h5(tmp_path):
    save_legacy_h5(tmp_path / "a.h5", keras_layers(old_keras, "fc1000"))
    imported = weights.load(tmp_path / "a.h5", "tiny", classes=True)
    check(imported, 0.1, stride_in_1x1=True, bn_epsilon=1e-3, preprocess="caffe")


def test_the_class_layer_is_dropped_unless_asked_for(tmp_path):
    layers = keras_layers(old_keras, "fc1000")
    save_npz(tmp_path / "with.npz", layers)
    del layers["fc1000"]
    save_npz(tmp_path / "without.npz", layers)
    for name in ("with.npz", "without.npz"):
        imported = weights.load(tmp_path / name, "tiny")
        assert "fc" not in imported.params
        assert "num_classes" not in imported.options
    with pytest.raises(InputError, match=r"without\.npz: tensor 'fc1000/.*' is missing"):
        weights.load(tmp_path / "without.npz", "tiny", classes=True)


def without(tensors, name):
    return {other: array for other, array in tensors.items() if other != name}


NAME = "layer2.0.conv2.weight"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            lambda state: without(state, NAME),
            rf"'{NAME}' is missing, expected shape \[16, 16, 3, 3\]",
        ),
        (lambda state: {**state, "layer2.9.conv1.weight": state[NAME]}, "'layer2.9.* is spare"),
        (
            lambda state: {**state, NAME: state[NAME].transpose(2, 3, 1, 0)},
            rf"'{NAME}': found shape \[3, 3, 16, 16\], expected \[16, 16, 3, 3\]",
        ),
        (lambda state: {**state, NAME: state[NAME] * np.nan}, f"'{NAME}': found NaN or infinity"),
        (lambda state: {"features.0": state[NAME]}, r"found tensors such as \['features.0'\]"),
    ],
)
def test_a_wrong_tensor_is_named(tmp_path, change, message):
    np.savez(tmp_path / "a.npz", **change(state_dict()))
    with pytest.raises(InputError, match=rf"a\.npz: .*{message}") as caught:
        weights.load(tmp_path / "a.npz", "tiny")
    assert "\n" not in str(caught.value)


def test_a_missing_bias_is_named(tmp_path):
    layers = keras_layers(keras, "predictions")
    layers["conv1_conv"] = layers["conv1_conv"][:1]
    save_keras3_h5(tmp_path / "a.h5", layers)
    with pytest.raises(InputError, match="tensor 'conv1_conv/bias' is missing"):
        weights.load(tmp_path / "a.h5", "tiny")


@pytest.mark.parametrize("suffix", [".npz", ".h5", ".safetensors", ".pth"])
def test_a_broken_file_is_named(tmp_path, suffix):
    library = {".h5": "h5py", ".safetensors": "safetensors", ".pth": "torch"}.get(suffix, "numpy")
    pytest.importorskip(library)
    path = tmp_path / f"a{suffix}"
    path.write_bytes(b"PK\x03\x04 no weights at all")
    with pytest.raises(InputError, match=rf"a\{suffix}: cannot be read as \{suffix}: ") as caught:
        weights.load(path)
    assert "\n" not in str(caught.value)


def test_other_bad_arguments_are_named(tmp_path, monkeypatch):
    with pytest.raises(InputError, match=r"none\.npz: no such file"):
        weights.load(tmp_path / "none.npz")
    with pytest.raises(InputError, match=r"found suffix '.bin', expected .pth, .pt, .safetensors"):
        weights.load(tmp_path / "a.bin")
    with pytest.raises(InputError, match="architecture: found 'resnet18', expected one of resnet5"):
        weights.load(tmp_path / "a.npz", "resnet18")
    (tmp_path / "a.safetensors").touch()
    monkeypatch.setitem(sys.modules, "safetensors.numpy", None)
    with pytest.raises(InputError, match=r"found no safetensors.* pip install 'jiqa\[convert\]'"):
        weights.load(tmp_path / "a.safetensors")


def test_an_h5_of_nameless_layers_is_refused(tmp_path):
    h5py = pytest.importorskip("h5py")
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["layers/conv2d/vars/0"] = np.zeros(3)
    with pytest.raises(InputError, match=r"a\.h5: found no named layers, expected .* Keras"):
        weights.load(tmp_path / "a.h5")


def torch_forward(x, layers, stage_sizes, *, stride_in_1x1, epsilon):
    """Logits of a preprocessed NHWC input, by PyTorch's functions; arguments as the reference's."""
    torch = pytest.importorskip("torch")
    functional = torch.nn.functional

    def conv_bn(x, key, stride):
        kernel, *vectors = (torch.from_numpy(np.asarray(a, np.float32)) for a in layers[key])
        bias, gamma, beta, mean, variance = vectors
        kernel = kernel.permute(3, 2, 0, 1)
        x = functional.conv2d(x, kernel, bias, stride, kernel.shape[-1] // 2)
        return functional.batch_norm(x, mean, variance, gamma, beta, eps=epsilon)

    x = torch.from_numpy(np.array(x)).permute(0, 3, 1, 2)
    x = functional.max_pool2d(conv_bn(x, (0, 0, 1), 2).relu(), 3, 2, 1)
    for stage, blocks in enumerate(stage_sizes, start=1):
        for block in range(1, blocks + 1):
            stride = 2 if stage > 1 and block == 1 else 1
            first, second = (stride, 1) if stride_in_1x1 else (1, stride)
            y = conv_bn(x, (stage, block, 1), first).relu()
            y = conv_bn(y, (stage, block, 2), second).relu()
            y = conv_bn(y, (stage, block, 3), 1)
            x = conv_bn(x, (stage, block, "shortcut"), stride) if block == 1 else x
            x = (x + y).relu()
    kernel, bias = (torch.from_numpy(np.asarray(a, np.float32)) for a in layers["fc"])
    return (x.mean((2, 3)) @ kernel + bias).numpy()


def assert_parity(got, expected):
    np.testing.assert_allclose(got, expected, rtol=1e-4, atol=1e-4 * np.abs(expected).max())


def test_torchvision_pth_and_parity_with_pytorch(tmp_path):
    torch = pytest.importorskip("torch")
    state = {name: torch.from_numpy(array) for name, array in state_dict().items()}
    torch.save(state, tmp_path / "a.pth")
    imported = weights.load(tmp_path / "a.pth", "tiny", classes=True)
    expected = torch_forward(
        normalise(jnp.asarray(IMAGE), "imagenet"),
        network(bias=0),
        STAGE_SIZES,
        stride_in_1x1=False,
        epsilon=1e-5,
    )
    assert_parity(logits(imported, IMAGE), expected)


def test_a_pth_that_runs_code_or_wraps_the_state_is_refused(tmp_path):
    torch = pytest.importorskip("torch")
    torch.save({"conv1.weight": print}, tmp_path / "code.pth")
    with pytest.raises(InputError, match=r"code\.pth: cannot be read as \.pth"):
        weights.load(tmp_path / "code.pth")
    torch.save({"epoch": 3}, tmp_path / "wrapped.pth")
    with pytest.raises(InputError, match=r"wrapped\.pth: 'epoch': found int, expected a tensor"):
        weights.load(tmp_path / "wrapped.pth")


def centre(image):
    """Short side to 256 (Pillow, bilinear), the middle 224x224, [1, 224, 224, 3] uint8."""
    image = Image.fromarray(image)
    scale = 256 / min(image.size)
    image = image.resize([round(side * scale) for side in image.size], Image.Resampling.BILINEAR)
    left, top = (image.width - 224) // 2, (image.height - 224) // 2
    return np.asarray(image.crop((left, top, left + 224, top + 224)))[None]


@pytest.fixture(scope="module")
def photographs():
    data = pytest.importorskip("skimage.data")
    return np.concatenate([centre(data.chelsea()), centre(data.coffee())])


@pytest.fixture(scope="module")
def real(shared, photographs):
    """Path of the real weights, and our logits of the photographs."""
    path = shared / "weights" / "resnet50_keras_v1.npz"
    return path, logits(weights.load(path, classes=True), photographs)


def test_known_photographs_get_the_known_probabilities(real):
    """Published with the weights: chelsea is a cat (285, 282, 281), coffee an espresso (967)."""
    chelsea, coffee = jax.nn.softmax(real[1])
    np.testing.assert_allclose(chelsea[np.array([285, 282, 281])], [0.754, 0.149, 0.094], atol=5e-3)
    np.testing.assert_allclose(coffee[967], 0.993, atol=5e-3)


def test_the_real_network_is_at_parity_with_pytorch(real, photographs):
    pytest.importorskip("torch")
    path, got = real
    tensors = np.load(path)
    stage_sizes = ARCHITECTURES["resnet50"]["stage_sizes"]
    layers = {"fc": [tensors["fc1000/kernel"], tensors["fc1000/bias"]]}
    for key in keys(stage_sizes):
        conv, bn = old_keras(*key)
        batch_norm = [tensors[f"{bn}/{name}"] for name in WEIGHTS[4]]
        layers[key] = [tensors[f"{conv}/kernel"], tensors[f"{conv}/bias"], *batch_norm]
    x = normalise(jnp.asarray(photographs), "caffe")
    expected = torch_forward(x, layers, stage_sizes, stride_in_1x1=True, epsilon=1e-3)
    assert_parity(got, expected)
