"""Predicts rows of a dataset, and refuses test rows that training has seen."""

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
    """Compiles a pure prediction; every device and process gets the whole result."""
    return jax.jit(predict, out_shardings=meshes.replicated(mesh))


def predict_test(
    predict: Callable[[Dataset, np.ndarray], np.ndarray],
    dataset: Dataset,
    rows: np.ndarray,
    seen: frozenset[str],
) -> np.ndarray:
    """Quality float32 [n] of the rows int [n] of a dataset, by `predict(dataset, rows)`.

    Raises:
        InputError: the content of a row is in `seen`, the content hashes of all images that the
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
    """Predictions of `rows`, in the same order.

    Args:
        predict: compiled `(variables, batch, arrays) -> float32 [b] or [b, d]`.
        variables: the model's.
        source: of the pipeline.
        arrays: of the source, on the devices.
        rows: int [n], rows of the index.
        batch_size: images of a batch, over all processes; the last batch is padded, and predictions
            of the padding are dropped.
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

    The prediction is compiled once for each kind of source. Variables must be on the devices of
    `meshes.fitting` or on the host.

    Args:
        model: linen module, `(image, train) -> (prediction, out)`.
        batch_size: images of a batch.
        mesh: of devices; the largest part that the batch divides over is used.
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
