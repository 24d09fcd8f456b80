"""Training of image restorers, and their results on photographs that were held out."""

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
MEASURES = ("psnr", "ssim", "restored_psnr", "restored_ssim", "map_correlation")
# An image is restored in tiles of this side, of which the margins are thrown away: from beyond them
# nothing reaches a pixel. Both are multiples of `SHRINK`, so that tiles give what the whole gives.
TILE, MARGIN = 512, 96

# uint8 [h, w, 3] -> restored image, float32 [h, w, 3] in [0, 1], and SSIM map [h, w], NaN without.
Restorer = Callable[[np.ndarray], tuple[np.ndarray, np.ndarray]]

_psnr, _ssim, _ssim_map = map(jax.jit, (psnr, ssim, ssim_map))


@dataclasses.dataclass(frozen=True)
class RestoreConfig(DescentConfig):
    """How a restorer is trained.

    Attributes:
        restore_weight: of the mean absolute error of the restored image.
        ssim_weight: of that of the SSIM map.
        select: see `DescentConfig`; MT-IRN takes the last state.
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
    """Learns from pairs, see `jiqa.databases.pairs`; the lowest validation loss is the best state.

    Where images are restored at all, the pairs of the test part are restored whole at the end:
    the folder gets `restored.csv`, a row a pair, and `restored.png`, some pairs in rows. The fact
    `seen` holds the content hashes of all photographs that training and selection read, sorted.
    """

    config: ClassVar[type] = RestoreConfig
    needs: ClassVar[str] = "pairs"
    gives_scores: ClassVar[bool] = False

    def prepare(self, context: TaskContext[RestoreConfig]) -> None:
        """Distorts the photographs, where the pairs are not there yet."""
        context.dataset.source.make()

    def objective(self, context: TaskContext[RestoreConfig]) -> Objective:
        """Errors of the restored image and of the SSIM map; loss and PSNR for validation.

        Raises:
            InputError: a photograph to be tested on is to be learned from.
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
        """The restorer's variables, and the photographs it has seen."""
        return Fitted(no_quality, variables, {"seen": sorted(_seen(context))})

    def report(self, context: TaskContext[RestoreConfig], fitted: Fitted) -> None:
        """Draws the loss curves, and restores the pairs of the test part."""
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
    """What a trained restorer makes of an image of any size, tile by tile.

    Args:
        model: linen module, `(image, train) -> (restored, out)`; see `jiqa.models.unet`.
        variables: the model's.
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
    """What `apply` says of a whole image, tile by tile.

    Args:
        apply: float32 [1, h, w, 3] -> [1, h, w, 4], restored image and map.
        image: uint8 [h, w, 3], of any size.

    Returns:
        float32 [h, w, 3] and [h, w].
    """
    height, width = image.shape[:2]
    margins = ((0, -height % SHRINK), (0, -width % SHRINK), (0, 0))
    x = np.pad(image, margins, mode="symmetric")[None] / np.float32(255)
    found = np.empty((*x.shape[1:3], 4), np.float32)
    for top, first, below in _cuts(x.shape[1]):
        for left, start, right in _cuts(x.shape[2]):
            tile = np.asarray(apply(x[:, top : top + TILE, left : left + TILE])[0])
            counts = tile[first - top : below - top, start - left : right - left]
            found[first:below, start:right] = counts
    found = found[:height, :width]
    return found[..., :3], found[..., 3]


def _cuts(length: int) -> list[tuple[int, int, int]]:
    """Where each tile starts on an axis, and from where to where its result counts."""
    if length <= TILE:
        return [(0, 0, length)]
    step = TILE - 2 * MARGIN
    starts = [min(i * step, length - TILE) for i in range(math.ceil((length - TILE) / step) + 1)]
    ends = [start + MARGIN for start in starts[1:]]
    return list(zip(starts, [0, *ends], [*ends, length], strict=True))


def evaluate(
    model: nn.Module, variables: Any, dataset: Dataset, rows: np.ndarray, folder: Path
) -> None:
    """Restores the pairs of the rows whole; writes `restored.csv` and `restored.png`.

    The table has PSNR in dB and SSIM of the distorted and of the restored image, both against the
    reference, and the correlation of the predicted with the true SSIM map (Pearson; empty without
    a predicted one, or where a map is constant).
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
    header = ("id", "content_id", "distortion", "level", *MEASURES)
    write_csv(folder / TABLE, [header, *lines])


def _correlation(predicted: np.ndarray, truth: np.ndarray) -> float:
    """Pearson's, of maps [h, w]; NaN where there is none."""
    if not np.isfinite(predicted).all() or not (predicted.std() and truth.std()):
        return np.nan
    return float(np.corrcoef(predicted.ravel(), truth.ravel())[0, 1])


def grey(map: np.ndarray) -> np.ndarray:
    """A map of SSIM [h, w] as a picture: 0 and below, and where there is none, black; 1 white."""
    return np.repeat(np.clip(np.nan_to_num(map), 0, 1)[..., None], 3, axis=-1)
