"""Support vector regressions on features; fitted by `jiqa.tasks.svr`."""

from pathlib import Path
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from scipy.spatial import distance

from jiqa.errors import InputError
from jiqa.files import write_npz
from jiqa.metrics.nr import files

# Files of a libsvm model and of its ranges, as BRISQUE's authors published them.
RANGES = {"allmodel": "allrange"}


class Svr(NamedTuple):
    """sum_i w_i exp(-gamma |s(x) - v_i|^2) + bias; s maps `low` .. `high` to -1 .. 1.

    Attributes:
        low: [d], lowest value of each feature in training.
        high: [d], highest value.
        vectors: [n, d], support vectors, scaled.
        weights: [n], weight of each support vector.
        gamma: [], width of the kernel.
        bias: [], constant term.
    """

    low: np.ndarray
    high: np.ndarray
    vectors: np.ndarray
    weights: np.ndarray
    gamma: np.ndarray
    bias: np.ndarray

    def predict(self, features: jax.Array) -> jax.Array:
        """Predictions of features [b, d] -> [b], in float32."""
        low, high = jnp.asarray(self.low), jnp.asarray(self.high)
        span = jnp.where(high > low, high - low, 1.0)
        x = 2 * (features - low[None]) / span[None] - 1
        square = jnp.sum((x[:, None] - jnp.asarray(self.vectors)[None]) ** 2, -1)
        kernel = jnp.exp(-self.gamma * square)
        return _sum(kernel * jnp.asarray(self.weights)[None]) + self.bias

    def evaluate(self, features: np.ndarray) -> np.ndarray:
        """Predictions of features [b, d] -> [b], in float64."""
        low, high, vectors, weights, gamma, bias = (np.asarray(x, np.float64) for x in self)
        scaled = 2 * (features - low) / np.where(high > low, high - low, 1) - 1
        kernel = np.exp(-gamma * distance.cdist(scaled, vectors, "sqeuclidean"))
        return kernel @ weights + bias

    def save(self, path: Path) -> None:
        """Writes the arrays to a .npz file."""
        write_npz(path, self._asdict())


def _sum(x: jax.Array) -> jax.Array:
    """Sum [b, n] -> [b] in float32 with the rounding errors summed as well (Knuth's two-sum).

    Terms of thousands add up to tens here: plain float32 would be accurate to 1/128 only.
    """
    x = jnp.pad(x, ((0, 0), (0, (1 << (x.shape[1] - 1).bit_length()) - x.shape[1])))
    lost = jnp.zeros_like(x)
    while x.shape[1] > 1:
        (a, b), losses = jnp.split(x, 2, axis=1), jnp.split(lost, 2, axis=1)
        x = a + b
        taken = x - a
        lost = sum(losses) + ((a - (x - taken)) + (b - taken))
    return (x + lost)[:, 0]


class Linear(NamedTuple):
    """<weights, x> + bias.

    Attributes:
        weights: [d], weight of each feature.
        bias: [], constant term.
    """

    weights: np.ndarray
    bias: np.ndarray

    def evaluate(self, features: np.ndarray) -> np.ndarray:
        """Predictions of features [b, d] -> [b], in float64."""
        return features.astype(np.float64) @ self.weights + self.bias


def load(path: Path, features: int, ranges: Path | None = None) -> Svr:
    """A regression on `features` features, from a .npz (see `Svr.save`) or a libsvm text model.

    A libsvm model was fitted to scaled features, and its file lacks their ranges. They come from
    `ranges`, or from the file published with a model of that name in the same folder, see
    `RANGES`. No other file is tried.

    Args:
        path: path of the model.
        features: number of features.
        ranges: rows of feature, min, max (.csv, one header line), or svm-scale's text.

    Raises:
        InputError: a missing file, no regression, or one on other features; a libsvm model without
            its ranges, or ranges for a .npz, which holds its own.
    """
    if path.suffix == ".npz":
        if ranges is not None:
            raise InputError(f"{ranges}: found ranges, expected none: {path} holds its own")
        found = files.read(path, {name: (name,) for name in Svr._fields})
    else:
        found = {**_libsvm(path), **_ranges(ranges or _published(path))}
    shapes = {"low": (features,), "high": (features,), "gamma": (), "bias": ()}
    shapes |= {"vectors": (-1, features), "weights": (len(found["vectors"]),)}
    return Svr(
        *(files.shaped(path, f, found[f], shapes[f]).astype(np.float32) for f in Svr._fields)
    )


def _published(model: Path) -> Path:
    """The ranges published with a libsvm model, in its folder."""
    ranges = model.with_name(RANGES[model.name]) if model.name in RANGES else None
    if ranges is None or not ranges.is_file():
        companion = f"{ranges.name} beside it or " if ranges else ""
        raise InputError(f"{model}: found no ranges, expected {companion}both files, MODEL,RANGES")
    return ranges


def _libsvm(path: Path) -> dict[str, np.ndarray]:
    if not path.is_file():
        raise InputError(f"{path}: no such file, expected a regression (.npz or libsvm's text)")
    head, mark, body = path.read_text(errors="replace").partition("\nSV\n")
    pairs = (line.partition(" ") for line in head.splitlines())
    fields = {name: value for name, _, value in pairs}
    kind = (fields.get("svm_type"), fields.get("kernel_type"))
    if not mark or kind not in (("epsilon_svr", "rbf"), ("nu_svr", "rbf")):
        raise InputError(f"{path}: found {kind}, expected libsvm's text of an SVR of kernel rbf")
    try:
        rows = [line.split() for line in body.splitlines() if line.strip()]
        table = [[cell.split(":") for cell in row[1:]] for row in rows]
        vectors = np.zeros((len(rows), max(int(i) for row in table for i, _ in row)))
        for row, cells in enumerate(table):
            for i, value in cells:
                vectors[row, int(i) - 1] = float(value)
        return {
            "vectors": vectors,
            "weights": np.array([float(row[0]) for row in rows]),
            "gamma": np.array(float(fields["gamma"])),
            "bias": np.array(-float(fields["rho"])),
        }
    except (KeyError, ValueError) as error:
        raise InputError(f"{path}: {error}, expected libsvm's text of an SVR") from error


def _ranges(path: Path) -> dict[str, np.ndarray]:
    expected = "expected rows of feature, min, max (.csv or svm-scale's text)"
    if not path.is_file():
        raise InputError(f"{path}: no such file, {expected}")
    try:
        lines = path.read_text().splitlines()
        if lines[:1] == ["x"] and lines[1].split() == ["-1", "1"]:
            rows = np.loadtxt(lines[2:], ndmin=2)
        else:
            rows = np.loadtxt(lines[1:], delimiter=",", ndmin=2)
        number, low, high = rows.T
    except (ValueError, IndexError) as error:
        reason = str(error).split("\n")[0]
        raise InputError(f"{path}: {reason}, {expected}") from error
    if not np.array_equal(number - number[:1], np.arange(len(number))) or not (low < high).all():
        raise InputError(f"{path}: found features out of order or min above max, {expected}")
    return {"low": low, "high": high}
