"""TID2008: 25 photographs under 17 types of distortion at 4 levels, with mean opinion scores."""

from pathlib import Path
from typing import ClassVar

import tensorflow_datasets as tfds

from jiqa.databases import builder, tid

FACTS = builder.Facts(
    score="mos",
    score_range=tid.SCALE,
    higher_better=True,
    licence=tid.LICENCE,
    terms=tid.TERMS,
    source="https://ponomarenko.info/tid2008.htm",
    references=True,
    summary="1,700 images, 17 synthetic distortions of 25 photographs, MOS",
    family=builder.KODAK,
    counts={"distorted": 1700, "reference": 25},
    get=tid.get("https://ponomarenko.info/tid2008.htm", "tid2008.rar (0.55 GB)"),
)


class Builder(builder.ReleaseBuilder):
    """Images as released."""

    facts = FACTS
    code_path = Path(__file__)
    pkg_dir_path = code_path.parent
    VERSION = tfds.core.Version("1.0.0")
    RELEASE_NOTES: ClassVar = {"1.0.0": "The release of 2008, version 1.0."}

    def read(self, folder: Path) -> dict[str, list[builder.Image]]:
        """Images listed in the two tables."""
        return tid.read(folder, FACTS, types=17, levels=4)
