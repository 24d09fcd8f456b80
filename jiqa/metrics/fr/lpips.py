"""LPIPS: the distance between two images in the features of a network trained on ImageNet.

Zhang, Isola, Efros, Shechtman and Wang, "The unreasonable effectiveness of deep features as a
perceptual metric", CVPR 2018, equation 1 with the learned weights of version 0.1 (`lin`).
"""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp

from jiqa.errors import InputError
from jiqa.models.vgg import STAGES
from jiqa.ops.masks import masked_mean, within
from jiqa.ops.normalise import normalise
from jiqa.weights.convolutions import NETWORKS, convert
from jiqa.weights.files import read, take

# Layers whose maps are compared, with their channels.
LAYERS = {
    "vgg16": {"conv1_2": 64, "conv2_2": 128, "conv3_3": 256, "conv4_3": 512, "conv5_3": 512},
    "alexnet": {"conv1": 64, "conv2": 192, "conv3": 384, "conv4": 256, "conv5": 256},
}

Files = str | Path | Sequence[str | Path]


def lpips(
    image: jax.Array,
    ref: jax.Array,
    *,
    params: Mapping[str, Any],
    network: str = "alexnet",
    size: jax.Array | None = None,
) -> jax.Array:
    """LPIPS [b] of images [b, h, w, 3] and references: 0 for equal images, no upper bound.

    Lower is better. Sides are 31 pixels or more (`alexnet`), 16 or more (`vgg16`). `params` comes
    from `load_alex` or `load_vgg`. `size`: see `jiqa.ops.masks`.

    Deviations and choices:
      ImageNet's normalisation of [0, 1] equals the authors' shift and scale of [-1, 1].
      The squared norm of features has a floor of 1e-20, which changes no score and keeps the
      gradient finite where all channels are 0. Equal images score exactly 0: without a special
      case, rounding in the convolutions of a batch would leave 1e-16.
    """
    b = image.shape[0]
    maps, seen = ({}, {}) if size is None else _sizes(size, network)
    both = {name: jnp.concatenate([side, side]) for name, side in seen.items()}
    attend = {name: partial(within, size=side) for name, side in both.items()}
    x = normalise(jnp.concatenate([image, ref]), "imagenet")
    if size is not None:
        x = within(x, jnp.concatenate([size, size]))
    equal = (x[:b] == x[b:]).all((1, 2, 3))
    apply: Callable[..., Any] = NETWORKS[network](preprocess="unit").apply
    _, out = apply({"params": params["network"]}, x, attend=attend)
    score = jnp.zeros(b)
    for layer in LAYERS[network]:
        x = out[layer]
        norm = jnp.sqrt((x**2).sum(-1, keepdims=True) + 1e-20)
        x = x / (norm + 1e-10)
        distance = (x[:b] - x[b:]) ** 2 @ params["linear"][layer]
        score += masked_mean(distance, maps.get(layer))
    return jnp.where(equal, 0.0, score)


def _sizes(size: jax.Array, network: str) -> tuple[dict[str, jax.Array], dict[str, jax.Array]]:
    """Sizes of the maps compared, and of the part of each map that later layers may read."""
    if network == "alexnet":
        first = (size - 7) // 4 + 1
        second = (first - 1) // 2
        third = (second - 1) // 2
        maps = {"conv1": first, "conv2": second}
        maps |= dict.fromkeys(("conv3", "conv4", "conv5"), third)
        return maps, {"pool1": second, "pool2": third, "conv3": third, "conv4": third}
    maps, seen = {}, {}
    for stage, (depth, _) in enumerate(STAGES, start=1):
        for i in range(1, depth + 1):
            maps[f"conv{stage}_{i}"] = seen[f"conv{stage}_{i}"] = size
        # The remainder that pooling leaves out must not reach the last window.
        seen[f"conv{stage}_{depth}"] = size // 2 * 2
        size = size // 2
    return maps, seen


def load_alex(files: Files | None = None) -> dict[str, Any]:
    """Parameters of LPIPS on AlexNet; see `load`."""
    return load(files, "alexnet")


def load_vgg(files: Files | None = None) -> dict[str, Any]:
    """Parameters of LPIPS on VGG-16; see `load`."""
    return load(files, "vgg16")


def load(files: Files | None, network: str) -> dict[str, Any]:
    """{`network`: convolutions by name, `linear`: a weight [c] for each layer compared}.

    Args:
      files: one file or several (as a list, or separated by commas), .pth, .pt, .safetensors or
        .npz, that together hold the network's convolutions (torchvision's, or `conv1_1/kernel`) and
        LPIPS' linear weights (the authors' `lin0.model.1.weight`, or `vgg16/lin0/kernel`).
      network: a name in `LAYERS`.

    Raises:
      InputError: no files, one that can't be read, or a tensor that is missing, of another shape,
        or not finite.
    """
    if files is None:
        raise InputError(
            f"params: found none, expected files of {network}'s convolutions (torchvision's) and "
            "of LPIPS' linear weights (the authors'); neither comes with the package"
        )
    if isinstance(files, str | Path):
        files = str(files).split(",")
    if not isinstance(files, list | tuple):
        raise InputError(f"params: found {files!r}, expected files")
    tensors = {name: value for file in files for name, value in read(file).items()}
    try:
        linear = {}
        for i, (layer, channels) in enumerate(LAYERS[network].items()):
            ours = f"{network}/lin{i}/kernel"
            if ours in tensors:
                linear[layer] = take(tensors, ours, (1, 1, channels, 1)).reshape(-1)
            else:
                theirs = take(tensors, f"lin{i}.model.1.weight", (1, channels, 1, 1))
                linear[layer] = theirs.reshape(-1)
        return {"network": convert(tensors, network), "linear": linear}
    except InputError as error:
        raise InputError(f"{', '.join(map(str, files))}: {error}") from None
