"""The auxiliary domain of TTL-IQA: distorted pictures of pristine photographs, of known levels.

Yang, Li and Liu, "TTL-IQA: transitive transfer learning based no-reference image quality
assessment", IEEE TMM 23, 2021, sections IV.B to IV.D; synthetic distortions and labels by a metric
are baselines of tables XIII and XV. The pictures become a prepared database, `auxiliary`.
"""

import dataclasses
import hashlib
import time
import zlib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, ClassVar

import jax
import jax.numpy as jnp
import numpy as np
from jax.experimental import multihost_utils
from PIL import Image
from tqdm import tqdm

from jiqa.data.distort import TYPES, distort
from jiqa.data.index import Index, Records
from jiqa.data.pipeline import Resident, Streamed
from jiqa.databases import prepare
from jiqa.databases.load import load_index
from jiqa.errors import InputError
from jiqa.files import write_csv, writing
from jiqa.metrics import metric
from jiqa.models.dt_gan import DTGAN
from jiqa.tasks.task import Fitted, Fitter, TaskContext, no_quality
from jiqa.tfds_builders.auxiliary.auxiliary_dataset_builder import (
    COLUMNS,
    IMAGES,
    PHOTOGRAPHS,
    TABLE,
)

# Folders in the stage's folder: source files of the database, and the prepared database.
PICTURES, DATABASES = "pictures", "databases"
# Labels in the place of a human score: the level, or a metric of the picture and its photograph.
LABELS = ("level", "ssim", "vif")


Source = Streamed | Resident


@dataclasses.dataclass(frozen=True)
class HallucinateConfig:
    """Settings of the pictures that generators of DT-GANs make.

    Attributes:
        side: of the central square of each photograph that pictures are made of, in pixels; 0: the
            whole photograph.
    """

    side: int = 0


@dataclasses.dataclass(frozen=True)
class SimulateConfig:
    """Settings of the pictures that synthetic distortions make.

    Attributes:
        side: as in `HallucinateConfig`.
        types: of distortion, keys of `jiqa.data.distort.TYPES`.
        strengths: strength of the distortion, 1 to 5, for each level of quality, the best first.
        label: one of `LABELS`.
    """

    side: int = 0
    types: Sequence[str] = ()
    strengths: Sequence[int] = (1, 3, 5)
    label: str = "level"

    def __post_init__(self) -> None:
        unknown = [name for name in self.types if name not in TYPES]
        if unknown or not self.types:
            found = unknown[0] if unknown else "none"
            raise InputError(f"types: found {found}, expected some of {', '.join(TYPES)}")
        if self.label not in LABELS:
            raise InputError(f"label: found {self.label!r}, expected one of {', '.join(LABELS)}")
        strengths = list(self.strengths)
        if len(strengths) < 2 or strengths != sorted(set(strengths) & set(range(1, 6))):
            raise InputError(
                f"strengths: found {strengths}, expected two or more of 1 to 5, rising"
            )


@dataclasses.dataclass(frozen=True)
class Maker:
    """Generator or synthetic distortion that makes one picture of each photograph.

    Attributes:
        name: of the folder of pictures.
        distortion: type of distortion of the pictures.
        level: of quality, 0 is the best.
        make: (photograph uint8 [h, w, 3], its id) -> picture uint8 [h, w, 3].
        step: number of training updates; 0 for a synthetic distortion.
        hash: hexadecimal hash of the parameters; '' for a synthetic distortion.
    """

    name: str
    distortion: str
    level: int
    make: Callable[[np.ndarray, str], np.ndarray]
    step: int = 0
    hash: str = ""


class Hallucinate(Fitter[HallucinateConfig]):
    """Applies every generator of the previous stage's DT-GANs to every photograph.

    The dataset's source holds the photographs, see `jiqa.data.unpaired`. The folder gets
    `pictures/`, then the database of all pictures in `databases/`. After a kill, only missing
    pictures are made.
    """

    config: ClassVar[type] = HallucinateConfig
    needs: ClassVar[str] = "pristine"
    follows: ClassVar[str] = "gan"
    takes_previous: ClassVar[bool] = True
    gives_scores: ClassVar[bool] = False
    makes_database: ClassVar[bool] = True

    def fit(self, context: TaskContext[HallucinateConfig]) -> Fitted:
        """Makes the pictures and their database; fact `database` is its folder."""
        model = context.model
        generate = jax.jit(lambda v, image: model.apply(v, image, method=DTGAN.distort))

        def maker(name: str) -> Maker:
            distortion, _, level = name.rpartition("-")
            learned = {"params": context.inherited[name]["params"]}

            def make(photograph: np.ndarray, _: str) -> np.ndarray:
                image = jnp.asarray(photograph, jnp.float32)[None] / 255
                return _to_uint8(generate(learned, image)[0])

            step = int(context.inherited[name]["step"])
            return Maker(
                name, distortion, int(level), make, step, parameter_hash(learned["params"])
            )

        makers = [maker(name) for name in context.inherited]
        return _generated(context, makers, context.config.side, "level")


class Simulate(Fitter[SimulateConfig]):
    """Applies synthetic distortions to every photograph; otherwise as `Hallucinate`."""

    config: ClassVar[type] = SimulateConfig
    needs: ClassVar[str] = "pristine"
    gives_scores: ClassVar[bool] = False
    makes_database: ClassVar[bool] = True

    def fit(self, context: TaskContext[SimulateConfig]) -> Fitted:
        """Makes the pictures and their database; fact `database` is its folder."""
        config = context.config

        def maker(kind: str, level: int, strength: int) -> Maker:
            def make(photograph: np.ndarray, id: str) -> np.ndarray:
                seed = zlib.crc32(f"{id} {kind} {strength}".encode())
                return _to_uint8(distort(photograph, kind, strength, seed))

            name = kind.rpartition("/")[2]
            return Maker(f"{name}-{level}", name, level, make)

        strengths = list(enumerate(config.strengths))
        makers = [maker(kind, *each) for kind in config.types for each in strengths]
        return _generated(context, makers, config.side, config.label)


def database(folder: str | Path) -> tuple[Index, Records]:
    """Index and records of the database in `folder`, a stage's fact `database`."""
    return load_index("auxiliary", data_dir=folder)


def parameter_hash(params: Any) -> str:
    """First 12 hex digits of the SHA-256 of a tree of arrays, in the order of the tree's paths."""
    found = hashlib.sha256()
    for path, leaf in jax.tree.leaves_with_path(params):
        found.update(jax.tree_util.keystr(path).encode())
        found.update(np.ascontiguousarray(leaf).tobytes())
    return found.hexdigest()[:12]


def _generated(context: TaskContext[Any], makers: Sequence[Maker], side: int, label: str) -> Fitted:
    """Makes pictures, table and database where they are missing; returns the stage's result."""
    source, folder = context.dataset.source.pristine, context.folder
    index = source.index
    began, pictures, databases = time.perf_counter(), folder / PICTURES, folder / DATABASES
    if jax.process_index() == 0 and not prepare.is_prepared("auxiliary", data_dir=databases):
        count = _draw(source, makers, side, pictures)
        _write_table(index, makers, _scores(index, makers, label, pictures), pictures)
        prepare.prepare("auxiliary", manual_dir=pictures, data_dir=databases)
    else:
        count = 0
    if jax.process_count() > 1:
        multihost_utils.sync_global_devices("pictures")  # other processes wait for the database
    seconds = time.perf_counter() - began
    facts = {
        "images": len(index) * len(makers),
        "images_per_s": round(count / seconds, 2),
        "seconds": round(seconds),
        "database": str(databases),
    }
    return Fitted(no_quality, {}, facts)


def _draw(source: Source, makers: Sequence[Maker], side: int, folder: Path) -> int:
    """Writes the missing pictures and returns their number."""
    count = 0
    for row, id in enumerate(tqdm(source.index.id.tolist(), "pictures", disable=None)):
        reference = folder / PHOTOGRAPHS / f"{_file_name(id)}.png"
        files = [(maker, folder / IMAGES / _picture(maker, id)) for maker in makers]
        missing = [(maker, path) for maker, path in files if not path.exists()]
        if not missing and reference.exists():
            continue
        photograph = _middle(source.load(row), side, f"{source.index.database} {id}")
        _save(photograph, reference)
        for maker, path in missing:
            _save(maker.make(photograph, id), path)
        count += len(missing)
    return count


def _to_uint8(image: jax.Array) -> np.ndarray:
    return np.rint(255 * np.asarray(image)).astype(np.uint8)


def _middle(image: np.ndarray, side: int, name: str) -> np.ndarray:
    """The central square of `side` pixels, or the whole image where `side` is 0."""
    if not side:
        return image
    height, width = image.shape[:2]
    if min(height, width) < side:
        raise InputError(f"{name}: found {height}x{width} pixels, expected {side} or more a side")
    top, left = (height - side) // 2, (width - side) // 2
    return image[top : top + side, left : left + side]


def _scores(index: Index, makers: Sequence[Maker], label: str, folder: Path) -> list[list[float]]:
    """Labels in [0, 1] in the place of human scores, by photograph and maker."""
    worst = max(maker.level for maker in makers)
    levels = [1 - maker.level / max(1, worst) for maker in makers]
    if label == "level":
        return [levels] * len(index)
    compare, found = metric.create_metric(label), []
    for id in tqdm(index.id.tolist(), label, disable=None):
        ref = str(folder / PHOTOGRAPHS / f"{_file_name(id)}.png")
        images = [str(folder / IMAGES / _picture(maker, id)) for maker in makers]
        scores = np.atleast_1d(compare(images, [ref] * len(images)))
        found.append(np.clip(scores, 0, 1).tolist())
    return found


def _write_table(
    index: Index, makers: Sequence[Maker], scores: Sequence[Sequence[float]], folder: Path
) -> None:
    rows = [COLUMNS]
    for number, id in enumerate(index.id.tolist()):
        for maker, score in zip(makers, scores[number], strict=True):
            about = [_picture(maker, id), f"{id} {maker.name}", index.content_id[number]]
            level = [maker.distortion, maker.level, f"{score:.6g}", _file_name(id)]
            rows.append([*about, *level, maker.name, maker.step, maker.hash])
    write_csv(folder / TABLE, rows)


def _picture(maker: Maker, id: str) -> str:
    return f"{maker.name}/{_file_name(id)}.png"


def _file_name(id: str) -> str:
    return id.replace("/", "_")


def _save(image: np.ndarray, path: Path) -> None:
    """Writes a PNG file atomically."""
    with writing(path) as part:
        Image.fromarray(image).save(part, "PNG", compress_level=1)
