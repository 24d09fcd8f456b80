"""Predict the rows of a split, and refuse where training has seen them; nothing else."""

from collections.abc import Callable
from typing import Any

import jax
import numpy as np
from jax.sharding import Mesh

from jiqa.data.pipeline import Resident, Streamed
from jiqa.data.protocols import refuse_leak
from jiqa.train import mesh as meshes


def compile_predict(predict: Callable[..., jax.Array], mesh: Mesh) -> Callable[..., jax.Array]:
    """Compiles a step's `predict`; its result is whole on every device and process."""
    return jax.jit(predict, out_shardings=meshes.replicated(mesh))


def predict_test(
    predict: Callable[[Any, np.ndarray], np.ndarray],
    data: Any,
    rows: np.ndarray,
    seen: frozenset[str],
) -> np.ndarray:
    """Quality float32 [n] of the rows int [n] of `data.index`, by `predict(data, rows)`.

    Raises:
        InputError: one of their contents is among those `seen`, the hashes of all that the
            training read.
    """
    refuse_leak(seen, data.index.take(rows))
    return predict(data, rows)


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
