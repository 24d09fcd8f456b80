"""ResNet weights of torchvision and Keras as parameters of `jiqa.models.resnet.ResNet`."""

import dataclasses
from collections.abc import Callable
from typing import Any

import jax
import numpy as np
from flax import traverse_util

from jiqa.errors import InputError
from jiqa.models.resnet import ResNet
from jiqa.weights.files import Tensors, take
from jiqa.weights.imported import Imported

ARCHITECTURES: dict[str, dict[str, Any]] = {
    "resnet50": {"stage_sizes": (3, 4, 6, 3)},
    "resnet101": {"stage_sizes": (3, 4, 23, 3)},
    "resnet152": {"stage_sizes": (3, 8, 36, 3)},
}

Module = tuple[str, ...]  # in jiqa: ("conv1",) or ("stage1_block2", "conv3")


@dataclasses.dataclass(frozen=True)
class _Layout:
    """Names of a source's layers and tensors, and properties of its network.

    `kernels` holds, by a kernel's number of dimensions, the axes that bring it into jiqa's order.
    With `conv_bias`, every convolution has a bias.
    """

    layer: Callable[[Module], str]
    suffixes: dict[str, str]
    kernels: dict[int, tuple[int, ...]]
    conv_bias: bool
    options: dict[str, Any]

    def tensor(self, module: Module, leaf: str) -> str:
        """Source's name of jiqa's parameter `leaf` of `module`."""
        kind = "fc " if module == ("fc",) else ""
        return self.layer(module) + self.suffixes.get(kind + leaf, self.suffixes[leaf])


def _place(module: Module) -> tuple[int, int, str]:
    """Stage, block and layer of a module: ("stage3_block2", "conv1") gives 3, 2, "conv1"."""
    stage, block = module[0].removeprefix("stage").split("_block")
    return int(stage), int(block), module[1]


def _torchvision(module: Module) -> str:
    if len(module) == 1:
        return module[0]
    stage, block, part = _place(module)
    part = {"shortcut_conv": "downsample.0", "shortcut_bn": "downsample.1"}.get(part, part)
    return f"layer{stage}.{block - 1}.{part}"


def _keras(module: Module) -> str:
    if len(module) == 1:
        return {"conv1": "conv1_conv", "bn1": "conv1_bn", "fc": "predictions"}[module[0]]
    stage, block, part = _place(module)
    index = 0 if part.startswith("shortcut") else part[-1]
    return f"conv{stage + 1}_block{block}_{index}_{'bn' if 'bn' in part else 'conv'}"


def _old_keras(module: Module) -> str:
    if len(module) == 1:
        return {"conv1": "conv1", "bn1": "bn_conv1", "fc": "fc1000"}[module[0]]
    stage, block, part = _place(module)
    branch = "1" if part.startswith("shortcut") else "2" + " abc"[int(part[-1])]
    return f"{'bn' if 'bn' in part else 'res'}{stage + 1}{' abcdefgh'[block]}_branch{branch}"


_KERAS_SUFFIXES = {
    "kernel": "/kernel",
    "scale": "/gamma",
    "bias": "/beta",
    "fc bias": "/bias",
    "mean": "/moving_mean",
    "var": "/moving_variance",
}
LAYOUTS = (
    _Layout(
        layer=_torchvision,
        suffixes={
            "kernel": ".weight",
            "scale": ".weight",
            "bias": ".bias",
            "mean": ".running_mean",
            "var": ".running_var",
        },
        kernels={4: (2, 3, 1, 0), 2: (1, 0)},
        conv_bias=False,
        options={"stride_in_1x1": False, "bn_epsilon": 1e-5, "preprocess": "imagenet"},
    ),
    _Layout(
        layer=_keras,
        suffixes=_KERAS_SUFFIXES,
        kernels={},
        conv_bias=True,
        options={"stride_in_1x1": True, "bn_epsilon": 1.001e-5, "preprocess": "caffe"},
    ),
    _Layout(
        layer=_old_keras,
        suffixes=_KERAS_SUFFIXES,
        kernels={},
        conv_bias=True,
        options={"stride_in_1x1": True, "bn_epsilon": 1e-3, "preprocess": "caffe"},
    ),
)


def recognises(tensors: Tensors) -> bool:
    """Whether the tensors include the first convolution of a ResNet by a known name."""
    return any(layout.tensor(("conv1",), "kernel") in tensors for layout in LAYOUTS)


def convert(tensors: Tensors, architecture: str, *, classes: bool) -> Imported:
    """Variables of a ResNet from a source's tensors, renamed and reordered; no tensor may be left.

    Takes torchvision's names and Keras', in the old (`res2a_branch2a`) and the new naming
    (`conv2_block1_1_conv`). Stride placement, batch-norm epsilon and preprocessing follow from the
    naming and are returned in `options`, so that `ResNet(**imported.options)` is the source's
    network. Batch norm cancels the biases of convolutions, except in its running mean; they are
    subtracted from that mean.

    Args:
      tensors: tensors of the file, by name.
      architecture: a name in `ARCHITECTURES`.
      classes: import the 1000-class layer too; False drops it.

    Raises:
      InputError: a tensor is missing, spare, of another shape than expected, or not finite.
    """
    options = dict(ARCHITECTURES[architecture])
    if classes:
        options["num_classes"] = 1000
    model = ResNet(**options)
    image = jax.ShapeDtypeStruct((1, 64, 64, 3), np.float32)
    shapes = jax.eval_shape(model.init, jax.random.key(0), image)
    ours = {}
    for path, variable in jax.tree.leaves_with_path(shapes):
        collection, *module, leaf = (key.key for key in path)
        ours[tuple(module), leaf] = collection, variable.shape

    def overlap(layout: _Layout) -> int:
        return sum(layout.tensor(*key) in tensors for key in ours)

    layout = max(LAYOUTS, key=overlap)
    if not overlap(layout):
        raise InputError(f"found tensors such as {list(tensors)[:3]}, expected a ResNet's")
    left = dict(tensors)

    def use(name: str, shape: tuple[int, ...]) -> np.ndarray:
        value = take(left, name, shape)
        del left[name]
        return value

    flat = {}
    for (module, leaf), (collection, shape) in ours.items():
        axes = layout.kernels.get(len(shape), tuple(range(len(shape))))
        source_shape = tuple(shape[axes.index(i)] for i in range(len(shape)))
        value = use(layout.tensor(module, leaf), source_shape).transpose(axes)
        if layout.conv_bias and leaf == "mean":
            conv = (*module[:-1], module[-1].replace("bn", "conv"))
            value = value - use(layout.layer(conv) + "/bias", shape)
        flat[collection, *module, leaf] = value

    class_layer = layout.layer(("fc",))
    dropped = () if classes else (f"{class_layer}/", f"{class_layer}.")
    for name in left:
        if not name.endswith("num_batches_tracked") and not name.startswith(dropped):
            raise InputError(f"tensor {name!r} is spare: the architecture has none of that name")
    variables = traverse_util.unflatten_dict(flat)
    return Imported(variables["params"], variables["batch_stats"], options | layout.options)
