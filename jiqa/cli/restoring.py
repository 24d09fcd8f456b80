"""Restores photographs by trained restorers, and writes the results as files."""

import contextlib
import dataclasses
import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from PIL import Image
from tqdm import tqdm

from jiqa import images, models
from jiqa.cli.pairing import references
from jiqa.errors import InputError
from jiqa.experiment.stages import FACTS
from jiqa.files import writing
from jiqa.metrics.fr.psnr import psnr
from jiqa.metrics.given import Given, read
from jiqa.models.unet import SHRINK
from jiqa.results import plots
from jiqa.tasks.restore import Restorer, grey, restorer
from jiqa.train.checkpoint import Checkpoints, merge

RUNS = Path("runs")
# Stages of restorers in `RUNS`, as patterns: shared stages first, then stages of one run.
PLACES = ("stages/restore-*", "*/split*/restore")
SHEET = "sheet.png"
# Limits of the sheet: number of photographs, side of each in pixels, letters in a line of a label.
ROWS, SIDE, LETTERS = 32, 256, 36


@dataclasses.dataclass(frozen=True)
class Learned:
    """The restorer of a finished stage.

    Attributes:
        name: multitask or single-task.
        restore: see `Restorer`.
        mapless: reason why no SSIM map is written; '' where a map is written. A map is valid only
            if the last training had a weight for it; MT-IRN's has none.
    """

    name: str
    restore: Restorer
    mapless: str


def latest() -> Path:
    """Folder of the stage in `runs` whose restorer was finished last.

    Raises:
        InputError: there is no finished restorer.
    """
    for place in PLACES:
        found = []
        for path in RUNS.glob(f"{place}/{FACTS}"):
            with contextlib.suppress(InputError):
                _facts(path.parent)
                found.append(path)
        if found:
            return max(found, key=lambda path: path.stat().st_mtime).parent
    raise InputError(
        f"{RUNS / 'stages'}: found no finished stage of a restorer, expected one: train it by "
        "python -m jiqa.main --config=configs/mt_irn.py, or give --checkpoint"
    )


def load(folder: str | Path) -> Learned:
    """Reads the restorer of a finished stage.

    Raises:
        InputError: the folder is no finished stage of a restorer, or its checkpoint is missing,
            broken or of another model.
    """
    path = Path(folder) / FACTS
    facts = _facts(Path(folder))
    step = facts["selected_step"]
    checkpoint = path.parent / "checkpoints" / str(step)
    if not checkpoint.is_dir():
        raise InputError(f"{checkpoint}: no such folder, expected the checkpoint that {FACTS} says")
    try:
        model: Any = models.build(**facts["model"])
        image = jnp.zeros((1, SHRINK, SHRINK, 3))
        fresh = jax.eval_shape(model.init, jax.random.key(0), image)
    except (InputError, ArithmeticError, TypeError, ValueError) as error:
        raise InputError(f"{path}: found a model that cannot be built: {_line(error)}") from error
    try:
        with Checkpoints(checkpoint.parent) as checkpoints:
            trained = checkpoints.variables(step)["params"]
    except (OSError, AttributeError, KeyError, TypeError, ValueError) as error:
        raise InputError(f"{checkpoint}: {_line(error)}, expected a whole checkpoint") from error
    params = merge(fresh["params"], trained, f"{checkpoint} for the model in {FACTS}")
    multitask, weight = model.multitask, facts["fit"].get("ssim_weight")
    reason = "its config argument ssim_weight was 0" if multitask else "it is a single-task one"
    return Learned(
        name="multitask" if multitask else "single-task",
        restore=restorer(model, {"params": params}),
        mapless="" if multitask and weight else reason,
    )


def _facts(folder: Path) -> dict[str, Any]:
    """Facts of a finished stage; raises InputError where the stage trains no restorer."""
    path = folder / FACTS
    expected = "expected the folder of a finished stage that trains a restorer, as runs/stages/..."
    try:
        facts = json.loads(path.read_text(encoding="utf-8"))
    except OSError:
        raise InputError(f"{folder}: found no {FACTS}, {expected}") from None
    except ValueError as error:
        raise InputError(f"{path}: found no whole JSON: {error}, {expected}") from None
    for field, kind in (("model", dict), ("fit", dict), ("selected_step", int)):
        found = facts.get(field) if isinstance(facts, dict) else None
        if not isinstance(found, kind):
            raise InputError(f"{path}: {field}: found {found!r}, {expected}")
    if facts["model"].get("name") != "unet":
        raise InputError(f"{folder}: found the model {facts['model'].get('name')!r}, {expected}")
    return facts


def _line(error: Exception) -> str:
    """First line of a library's error, cut to 200 letters."""
    return (str(error).splitlines() or [type(error).__name__])[0][:200]


def restore_files(
    given: Sequence[Given],
    restorers: Sequence[Learned],
    output: str,
    refs: Sequence[str] = (),
    pair: str = "name",
) -> list[InputError]:
    """Writes NAME.png, the restored image, and NAME_map.png, restored image and SSIM map in a row.

    Several restorers write NAME_1.png, NAME_2.png and so on, in their order. Photographs are turned
    by their EXIF orientation. The map is black at 0 and below, white at 1. A restorer without a
    valid map writes none.

    With `refs`, the file `sheet.png` shows the first 32 photographs in rows: reference, photograph
    and restored images, all cut to the same square at the top left, with the PSNR of the whole
    images in dB.

    Args:
        given: photographs.
        restorers: at least one.
        output: folder to write to.
        refs: files, folders or patterns of the references.
        pair: rule of pairing, see `jiqa.cli.pairing.references`.

    Returns:
        Errors of the photographs that could not be restored or not be shown on the sheet.

    Raises:
        InputError: two results have the same file name, a result would overwrite an input, or a
            file cannot be written.
    """
    folder = Path(output)
    files = [file.path for file in given]
    several = len(restorers) > 1
    ends = [f"_{i}" for i in range(1, len(restorers) + 1)] if several else [""]
    targets = {
        path: [[folder / f"{path.stem}{end}{kind}.png" for kind in ("", "_map")] for end in ends]
        for path in files
    }
    paired = references(given, refs, pair) if refs else []
    if refs:
        plots.check()
    _refuse_taken(targets, paired, folder / SHEET)
    with _writing(folder, "folder"):
        folder.mkdir(parents=True, exist_ok=True)
    names = [f"{each.name} ({i})" if several else each.name for i, each in enumerate(restorers, 1)]
    columns = ["distorted", *names]
    errors: dict[str, InputError] = {}
    rows: dict[str, list[np.ndarray]] = {}
    for number, path in enumerate(tqdm(files, "restore", disable=None)):
        try:
            image = _decode(path)
        except InputError as error:
            errors.setdefault(str(error), error)
            continue
        shown = [image / np.float32(255)]
        for each, (alone, with_map) in zip(restorers, targets[path], strict=True):
            restored, map = each.restore(image)
            _write(restored, alone)
            if not each.mapless:
                _write(np.concatenate([restored, grey(map)], axis=1), with_map)
            shown.append(restored)
        if paired and len(rows) < ROWS:
            try:
                rows |= _row(path, paired[number], dict(zip(columns, shown, strict=True)))
            except InputError as error:
                errors.setdefault(str(error), error)
    if rows:
        side = min(min(row[0].shape[:2]) for row in rows.values())
        cut = {label: [each[:side, :side] for each in row] for label, row in rows.items()}
        with _writing(folder / SHEET):
            plots.sheet(
                cut, ["reference", *columns], folder / SHEET, "Restored, PSNR of whole images"
            )
    return list(errors.values())


def _refuse_taken(
    targets: Mapping[Path, Sequence[Sequence[Path]]],
    paired: Sequence[Path | InputError],
    sheet: Path,
) -> None:
    """Refuses to overwrite a photograph, a reference or another result."""
    written = [(path, end) for path, ends in targets.items() for both in ends for end in both]
    if paired:
        written.append((sheet, sheet))
    read = {path.resolve() for path in [*targets, *paired] if isinstance(path, Path)}
    taken = Counter([*read, *(target.resolve() for _, target in written)])
    for path, target in written:
        if taken[target.resolve()] > 1:
            raise InputError(
                f"{path}: found another photograph at {target}, expected no file there"
            )


def _row(
    path: Path, ref: Path | InputError, shown: Mapping[str, np.ndarray]
) -> dict[str, list[np.ndarray]]:
    """Row of the sheet, under a label with the PSNR in dB of each image in `shown`."""
    if isinstance(ref, InputError):
        raise ref
    pixels = _decode(ref) / np.float32(255)
    expected = next(iter(shown.values())).shape
    if pixels.shape != expected:
        found, expected = (f"{shape[1]}x{shape[0]} pixels" for shape in (pixels.shape, expected))
        raise InputError(f"{ref}: found {found}, expected {expected}, as {path} has")
    decibels = {
        name: float(psnr(jnp.asarray(each[None]), jnp.asarray(pixels[None]))[0])
        for name, each in shown.items()
    }
    stem = path.stem.encode(errors="backslashreplace").decode()  # matplotlib takes UTF-8 alone
    parts = [stem[i : i + LETTERS] for i in range(0, len(stem), LETTERS)]
    label = "\n".join([*parts, *(f"{name} {value:.2f} dB" for name, value in decibels.items())])
    return {label: [each[:SIDE, :SIDE].copy() for each in (pixels, *shown.values())]}


def _decode(path: Path) -> np.ndarray:
    return images.decode(read(path), str(path), upright=True)


@contextlib.contextmanager
def _writing(path: Path, kind: str = "file") -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise InputError(f"{path}: {error.strerror or error}, expected a {kind} to write") from None


def _write(image: np.ndarray, path: Path) -> None:
    with _writing(path), writing(path) as part:
        Image.fromarray(np.rint(255 * image).astype(np.uint8)).save(part, "PNG")
