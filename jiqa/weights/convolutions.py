"""Convolutions of VGG-16 and AlexNet for LPIPS, from files that may hold more tensors."""

from typing import Any

import jax
import numpy as np
from flax import linen as nn

from jiqa.models.alexnet import AlexNet
from jiqa.models.vgg import VGG
from jiqa.weights.files import Tensors, take

NETWORKS: dict[str, type[nn.Module]] = {"vgg16": VGG, "alexnet": AlexNet}

# The convolutions of torchvision's `features`, in order.
TORCHVISION = {
    "vgg16": (0, 2, 5, 7, 10, 12, 14, 17, 19, 21, 24, 26, 28),
    "alexnet": (0, 3, 6, 8, 10),
}


def convert(tensors: Tensors, network: str) -> dict[str, Any]:
    """The convolutions of `network`, a name in `NETWORKS`, among a file's tensors.

    Takes torchvision's names (`features.0.weight`, OIHW) and jiqa's (`conv1_1/kernel`, HWIO).
    Other tensors, for instance of dense layers, are ignored.

    Raises:
      InputError: a tensor is missing, of another shape than expected, or not finite.
    """
    image = jax.ShapeDtypeStruct((1, 64, 64, 3), np.float32)
    shapes = jax.eval_shape(NETWORKS[network]().init, jax.random.key(0), image)["params"]
    params = {}
    for (layer, leaves), index in zip(shapes.items(), TORCHVISION[network], strict=True):
        kernel, bias = leaves["kernel"].shape, leaves["bias"].shape
        if f"{layer}/kernel" in tensors:
            params[layer] = {
                "kernel": take(tensors, f"{layer}/kernel", kernel),
                "bias": take(tensors, f"{layer}/bias", bias),
            }
        else:
            oihw = take(tensors, f"features.{index}.weight", (kernel[3], kernel[2], *kernel[:2]))
            params[layer] = {
                "kernel": oihw.transpose(2, 3, 1, 0),
                "bias": take(tensors, f"features.{index}.bias", bias),
            }
    return params
