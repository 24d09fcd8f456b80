"""Training of image restorers, and what they make of photographs that were held out."""

import csv
import dataclasses
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import optax
from jax.sharding import Mesh

from jiqa import plots
from jiqa.data.pairs import Distorted
from jiqa.errors import InputError
from jiqa.evaluate import compile_predict, predict_rows
from jiqa.fr.psnr import psnr
from jiqa.fr.ssim import ssim, ssim_map
from jiqa.protocols import Split
from jiqa.steps import restore
from jiqa.train import Data, Descent, Trained, Update, descend

TABLE, SHEET = "restored.csv", "restored.png"
MEASURES = ("psnr", "ssim", "restored_psnr", "restored_ssim", "map_correlation")
# Pairs of one size that are restored at once, whole.
_FEW = 4


@dataclasses.dataclass(frozen=True)
class RestoreFit(Descent):
    """How a restorer is trained.

    Attributes:
        restore_weight: of the mean absolute error of the restored image.
        ssim_weight: of that of the SSIM map.
        select: see `Descent`; MT-IRN takes the last state.
    """

    select: str = "last"
    restore_weight: float = 1.0
    ssim_weight: float = 0.0

    def __post_init__(self) -> None:
        super().__post_init__()
        if not (
            min(self.restore_weight, self.ssim_weight) >= 0 < self.restore_weight + self.ssim_weight
        ):
            found = f"{self.restore_weight} and {self.ssim_weight}"
            raise InputError(
                f"restore_weight, ssim_weight: found {found}, expected 0 or more, not both 0"
            )


def fit_restore(
    model: nn.Module,
    variables: Any,
    data: Data,
    split: Split,
    how: RestoreFit,
    folder: Path,
    mesh: Mesh,
    seed: int,
) -> Trained:
    """Trains a restorer, or goes on from the latest checkpoint in `folder`; arguments as `fit`'s.

    `data.source` holds pairs, see `jiqa.data.pairs`. Where images are restored at all, the pairs of
    the test part are restored whole at the end: `folder` gets `restored.csv`, a row a pair, and
    `restored.png`, some of them beside each other.
    """
    pairs, weights = data.source, (how.restore_weight, how.ssim_weight)
    if isinstance(pairs, Distorted):
        pairs.make()
    measure = compile_predict(restore.make_measure(model, pairs.images, *weights), mesh)

    def make_update(optimiser: optax.GradientTransformation) -> Update:
        return restore.make_update(model, optimiser, pairs.images, *weights, how.optim.ema)

    def validate(variables: Any) -> dict[str, float]:
        if not len(split.val):
            return {"val_loss": np.nan, "val_psnr": np.nan}
        measured = predict_rows(
            measure, variables, pairs, data.arrays, split.val, how.batch_size, mesh
        )
        loss, decibels = measured.astype(np.float64).mean(axis=0)
        return {"val_loss": float(loss), "val_psnr": float(decibels)}

    def score(measured: dict[str, float]) -> float:
        return -measured["val_loss"]

    variables, facts = descend(
        make_update, validate, score, variables, data, split.train, how, folder, mesh, seed
    )
    if how.restore_weight and not (folder / TABLE).exists() and jax.process_index() == 0:
        evaluate(model, jax.device_get(variables), data, split.test, folder)
    return Trained(_no_quality, variables, facts)


def restorer(model: nn.Module, variables: Any) -> Callable[[np.ndarray], np.ndarray]:
    """The function from an image uint8 [h, w, 3] to the restored one, float32 in [0, 1]."""
    restored = jax.jit(lambda image: jnp.clip(model.apply(variables, image)[0], 0, 1))

    def restore_one(image: np.ndarray) -> np.ndarray:
        return np.asarray(restored(image[None].astype(np.float32) / 255)[0])

    return restore_one


def evaluate(model: nn.Module, variables: Any, data: Data, rows: np.ndarray, folder: Path) -> None:
    """Restores the pairs of the rows whole; writes `restored.csv` and `restored.png`.

    The table has PSNR in dB and SSIM of the distorted and of the restored image, both against the
    reference, and the correlation of the predicted with the true SSIM map (Pearson; empty without
    a predicted one, or where a map is constant).
    """
    index = data.index.take(rows)
    restored = jax.jit(lambda image: model.apply(variables, image))
    lines, pictures = [], {}
    for numbers, both in _whole(data, rows):
        ref, image = both[:, :, :, 0], both[:, :, :, 1]
        found, out = restored(image)
        found = jnp.clip(found, 0, 1)
        truth, predicted = ssim_map(image, ref), out.get("ssim_map")
        measured = [psnr(image, ref), ssim(image, ref), psnr(found, ref), ssim(found, ref)]
        columns = [*map(np.asarray, measured), _correlation(predicted, truth)]
        for i, number in enumerate(numbers):
            lines.append((number, [float(column[i]) for column in columns]))
            label = f"{index.distortion[number]} {index.level[number]}"
            if index.level[number] in (0, 3) and label not in pictures:
                maps = [truth[i]] if predicted is None else [truth[i], predicted[i]]
                strip = [ref[i], image[i], found[i], *(_grey(each) for each in maps)]
                pictures[label] = [np.asarray(each)[:256, :256] for each in strip]
    part = folder / (TABLE + ".part")
    with part.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(("id", "content_id", "distortion", "level", *MEASURES))
        for number, values in sorted(lines):
            row = (
                getattr(index, name)[number] for name in ("id", "content_id", "distortion", "level")
            )
            writer.writerow((*row, *(f"{x:.6g}" if np.isfinite(x) else "" for x in values)))
    columns = ["reference", "distorted", "restored", "true map", "predicted map"]
    count = len(next(iter(pictures.values())))
    plots.sheet(pictures, columns[:count], folder / SHEET, f"{index.database}, never seen")
    part.replace(folder / TABLE)


def _whole(data: Data, rows: np.ndarray) -> Iterator[tuple[list[int], jax.Array]]:
    """The pairs of the rows, float32 [n, h, w, 2, 3], a few of one size at a time, numbered."""
    waiting: dict[tuple[int, ...], list[tuple[int, np.ndarray]]] = {}
    for number, row in enumerate(rows):
        pair = data.source.load(row)
        alike = waiting.setdefault(pair.shape, [])
        alike.append((number, pair))
        if len(alike) == _FEW:
            yield _stacked(waiting.pop(pair.shape))
    for alike in waiting.values():
        yield _stacked(alike)


def _stacked(alike: list[tuple[int, np.ndarray]]) -> tuple[list[int], jax.Array]:
    numbers, pairs = zip(*alike, strict=True)
    return list(numbers), jnp.asarray(np.stack(pairs), jnp.float32) / 255


def _correlation(predicted: jax.Array | None, truth: jax.Array) -> np.ndarray:
    """Pearson's, of maps [n, h, w] -> [n]; NaN where there is none."""
    if predicted is None:
        return np.full(len(truth), np.nan)
    x, y = (np.asarray(each, np.float64).reshape(len(truth), -1) for each in (predicted, truth))
    x, y = x - x.mean(1, keepdims=True), y - y.mean(1, keepdims=True)
    with np.errstate(invalid="ignore"):
        return (x * y).sum(1) / np.sqrt((x * x).sum(1) * (y * y).sum(1))


def _grey(map: jax.Array) -> np.ndarray:
    """A map of SSIM [h, w] as a picture: 0 and below are black, 1 is white."""
    return np.repeat(np.clip(np.asarray(map), 0, 1)[..., None], 3, axis=-1)


def _no_quality(data: Data, rows: np.ndarray) -> np.ndarray:
    raise InputError("stages: found a restorer at the end, expected a stage that gives scores")
