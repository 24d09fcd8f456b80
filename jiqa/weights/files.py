"""Files of weights of any format as named NumPy arrays.

Keras' formats give `<layer>/<weight>` with the weights named `kernel`, `bias`, `gamma`, `beta`,
`moving_mean`, `moving_variance`; the other formats give the names in the file.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from jiqa.errors import InputError

Tensors = dict[str, np.ndarray]

# Keras' order of a layer's weights; their number tells the kind of layer.
_KERAS_ORDER = {
    1: ("kernel",),
    2: ("kernel", "bias"),
    4: ("gamma", "beta", "moving_mean", "moving_variance"),
}


def _torch(path: Path) -> Tensors:
    import torch

    state = torch.load(path, map_location="cpu", weights_only=True)
    for name, value in state.items():
        if not isinstance(value, torch.Tensor):
            found = type(value).__name__
            raise InputError(f"{path}: {name!r}: found {found}, expected a tensor (a state dict)")
    return {name: value.detach().float().numpy() for name, value in state.items()}


def _safetensors(path: Path) -> Tensors:
    from safetensors.numpy import load_file

    return load_file(path)


def _npz(path: Path) -> Tensors:
    with np.load(path, allow_pickle=False) as file:
        return dict(file)


def _keras_h5(path: Path) -> Tensors:
    import h5py

    def text(name: str | bytes) -> str:
        return name.decode() if isinstance(name, bytes) else name

    layers: dict[str, list[np.ndarray]] = {}
    with h5py.File(path) as file:
        root: Any = file.get("model_weights", file)
        if "layer_names" in root.attrs:
            for layer in map(text, root.attrs["layer_names"]):
                names = map(text, root[layer].attrs["weight_names"])
                layers[layer] = [root[layer][name][()] for name in names]
        else:  # Keras 3: `layers/conv2d_1/vars/0`, ...; `vars` has the name as attribute

            def visit(name: str, group: Any) -> None:
                if name.endswith("/vars") and "name" in group.attrs:
                    values = [group[key][()] for key in sorted(group, key=int)]
                    layers[text(group.attrs["name"])] = values

            file.visititems(visit)
    if not layers:
        raise InputError(f"{path}: found no named layers, expected weights saved by Keras")
    tensors = {}
    for layer, values in layers.items():
        if not values:
            continue
        if len(values) not in _KERAS_ORDER:
            raise InputError(f"{path}: layer {layer!r} has {len(values)} weights, expected 1, 2, 4")
        for name, value in zip(_KERAS_ORDER[len(values)], values, strict=True):
            tensors[f"{layer}/{name}"] = value
    return tensors


_READERS: dict[str, Callable[[Path], Tensors]] = {
    ".pth": _torch,
    ".pt": _torch,
    ".safetensors": _safetensors,
    ".h5": _keras_h5,
    ".npz": _npz,
}


def check(path: str | Path) -> None:
    """Raises InputError if the file is missing or has a suffix unknown to `read`."""
    path = Path(path)
    if path.suffix not in _READERS:
        raise InputError(f"{path}: found suffix {path.suffix!r}, expected {', '.join(_READERS)}")
    if not path.is_file():
        raise InputError(f"{path}: no such file, expected weights")


def read(path: str | Path) -> Tensors:
    """Every tensor of a .pth, .pt, .safetensors, .h5 or .npz file, by name; runs no code from it.

    Raises:
      InputError: no such file, unknown suffix, a library that is not installed, or a file that does
        not match its suffix.
    """
    check(path)
    path = Path(path)
    try:
        return _READERS[path.suffix](path)
    except InputError:
        raise
    except ImportError as error:
        hint = "expected it installed: pip install 'jiqa[convert]'"
        raise InputError(f"{path}: found no {error.name} to read it, {hint}") from error
    except Exception as error:  # each library raises other errors
        reason = f"{type(error).__name__}: {error}".split("\n")[0]
        raise InputError(f"{path}: cannot be read as {path.suffix}: {reason}") from error


def take(tensors: Tensors, name: str, shape: tuple[int, ...]) -> np.ndarray:
    """The tensor of that name as float32.

    Raises:
      InputError: a tensor that is missing, of another shape, or not finite.
    """
    if name not in tensors:
        raise InputError(f"tensor {name!r} is missing, expected shape {list(shape)}")
    value = tensors[name]
    if value.shape != shape:
        found = list(value.shape)
        raise InputError(f"tensor {name!r}: found shape {found}, expected {list(shape)}")
    if not np.isfinite(value).all():
        raise InputError(f"tensor {name!r}: found NaN or infinity, expected finite values")
    return np.asarray(value, np.float32)
