"""Trains image restorers, and restores the held-out test photographs."""

import dataclasses
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np

from jiqa.data.protocols import refuse_leak
from jiqa.errors import InputError
from jiqa.files import write_csv
from jiqa.metrics.fr.psnr import psnr
from jiqa.metrics.fr.ssim import ssim, ssim_map
from jiqa.models.unet import SHRINK
from jiqa.results import plots
from jiqa.tasks import restore_update
from jiqa.tasks.task import Descent, Fitted, TaskContext, no_quality
from jiqa.train import mesh as meshes
from jiqa.train.dataset import Dataset
from jiqa.train.loop import DescentConfig
from jiqa.train.objective import Criterion, Objective
from jiqa.train.predict import compile_predict, predict_rows

TABLE, SHEET = "restored.csv", "restored.png"
FIGURES = ("psnr", "ssim", "restored_psnr", "restored_ssim", "map_correlation")
# Side and margin of the tiles that an image is restored in, in pixels. Margins are dropped: the
# receptive field of the other pixels ends inside the tile. Both are multiples of `SHRINK`, so that
# tiles give the same result as the whole image.
TILE, MARGIN = 512, 96

# uint8 [h, w, 3] -> restored image float32 [h, w, 3] in [0, 1] and SSIM map [h, w], NaN for a
# single-task restorer.
Restorer = Callable[[np.ndarray], tuple[np.ndarray, np.ndarray]]

_psnr, _ssim, _ssim_map = map(jax.jit, (psnr, ssim, ssim_map))


@dataclasses.dataclass(frozen=True)
class RestoreConfig(DescentConfig):
    """Settings of a restorer's training.

    Attributes:
        restore_weight: of the mean absolute error of the restored image.
        ssim_weight: of the mean absolute error of the SSIM map.
        select: see `DescentConfig`; MT-IRN uses the last state.
    """

    select: str = "last"
    restore_weight: float = 1.0
    ssim_weight: float = 0.0

    def __post_init__(self) -> None:
        super().__post_init__()
        weights = self.restore_weight, self.ssim_weight
        if min(weights) < 0 or not any(weights):
            found = " and ".join(map(str, weights))
            raise InputError(
                f"restore_weight, ssim_weight: found {found}, expected 0 or more, not both 0"
            )


class Restore(Descent[RestoreConfig]):
    """Trains a restorer on pairs, see `jiqa.databases.pairs`; the lowest validation loss is best.

    With a `restore_weight`, the test pairs are restored whole at the end: the folder gets
    `restored.csv`, one row per pair, and `restored.png`, some pairs in rows. The fact `seen` holds
    the sorted content hashes of all photographs that training and selection read.
    """

    config: ClassVar[type] = RestoreConfig
    needs: ClassVar[str] = "pairs"
    gives_scores: ClassVar[bool] = False

    def prepare(self, context: TaskContext[RestoreConfig]) -> None:
        """Distorts the photographs where pairs are missing."""
        context.dataset.source.make()

    def objective(self, context: TaskContext[RestoreConfig]) -> Objective:
        """Errors of the restored image and of the SSIM map; validation has loss and PSNR.

        Raises:
            InputError: a test photograph is among the training photographs.
        """
        config, split, dataset = context.config, context.split, context.dataset
        refuse_leak(frozenset(_seen(context)), dataset.index.take(split.test))
        pairs, weights = dataset.source, (config.restore_weight, config.ssim_weight)
        devices = meshes.fitting(context.devices, config.batch_size)
        judge = compile_predict(
            restore_update.make_judge(context.model, pairs.images, *weights), devices
        )

        def make_update(optimiser: Any) -> Any:
            average, rates = config.optim.ema, config.optim.rates
            return restore_update.make_update(
                context.model, optimiser, pairs.images, *weights, average, rates
            )

        def validate(variables: Any) -> dict[str, float]:
            if not len(split.val):
                return {"val_loss": np.nan, "val_psnr": np.nan}
            judged = predict_rows(
                judge, variables, pairs, dataset.on(devices), split.val, config.batch_size, devices
            )
            loss, decibels = judged.astype(np.float64).mean(axis=0)
            return {"val_loss": float(loss), "val_psnr": float(decibels)}

        return Objective(
            dataset, split.train, make_update, validate, Criterion("val_loss", "lower")
        )

    def fitted(self, context: TaskContext[RestoreConfig], variables: Any) -> Fitted:
        """Variables of the restorer, and the fact `seen`."""
        return Fitted(no_quality, variables, {"seen": sorted(_seen(context))})

    def report(self, context: TaskContext[RestoreConfig], fitted: Fitted) -> None:
        """Draws the loss curves and restores the test pairs."""
        super().report(context, fitted)
        if context.config.restore_weight and not (context.folder / TABLE).exists():
            here = jax.device_get(fitted.variables)
            rows = context.split.test
            evaluate(context.model, here, context.dataset, rows, context.folder)


def _seen(context: TaskContext[RestoreConfig]) -> set[str]:
    """Content hashes of all photographs that training and selection read."""
    rows = np.concatenate([context.split.train, context.split.val])
    return set(context.dataset.index.take(rows).content_hash.tolist())


def restorer(model: nn.Module, variables: Any) -> Restorer:
    """Function that restores an image of any size, tile by tile.

    Args:
        model: linen module, `(image, train) -> (restored, out)`; see `jiqa.models.unet`.
        variables: of the model.
    """
    here = jax.device_get(variables)

    @jax.jit
    def apply(variables: Any, image: jax.Array) -> jax.Array:
        restored, out = model.apply(variables, image)
        map: Any = out.get("ssim_map", jnp.full(restored.shape[:3], jnp.nan))
        return jnp.concatenate([jnp.clip(restored, 0, 1), map[..., None]], axis=-1)

    return lambda image: in_tiles(lambda tile: apply(here, tile), image)


def in_tiles(
    apply: Callable[[np.ndarray], jax.Array], image: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Restored image and SSIM map of a whole image, computed tile by tile.

    Args:
        apply: float32 [1, h, w, 3] -> [1, h, w, 4], restored image and map.
        image: uint8 [h, w, 3], of any size.

    Returns:
        Restored image float32 [h, w, 3] and map [h, w].
    """
    height, width = image.shape[:2]
    margins = ((0, -height % SHRINK), (0, -width % SHRINK), (0, 0))
    x = np.pad(image, margins, mode="symmetric")[None] / np.float32(255)
    found = np.empty((*x.shape[1:3], 4), np.float32)
    for top, first, below in _cuts(x.shape[1]):
        for left, start, right in _cuts(x.shape[2]):
            tile = np.asarray(apply(x[:, top : top + TILE, left : left + TILE])[0])
            kept = tile[first - top : below - top, start - left : right - left]
            found[first:below, start:right] = kept
    found = found[:height, :width]
    return found[..., :3], found[..., 3]


def _cuts(length: int) -> list[tuple[int, int, int]]:
    """Tiles of an axis: start of each tile, and start and end of the kept part of its result."""
    if length <= TILE:
        return [(0, 0, length)]
    step = TILE - 2 * MARGIN
    starts = [min(i * step, length - TILE) for i in range(math.ceil((length - TILE) / step) + 1)]
    ends = [start + MARGIN for start in starts[1:]]
    return list(zip(starts, [0, *ends], [*ends, length], strict=True))


def evaluate(
    model: nn.Module, variables: Any, dataset: Dataset, rows: np.ndarray, folder: Path
) -> None:
    """Restores whole pairs, and writes `restored.csv` and `restored.png`.

    The table has PSNR in dB and SSIM of the distorted and of the restored image against the
    reference, and Pearson's correlation of the predicted and the true SSIM map. The correlation is
    empty where no map is predicted or a map is constant.
    """
    index, restore_one = dataset.index, restorer(model, variables)
    lines, pictures = [], {}
    for row in rows:
        pair = dataset.source.load(row)
        ref, image = (pair[None, :, :, i] / np.float32(255) for i in (0, 1))
        restored, predicted = restore_one(pair[:, :, 1])
        truth = np.asarray(_ssim_map(image, ref))[0]
        measured = [f(x, ref)[0] for x in (image, restored[None]) for f in (_psnr, _ssim)]
        cells = [*map(float, measured), _correlation(predicted, truth)]
        about = (index.id[row], index.content_id[row], index.distortion[row], index.level[row])
        lines.append((*about, *(f"{x:.6g}" if np.isfinite(x) else "" for x in cells)))
        if index.level[row] in (0, 3):
            strip = [ref[0], image[0], restored, grey(truth), grey(predicted)]
            pictures.setdefault(f"{index.distortion[row]} {index.level[row]}", strip)
    if pictures:
        side = min(256, *(min(strip[0].shape[:2]) for strip in pictures.values()))
        cut = {name: [each[:side, :side] for each in strip] for name, strip in pictures.items()}
        columns = ["reference", "distorted", "restored", "true map", "predicted map"]
        plots.sheet(cut, columns, folder / SHEET, f"{index.database}, never seen")
    header = ("id", "content_id", "distortion", "level", *FIGURES)
    write_csv(folder / TABLE, [header, *lines])


def _correlation(predicted: np.ndarray, truth: np.ndarray) -> float:
    """Pearson's correlation of maps [h, w]; NaN where it is undefined."""
    if not np.isfinite(predicted).all() or not (predicted.std() and truth.std()):
        return np.nan
    return float(np.corrcoef(predicted.ravel(), truth.ravel())[0, 1])


def grey(map: np.ndarray) -> np.ndarray:
    """SSIM map [h, w] as a grey picture [h, w, 3]: 1 is white; 0, negative values and NaN black."""
    return np.repeat(np.clip(np.nan_to_num(map), 0, 1)[..., None], 3, axis=-1)
