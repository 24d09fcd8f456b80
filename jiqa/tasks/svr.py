"""Support vector regression on hand-crafted features, and the codebook that some of them take."""

import dataclasses
import functools
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import Mesh, PartitionSpec
from sklearn.metrics import make_scorer
from sklearn.model_selection import GridSearchCV
from sklearn.svm import SVR
from tqdm import tqdm

from jiqa.data.pipeline import Resident, Streamed
from jiqa.errors import InputError
from jiqa.files import write_npz
from jiqa.metrics.nr import files
from jiqa.metrics.nr.patches import Codebook
from jiqa.metrics.nr.svr import Linear, Svr
from jiqa.ops.masks import bucket
from jiqa.results import stats
from jiqa.tasks.folds import folds
from jiqa.train import mesh as meshes

# Penalties, and widths of the kernel as multiples of 1 / features, of which BRISQUE's release has
# 1.8. The tube is a tenth of the quality's deviation. Of penalties, which bound the weights, higher
# ones leave a sum of thousands of weights few digits in float32.
PENALTIES = (0.25, 1.0, 4.0, 16.0, 64.0)
WIDTHS = (0.125, 0.5, 2.0, 8.0)
TUBE = 0.1
FILE = "svr.npz"


@dataclasses.dataclass(frozen=True)
class Images:
    """Whole images of a database, and what makes features of them.

    Attributes:
        model: a `jiqa.metrics.nr.features.HandCrafted`.
        source: of the database.
        batch_size: images that are computed together: of one size, or of one bucket of sizes where
            the features allow padding. It is compiled once.
        rows: int [n], of the database's index.
        mesh: of devices that `batch_size` divides over; by default the first.
    """

    model: Any
    source: Streamed | Resident
    batch_size: int
    rows: np.ndarray
    mesh: Mesh = dataclasses.field(default_factory=meshes.alone)

    def __getitem__(self, places: np.ndarray) -> "Images":
        """Those at `places` of `rows`."""
        return dataclasses.replace(self, rows=self.rows[places])

    def learn(self) -> Codebook:
        """The model's codebook, of as many of the images as it asks for, always the same ones."""
        some = np.random.default_rng(0).permutation(self.rows)[: self.model.images]
        return self.model.learn(self.source.load(row) for row in some)

    def features(self, codebook: Codebook) -> np.ndarray:
        """Float32 [n, d]; without a codebook an image's are computed once, whoever asks again."""
        known = {} if codebook else _known(self.model, self.source)
        rows = self.rows.tolist()
        self._compute([row for row in rows if row not in known], codebook, known)
        return np.stack([known[row] for row in rows])

    def _compute(self, rows: list[int], codebook: Codebook, found: dict[int, np.ndarray]) -> None:
        waiting: dict[tuple[int, ...], dict[int, np.ndarray]] = {}

        def compute(images: dict[int, np.ndarray]) -> None:
            features = _features(
                self.model, list(images.values()), codebook, self.batch_size, self.mesh
            )
            found.update(zip(images, features, strict=True))
            images.clear()

        for row in tqdm(rows, f"features of {self.source.index.database}", disable=None):
            image = self.source.load(row)
            images = waiting.setdefault(_shape(self.model, image), {})
            images[row] = image
            if len(images) == self.batch_size:
                compute(images)
        for images in filter(None, waiting.values()):
            compute(images)


class Fitted(NamedTuple):
    """A regression and the codebook, which may be empty, that its features take."""

    regression: Svr | Linear
    codebook: Codebook

    def save(self, path: Path) -> None:
        """Writes the arrays of both as .npz."""
        write_npz(path, {**self.regression._asdict(), **self.codebook})

    @classmethod
    def load(cls, path: Path) -> "Fitted":
        """Reads what `save` wrote.

        Raises:
            InputError: it did not write the file.
        """
        arrays = files.arrays(path)
        kind = Svr if "vectors" in arrays else Linear
        if missing := set(kind._fields) - set(arrays):
            found = ", ".join(sorted(arrays))
            raise InputError(f"{path}: found {found}, expected {', '.join(sorted(missing))} too")
        regression = kind(*(arrays.pop(field) for field in kind._fields))
        return cls(regression, arrays)


@functools.lru_cache(maxsize=8)
def _known(model: Any, source: Streamed | Resident) -> dict[int, np.ndarray]:
    """By row, the features that were computed of a database."""
    return {}


@functools.lru_cache(maxsize=8)
def _compiled(model: Any, mesh: Mesh) -> Any:
    """Features of images uint8 [b, h, w, 3] by a codebook; `size` as in `jiqa.ops.masks`.

    Every device of the mesh computes its part of them.
    """

    def features(image: jax.Array, size: jax.Array | None, codebook: Codebook) -> jax.Array:
        return model.apply({"codebook": codebook}, image.astype(jnp.float32) / 255, size=size)[0]

    parts = jax.shard_map(
        features,
        mesh=mesh,
        in_specs=(PartitionSpec("data"), PartitionSpec("data"), PartitionSpec()),
        out_specs=PartitionSpec("data"),
        check_vma=False,
    )
    return jax.jit(parts, out_shardings=meshes.replicated(mesh))


def _shape(model: Any, image: np.ndarray) -> tuple[int, int]:
    """Height and width of the array that an image is computed in."""
    height, width, _ = image.shape
    return (bucket(height), bucket(width)) if model.masks else (height, width)


def _features(
    model: Any, images: Sequence[np.ndarray], codebook: Codebook, batch_size: int, mesh: Mesh
) -> np.ndarray:
    """Float32 [n, d] of at most `batch_size` images uint8 [h, w, 3] of one `_shape`."""
    height, width = _shape(model, images[0])
    batch = np.zeros((batch_size, height, width, 3), np.uint8)
    size = np.full((batch_size, 2), (height, width), np.int32)
    for i, image in enumerate(images):
        size[i] = image.shape[:2]
        batch[i, : size[i, 0], : size[i, 1]] = image
    features = _compiled(model, mesh)(batch, size if model.masks else None, codebook)
    return np.asarray(features)[: len(images)]


def extract(
    model: Any, source: Streamed | Resident, batch_size: int, mesh: Mesh | None = None
) -> Images:
    """All images of a database, each to be read when its features are asked for.

    Of the devices of `mesh`, by default the first alone, those are used that a batch divides over.
    """
    rows = np.arange(len(source.index))
    return Images(
        model, source, batch_size, rows, meshes.fitting(mesh or meshes.alone(), batch_size)
    )


def predict(fitted: Fitted, images: Images) -> np.ndarray:
    """Quality float32 [n] of images, from their features on in float64."""
    features = images.features(fitted.codebook)
    return fitted.regression.evaluate(features).astype(np.float32)


def quality(fitted: Fitted, model: Any, image: np.ndarray) -> float:
    """Quality of an image uint8 [h, w, 3]; `model` as in `Images`."""
    features = _features(model, [image], fitted.codebook, 1, meshes.alone())
    return float(fitted.regression.evaluate(features)[0])


def solve(
    images: Images,
    quality: np.ndarray,
    content: np.ndarray,
    penalties: Sequence[float] = PENALTIES,
    widths: Sequence[float] = WIDTHS,
) -> tuple[Fitted, dict[str, float]]:
    """Learns a codebook of the images where they take one, and fits a regression; see `regress`."""
    codebook = images.learn()
    fitted, chosen = regress(images.features(codebook), quality, content, penalties, widths)
    return Fitted(fitted, codebook), chosen


def regress(
    features: np.ndarray,
    quality: np.ndarray,
    content: np.ndarray,
    penalties: Sequence[float] = PENALTIES,
    widths: Sequence[float] = WIDTHS,
) -> tuple[Svr | Linear, dict[str, float]]:
    """Fits a regression to features scaled to -1 .. 1, and standardised quality.

    Penalty and width are those with the highest mean SROCC over five folds of the training rows,
    none of which divides a content; the range of the features is that of all training rows.

    Args:
        features: float [n, d].
        quality: float [n].
        content: [n], the content_id of each row; five or more different ones.
        penalties: to choose from.
        widths: of the Gaussian kernel, as multiples of 1 / d, to choose from. None at all make it
            linear, the mean product of two images' features.

    Returns:
        The regression, in float64, and what was chosen, `penalty` and `gamma`.
    """
    features = features.astype(np.float64)
    low, high = features.min(0), features.max(0)
    span = np.where(high > low, high - low, 1)
    scaled = 2 * (features - low) / span - 1
    mean, deviation = float(quality.mean()), float(quality.std()) or 1.0
    count = features.shape[1]
    grid = {"C": penalties}
    if widths:
        model, inputs = SVR(epsilon=TUBE), scaled
        grid["gamma"] = [width / count for width in widths]
    else:
        model, inputs = SVR(kernel="precomputed", epsilon=TUBE), scaled @ scaled.T / count
    search = GridSearchCV(model, grid, scoring=make_scorer(_srocc), cv=folds(content))
    best = search.fit(inputs, (quality - mean) / deviation, groups=content).best_estimator_
    weights = best.dual_coef_[0] * deviation
    bias = best.intercept_[0] * deviation + mean
    chosen = {"penalty": float(best.C)}
    if not widths:
        slope = weights @ scaled[best.support_] / count
        bias -= slope @ (2 * low / span + 1)
        return Linear(2 * slope / span, bias), chosen
    gamma = np.asarray(best.gamma)
    vectors = best.support_vectors_
    return Svr(low, high, vectors, weights, gamma, bias), {**chosen, "gamma": float(gamma)}


def _srocc(quality: np.ndarray, predicted: np.ndarray) -> float:
    return float(stats.srocc(predicted, quality))
