"""Predict rows of a dataset, and refuse test rows that training has seen."""

import functools
from collections.abc import Callable
from typing import Any

import flax.linen as nn
import jax
import numpy as np
from jax.sharding import Mesh

from jiqa.data.pipeline import Resident, Streamed
from jiqa.data.protocols import refuse_leak
from jiqa.train import mesh as meshes
from jiqa.train import supervised
from jiqa.train.dataset import Dataset


def compile_predict(predict: Callable[..., jax.Array], mesh: Mesh) -> Callable[..., jax.Array]:
    """Compiles a pure prediction; its result is whole on every device and process."""
    return jax.jit(predict, out_shardings=meshes.replicated(mesh))


def predict_test(
    predict: Callable[[Dataset, np.ndarray], np.ndarray],
    dataset: Dataset,
    rows: np.ndarray,
    seen: frozenset[str],
) -> np.ndarray:
    """Quality float32 [n] of the rows int [n] of a dataset, by `predict(dataset, rows)`.

    Raises:
        InputError: one of their contents is among those `seen`, the hashes of all that the
            training read.
    """
    refuse_leak(seen, dataset.index.take(rows))
    return predict(dataset, rows)


def predict_rows(
    predict: Callable[..., jax.Array],
    variables: Any,
    source: Streamed | Resident,
    arrays: Any,
    rows: np.ndarray,
    batch_size: int,
    mesh: Mesh,
) -> np.ndarray:
    """Predictions of `rows`, in their order.

    Args:
        predict: compiled `(variables, batch, arrays) -> float32 [b] or [b, d]`.
        variables: the model's.
        source: of the pipeline.
        arrays: the source's, on the devices.
        rows: int [n], rows of the index.
        batch_size: images a batch over all processes; the last batch is padded, and what the
            padding gives is dropped.
        mesh: of the devices.

    Returns:
        float32 [n] or [n, d].
    """
    batches = source.eval_batches(rows, batch_size, shard=meshes.process_shard())
    parts = [predict(variables, batch, arrays) for batch in meshes.to_device(batches, mesh)]
    return np.concatenate([np.asarray(part) for part in parts])[: len(rows)]


def predictor(
    model: nn.Module, batch_size: int, mesh: Mesh, pooling: str = "mean"
) -> Callable[[Any, Dataset, np.ndarray], np.ndarray]:
    """Predictor of rows: `(variables, dataset, rows) -> float32 [n, ...]`.

    Compiled once for each kind of source. The variables are on the devices of `meshes.fitting`
    or on none.

    Args:
        model: linen module, `(image, train) -> (prediction, out)`.
        batch_size: images a batch.
        mesh: of the devices, of which those are used that the batch divides over.
        pooling: of an image's crops, see `supervised.make_predict`.
    """
    mesh = meshes.fitting(mesh, batch_size)

    @functools.cache
    def compiled(images: Callable[..., jax.Array]) -> Callable[..., jax.Array]:
        return compile_predict(supervised.make_predict(model, images, pooling), mesh)

    def predict(variables: Any, dataset: Dataset, rows: np.ndarray) -> np.ndarray:
        source = dataset.source
        arrays = dataset.on(mesh)
        apply = compiled(source.images)
        return predict_rows(apply, variables, source, arrays, rows, batch_size, mesh)

    return predict
