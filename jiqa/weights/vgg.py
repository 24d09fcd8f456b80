"""VGG-16 weights of torchvision and Keras as parameters of `jiqa.models.vgg.VGG`."""

import dataclasses
from typing import Any

import jax
import numpy as np

from jiqa.errors import InputError
from jiqa.models.vgg import STAGES, VGG
from jiqa.weights.convolutions import TORCHVISION
from jiqa.weights.files import Tensors, take
from jiqa.weights.imported import Imported

ARCHITECTURES: dict[str, dict[str, Any]] = {
    "vgg16": {"width": 64, "dense": 4096, "classes": 1000},
}

_CONVOLUTIONS = [
    f"conv{n}_{i}" for n, (depth, _) in enumerate(STAGES, 1) for i in range(1, depth + 1)
]
_DENSE = ["fc6", "fc7", "fc8"]
# Height and width of fc6's input map.
_MAP = (7, 7)


@dataclasses.dataclass(frozen=True)
class _Layout:
    """A source's names of layers and parameters, and the preprocessing of its network.

    With `outputs_first`, outputs are a kernel's first axis (OIHW, and dense rows that go through
    the channels of a map first); otherwise kernels have jiqa's order.
    """

    layers: dict[str, str]
    kernel: str
    bias: str
    outputs_first: bool
    preprocess: str

    def tensor(self, layer: str, leaf: str) -> str:
        return self.layers[layer] + (self.kernel if leaf == "kernel" else self.bias)


def _named(convolutions: list[str], dense: list[str]) -> dict[str, str]:
    return dict(zip([*_CONVOLUTIONS, *_DENSE], [*convolutions, *dense], strict=True))


_LAYOUTS = (
    _Layout(
        layers=_named(
            [f"features.{i}" for i in TORCHVISION["vgg16"]],
            ["classifier.0", "classifier.3", "classifier.6"],
        ),
        kernel=".weight",
        bias=".bias",
        outputs_first=True,
        preprocess="imagenet",
    ),
    _Layout(
        layers=_named(
            [name.replace("conv", "block").replace("_", "_conv") for name in _CONVOLUTIONS],
            ["fc1", "fc2", "predictions"],
        ),
        kernel="/kernel",
        bias="/bias",
        outputs_first=False,
        preprocess="caffe",
    ),
    _Layout(
        layers=_named(_CONVOLUTIONS, _DENSE),
        kernel="/kernel",
        bias="/bias",
        outputs_first=False,
        preprocess="imagenet",
    ),
)


def recognises(tensors: Tensors) -> bool:
    """Whether the tensors include the first convolution of a VGG-16 by a known name."""
    return any(layout.tensor("conv1_1", "kernel") in tensors for layout in _LAYOUTS)


def convert(tensors: Tensors, architecture: str, *, dense: bool) -> Imported:
    """Parameters of a VGG-16 from a source's tensors, renamed and reordered; no tensor may be left.

    Takes torchvision's names (`features.0.weight`, `classifier.0.weight`), Keras'
    (`block1_conv1/kernel`, `fc1/kernel`) and jiqa's (`conv1_1/kernel`, `fc6/kernel`; torchvision's
    values). `options` hold the source's `preprocess` and, with `dense`, the options `dense` and
    `classes`. Without `dense`, dense layers are dropped.

    Raises:
      InputError: a tensor is missing, spare, of another shape than expected, or not finite.
    """
    sizes = ARCHITECTURES[architecture]
    options = {name: sizes[name] for name in ("dense", "classes")} if dense else {}
    model = VGG(width=sizes["width"], **options)
    image = jax.ShapeDtypeStruct((1, *(32 * side for side in _MAP), 3), np.float32)
    shapes = jax.eval_shape(model.init, jax.random.key(0), image)["params"]

    def names(layout: _Layout, layers: list[str]) -> set[str]:
        return {layout.tensor(layer, leaf) for layer in layers for leaf in ("kernel", "bias")}

    def overlap(layout: _Layout) -> int:
        return len(names(layout, _CONVOLUTIONS) & tensors.keys())

    layout = max(_LAYOUTS, key=overlap)
    if not overlap(layout):
        raise InputError(f"found tensors such as {list(tensors)[:3]}, expected a VGG-16's")
    known = names(layout, _CONVOLUTIONS + _DENSE)
    if spare := [name for name in tensors if name not in known]:
        raise InputError(f"tensor {spare[0]!r} is spare: the architecture has none of that name")
    if dense and not names(layout, _DENSE) & tensors.keys():
        raise InputError(
            "found convolutions alone, expected dense layers too: take the file of a whole VGG-16 "
            f"({layout.tensor('fc6', 'kernel')!r} and on), or train fc6 and fc7 afresh"
        )
    params = {}
    for layer, leaves in shapes.items():
        kernel = _kernel(tensors, layout, layer, leaves["kernel"].shape)
        bias = take(tensors, layout.tensor(layer, "bias"), leaves["bias"].shape)
        params[layer] = {"kernel": kernel, "bias": bias}
    return Imported(params, {}, {"preprocess": layout.preprocess, **options})


def _kernel(tensors: Tensors, layout: _Layout, layer: str, shape: tuple[int, ...]) -> np.ndarray:
    name = layout.tensor(layer, "kernel")
    if not layout.outputs_first:
        return take(tensors, name, shape)
    *inner, outputs = shape
    if len(inner) == 3:
        height, width, inputs = inner
        return take(tensors, name, (outputs, inputs, height, width)).transpose(2, 3, 1, 0)
    height, width = _MAP if layer == "fc6" else (1, 1)
    rows = take(tensors, name, (outputs, *inner)).reshape(outputs, -1, height, width)
    return rows.transpose(2, 3, 1, 0).reshape(shape)
