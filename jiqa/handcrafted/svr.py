"""Support vector regressions on features; `jiqa.steps.svr` fits them."""

from pathlib import Path
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from scipy.spatial import distance

from jiqa.errors import InputError
from jiqa.files import write_npz
from jiqa.handcrafted import files


class Svr(NamedTuple):
    """sum_i w_i exp(-gamma |s(x) - v_i|^2) + bias; s takes `low` .. `high` to -1 .. 1.

    Attributes:
        low: [d], lowest of each feature in training.
        high: [d], highest.
        vectors: [n, d], scaled.
        weights: [n].
        gamma: [].
        bias: [].
    """

    low: np.ndarray
    high: np.ndarray
    vectors: np.ndarray
    weights: np.ndarray
    gamma: np.ndarray
    bias: np.ndarray

    def predict(self, features: jax.Array) -> jax.Array:
        """[b, d] -> [b], in float32."""
        low, high = jnp.asarray(self.low), jnp.asarray(self.high)
        span = jnp.where(high > low, high - low, 1.0)
        x = 2 * (features - low[None]) / span[None] - 1
        square = jnp.sum((x[:, None] - jnp.asarray(self.vectors)[None]) ** 2, -1)
        kernel = jnp.exp(-self.gamma * square)
        return _sum(kernel * jnp.asarray(self.weights)[None]) + self.bias

    def evaluate(self, features: np.ndarray) -> np.ndarray:
        """[b, d] -> [b], in float64."""
        low, high, vectors, weights, gamma, bias = (np.asarray(x, np.float64) for x in self)
        scaled = 2 * (features - low) / np.where(high > low, high - low, 1) - 1
        kernel = np.exp(-gamma * distance.cdist(scaled, vectors, "sqeuclidean"))
        return kernel @ weights + bias

    def save(self, path: Path) -> None:
        """Writes the arrays as .npz."""
        write_npz(path, self._asdict())


def _sum(x: jax.Array) -> jax.Array:
    """[b, n] -> [b], what each addition rounds away being added up beside it (Knuth's two-sum).

    Terms of thousands make a sum of tens here: float32 alone would give it in steps of 1/128.
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
        weights: [d].
        bias: [].
    """

    weights: np.ndarray
    bias: np.ndarray

    def evaluate(self, features: np.ndarray) -> np.ndarray:
        """[b, d] -> [b], in float64."""
        return features.astype(np.float64) @ self.weights + self.bias


def load(path: Path, features: int) -> Svr:
    """A regression on so many features: a .npz as `Svr.save` writes it, or a libsvm text model.

    The ranges of a libsvm model lie beside it: `brisque_range.csv` with a row (feature, min, max)
    each, or `allrange` as svm-scale writes it.

    Raises:
        InputError: a file is not there, is no such model, or is one of other features.
    """
    if path.suffix == ".npz":
        found = files.read(path, {name: (name,) for name in Svr._fields})
    else:
        found = {**_libsvm(path), **_ranges(path.parent)}
    shapes = {"low": (features,), "high": (features,), "gamma": (), "bias": ()}
    shapes |= {"vectors": (-1, features), "weights": (len(found["vectors"]),)}
    return Svr(
        *(files.shaped(path, f, found[f], shapes[f]).astype(np.float32) for f in Svr._fields)
    )


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


def _ranges(folder: Path) -> dict[str, np.ndarray]:
    csv, allrange = folder / "brisque_range.csv", folder / "allrange"
    try:
        if csv.is_file():
            rows = np.loadtxt(csv, delimiter=",", skiprows=1, ndmin=2)
        elif allrange.is_file():
            rows = np.loadtxt(allrange, skiprows=2, ndmin=2)
        else:
            raise InputError(f"{folder}: found no {csv.name}, expected it or {allrange.name}")
        _, low, high = rows.T
    except ValueError as error:
        raise InputError(f"{folder}: {error}, expected rows of feature, min, max") from error
    return {"low": low, "high": high}
