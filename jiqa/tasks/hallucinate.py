"""The auxiliary domain of TTL-IQA: distorted pictures of pristine photographs, of known levels.

Yang, Li and Liu, "TTL-IQA: transitive transfer learning based no-reference image quality
assessment", IEEE TMM 23, 2021, sections IV.B to IV.D; synthetic distortions and labels by a metric
are baselines of tables XIII and XV. The pictures become a prepared database, `auxiliary`.
"""

import dataclasses
import hashlib
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar

import jax
import jax.numpy as jnp
import numpy as np

from jiqa.data.distort import TYPES, distort
from jiqa.data.index import Index, Records
from jiqa.databases.load import load_index
from jiqa.errors import InputError
from jiqa.models.dt_gan import DTGAN
from jiqa.tasks.pictures import Maker, make_database, to_uint8
from jiqa.tasks.task import Fitted, Fitter, TaskContext

# Labels in the place of a human score: the level, or a metric of the picture and its photograph.
LABELS = ("level", "ssim", "vif")


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
                return to_uint8(generate(learned, image)[0])

            step = int(context.inherited[name]["step"])
            return Maker(
                name, distortion, int(level), make, step, parameter_hash(learned["params"])
            )

        makers = [maker(name) for name in context.inherited]
        return make_database(context, makers, context.config.side, "level")

    def database(self, facts: dict[str, Any]) -> tuple[Index, Records]:
        """Index and records of the pictures."""
        return database(facts["database"])


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
                return to_uint8(distort(photograph, kind, strength, seed))

            name = kind.rpartition("/")[2]
            return Maker(f"{name}-{level}", name, level, make)

        strengths = list(enumerate(config.strengths))
        makers = [maker(kind, *each) for kind in config.types for each in strengths]
        return make_database(context, makers, config.side, config.label)

    def database(self, facts: dict[str, Any]) -> tuple[Index, Records]:
        """Index and records of the pictures."""
        return database(facts["database"])


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
