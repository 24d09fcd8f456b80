"""Hand-crafted features of whole images of a database, computed once, in batches."""

import dataclasses
import functools
from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import Mesh, PartitionSpec
from tqdm import tqdm

from jiqa.data.pipeline import Resident, Streamed
from jiqa.metrics.nr.features import Features
from jiqa.metrics.nr.patches import Codebook
from jiqa.ops.masks import bucket
from jiqa.train import mesh as meshes


@dataclasses.dataclass(frozen=True)
class Images:
    """Whole images of a database, and the extractor of their features.

    Attributes:
        extractor: of features.
        source: of the database.
        batch_size: images of a batch. All images of a batch have one size, or sizes of one bucket
            where the features allow padding.
        rows: int [n], of the database's index.
        mesh: of devices that `batch_size` divides over; by default the first device.
    """

    extractor: Features
    source: Streamed | Resident
    batch_size: int
    rows: np.ndarray
    mesh: Mesh = dataclasses.field(default_factory=meshes.alone)

    def __getitem__(self, places: np.ndarray) -> "Images":
        """The images at these places of `rows`."""
        return dataclasses.replace(self, rows=self.rows[places])

    def learn(self) -> Codebook:
        """Codebook of the extractor; every call learns from the same images."""
        some = np.random.default_rng(0).permutation(self.rows)[: self.extractor.images]
        return self.extractor.learn(self.source.load(row) for row in some)

    def features(self, codebook: Codebook) -> np.ndarray:
        """Features float32 [n, d]; features that need no codebook are cached by image."""
        known = {} if codebook else _known(self.extractor, self.source)
        rows = self.rows.tolist()
        self._compute([row for row in rows if row not in known], codebook, known)
        return np.stack([known[row] for row in rows])

    def _compute(self, rows: list[int], codebook: Codebook, found: dict[int, np.ndarray]) -> None:
        waiting: dict[tuple[int, ...], dict[int, np.ndarray]] = {}

        def finish(images: dict[int, np.ndarray]) -> None:
            features = compute(
                self.extractor, list(images.values()), codebook, self.batch_size, self.mesh
            )
            found.update(zip(images, features, strict=True))
            images.clear()

        for row in tqdm(rows, f"features of {self.source.index.database}", disable=None):
            image = self.source.load(row)
            images = waiting.setdefault(_shape(self.extractor, image), {})
            images[row] = image
            if len(images) == self.batch_size:
                finish(images)
        for images in filter(None, waiting.values()):
            finish(images)


@functools.lru_cache(maxsize=8)
def _known(extractor: Features, source: Streamed | Resident) -> dict[int, np.ndarray]:
    """Cache of a database's features, by row."""
    return {}


@functools.lru_cache(maxsize=8)
def _compiled(extractor: Features, mesh: Mesh) -> Any:
    """Compiled features of images uint8 [b, h, w, 3] by a codebook; `size` as in `jiqa.ops.masks`.

    Every device of the mesh computes one part of the batch.
    """

    def features(image: jax.Array, size: jax.Array | None, codebook: Codebook) -> jax.Array:
        return extractor(image.astype(jnp.float32) / 255, codebook, size)

    parts = jax.shard_map(
        features,
        mesh=mesh,
        in_specs=(PartitionSpec("data"), PartitionSpec("data"), PartitionSpec()),
        out_specs=PartitionSpec("data"),
        check_vma=False,
    )
    return jax.jit(parts, out_shardings=meshes.replicated(mesh))


def _shape(extractor: Features, image: np.ndarray) -> tuple[int, int]:
    """Height and width of an image after padding to its bucket."""
    height, width, _ = image.shape
    return (bucket(height), bucket(width)) if extractor.masks else (height, width)


def compute(
    extractor: Features,
    images: Sequence[np.ndarray],
    codebook: Codebook,
    batch_size: int,
    mesh: Mesh,
) -> np.ndarray:
    """Features float32 [n, d] of images uint8 [h, w, 3] of one padded shape, in one batch."""
    height, width = _shape(extractor, images[0])
    batch = np.zeros((batch_size, height, width, 3), np.uint8)
    size = np.full((batch_size, 2), (height, width), np.int32)
    for i, image in enumerate(images):
        size[i] = image.shape[:2]
        batch[i, : size[i, 0], : size[i, 1]] = image
    features = _compiled(extractor, mesh)(batch, size if extractor.masks else None, codebook)
    return np.asarray(features)[: len(images)]
