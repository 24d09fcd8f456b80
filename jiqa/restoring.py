"""Photographs restored by a trained restorer, as files."""

import json
import math
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from PIL import Image
from tqdm import tqdm

from jiqa import models
from jiqa.checkpoint import Checkpoints
from jiqa.data import pp
from jiqa.errors import InputError
from jiqa.models.unet import SHRINK
from jiqa.stages import FACTS

# A photograph is restored in tiles of this side, of which the margins are thrown away: beyond them
# nothing reaches a pixel. Both are multiples of `SHRINK`, so that tiles give what the whole gives.
TILE, MARGIN = 512, 96

# uint8 [h, w, 3] -> the restored image and the predicted SSIM map, float32 [h, w, 3] and [h, w].
Restorer = Callable[[np.ndarray], tuple[np.ndarray, np.ndarray]]


def load(folder: str | Path) -> tuple[Restorer, bool]:
    """The restorer of a finished stage, and whether its SSIM map is to be believed.

    The map is not where the last training had no weight for it, as MT-IRN's has none.

    Raises:
        InputError: the folder is no finished stage of a restorer.
    """
    path = Path(folder) / FACTS
    expected = "expected the folder of a finished stage that trains a restorer, as runs/stages/..."
    if not path.is_file():
        raise InputError(f"{folder}: found no {FACTS}, {expected}")
    facts = json.loads(path.read_text())
    if facts["model"].get("name") != "unet":
        raise InputError(f"{folder}: found the model {facts['model'].get('name')!r}, {expected}")
    model: Any = models.build(**facts["model"])
    with Checkpoints(Path(folder) / "checkpoints") as checkpoints:
        variables = checkpoints.variables(facts["selected_step"])
    apply = jax.jit(lambda image: model.apply(variables, image))

    def restore(image: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        return in_tiles(lambda tile: _both(*apply(tile)), image)

    return restore, bool(facts["fit"].get("ssim_weight"))


def _both(restored: jax.Array, out: dict[str, jax.Array]) -> jax.Array:
    map = out.get("ssim_map", jnp.zeros(restored.shape[:3]))
    return jnp.concatenate([jnp.clip(restored, 0, 1), map[..., None]], axis=-1)


def in_tiles(
    apply: Callable[[np.ndarray], jax.Array], image: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """What `apply` says of a whole image, uint8 [h, w, 3], tile by tile.

    Args:
        apply: float32 [1, h, w, 3] -> [1, h, w, 4], restored image and map.
        image: of any size.

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
            found[first:below, start:right] = tile[
                first - top : below - top, start - left : right - left
            ]
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


def restore_files(files: Sequence[Path], checkpoint: str, output: str) -> list[InputError]:
    """Writes NAME.png, the restored image, and NAME_map.png, it and the SSIM map side by side.

    The map is black at 0 and below, white at 1; where it is not to be believed there is none.

    Args:
        files: photographs.
        checkpoint: folder of a restorer's stage.
        output: folder to write to.

    Returns:
        The errors of the photographs that could not be restored; the others are.

    Raises:
        InputError: two photographs would be written to one file, one would be overwritten, or the
            checkpoint is none.
    """
    folder = Path(output)
    targets = [folder / f"{path.stem}.png" for path in files]
    for path, target in zip(files, targets, strict=True):
        if targets.count(target) > 1 or target.resolve() in {each.resolve() for each in files}:
            raise InputError(f"{path}: found another photograph at {target}, expected it free")
    restore, true_map = load(checkpoint)
    folder.mkdir(parents=True, exist_ok=True)
    errors = []
    for path, target in zip(tqdm(files, "restore", disable=None), targets, strict=True):
        try:
            image = pp.decode(path.read_bytes(), str(path))
        except (OSError, InputError) as error:
            errors.append(InputError(str(error)))
            continue
        restored, map = restore(image)
        _write(restored, target)
        if true_map:
            grey = np.repeat(np.clip(map, 0, 1)[..., None], 3, axis=-1)
            beside = np.concatenate([restored, grey], axis=1)
            _write(beside, target.with_name(f"{path.stem}_map.png"))
    return errors


def _write(image: np.ndarray, path: Path) -> None:
    part = path.with_suffix(".part")
    Image.fromarray(np.rint(255 * image).astype(np.uint8)).save(part, "PNG")
    part.replace(path)
