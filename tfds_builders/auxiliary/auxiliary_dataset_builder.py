"""auxiliary: pictures that a run made of pristine photographs, with a stand-in for the score."""

from pathlib import Path
from typing import ClassVar

import numpy as np
import tensorflow_datasets as tfds

from jiqa.data.index import DISTORTED, REFERENCE
from jiqa.databases import builder, release
from jiqa.errors import InputError

TABLE, IMAGES, PHOTOGRAPHS = "auxiliary.csv", "images", "pristine"
COLUMNS = (
    *("image", "id", "content_id", "distortion", "level", "score", "reference"),
    *("made_by", "step", "hash"),
)
FACTS = builder.Facts(
    score="pseudo_mos",
    score_range=(0.0, 1.0),
    higher_better=True,
    licence="that of the photographs",
    terms="Those of the photographs that the pictures were made of.",
    source="https://doi.org/10.1109/TMM.2020.3040529",
    pseudo="the level of quality that a picture was made for, or a full-reference measure's score; "
    "no observer was asked",
    references=True,
    summary="pictures that a run of configs/ttl_iqa.py made of pristine photographs, pseudo MOS",
    get="run configs/ttl_iqa.py; the stage that makes the pictures leaves them in its folder "
    "pictures, and this database of them in its folder databases",
    more={
        "made_by": tfds.features.Text(),
        "step": tfds.features.Scalar(np.int32),
        "hash": tfds.features.Text(),
    },
)


class Builder(builder.ReleaseBuilder):
    """The pictures as they were written."""

    facts = FACTS
    code_path = Path(__file__)
    pkg_dir_path = code_path.parent
    VERSION = tfds.core.Version("1.0.0")
    RELEASE_NOTES: ClassVar = {"1.0.0": "Pictures, levels, generators."}

    def read(self, folder: Path) -> dict[str, list[builder.Image]]:
        """The table with its pictures, and the photographs."""
        pictures = release.images(folder / IMAGES)
        photographs = release.images(folder / PHOTOGRAPHS).values()
        known = {path.stem for path in photographs}
        made = []
        for at, row in release.table(folder / TABLE, *COLUMNS):
            level, step = (_whole(row[name], at, name) for name in ("level", "step"))
            if row["reference"] not in known:
                raise InputError(f"{at}: found no photograph {row['reference']}, expected one")
            made.append(
                builder.Image(
                    release.find(pictures, row["image"], folder / IMAGES, TABLE),
                    row["id"],
                    content_id=row["content_id"],
                    distortion=row["distortion"],
                    level=level,
                    score=release.number(row["score"], at, "score", FACTS.limits),
                    reference=row["reference"],
                    more={"made_by": row["made_by"], "step": step, "hash": row["hash"]},
                )
            )
        nothing = {"made_by": "", "step": 0, "hash": ""}
        return {
            DISTORTED: made,
            REFERENCE: [builder.pristine(path, path.stem, **nothing) for path in photographs],
        }


def _whole(text: str, at: str, name: str) -> int:
    if not text.isdecimal():
        raise InputError(f"{at}: expected a whole number for {name}, found {text!r}")
    return int(text)
