"""Photographs restored by a trained restorer, as files."""

import json
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image
from tqdm import tqdm

from jiqa import models
from jiqa.checkpoint import Checkpoints
from jiqa.data import pp
from jiqa.errors import InputError
from jiqa.restoration import Restorer, grey, restorer
from jiqa.stages import FACTS


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
    return restorer(model, variables), bool(facts["fit"].get("ssim_weight"))


def restore_files(files: Sequence[Path], checkpoint: str, output: str) -> list[InputError]:
    """Writes NAME.png, the restored image, and NAME_map.png, it and the SSIM map side by side.

    Photographs are turned as their EXIF orientation asks. The map is black at 0 and below, white
    at 1; where it is not to be believed there is none.

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
    targets = {path: [folder / f"{path.stem}{end}.png" for end in ("", "_map")] for path in files}
    taken = Counter(target.resolve() for both in targets.values() for target in both)
    taken.update(path.resolve() for path in files)
    for path, both in targets.items():
        for target in both:
            if taken[target.resolve()] > 1:
                raise InputError(f"{path}: found another photograph at {target}, expected it free")
    restore, true_map = load(checkpoint)
    folder.mkdir(parents=True, exist_ok=True)
    errors = []
    for path in tqdm(files, "restore", disable=None):
        try:
            image = pp.decode_upright(path.read_bytes(), str(path))
        except (OSError, InputError) as error:
            errors.append(InputError(str(error)))
            continue
        restored, map = restore(image)
        _write(restored, targets[path][0])
        if true_map:
            beside = np.concatenate([restored, grey(map)], axis=1)
            _write(beside, targets[path][1])
    return errors


def _write(image: np.ndarray, path: Path) -> None:
    part = path.with_suffix(".part")
    Image.fromarray(np.rint(255 * image).astype(np.uint8)).save(part, "PNG")
    part.replace(path)
