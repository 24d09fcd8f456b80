"""TID2013: 25 photographs under 24 types of distortion at 5 levels, with mean opinion scores."""

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
    source="https://ponomarenko.info/tid2013.htm",
    references=True,
    summary="3,000 images, 24 synthetic distortions of 25 photographs, MOS",
    family=builder.KODAK,
    counts={"distorted": 3000, "reference": 25},
    extremes=("0.24242", "7.21429"),
    get=tid.get("https://ponomarenko.info/tid2013.htm", "tid2013.rar (0.9 GB)"),
)


class Builder(builder.ReleaseBuilder):
    """Images as released."""

    facts = FACTS
    code_path = Path(__file__)
    pkg_dir_path = code_path.parent
    VERSION = tfds.core.Version("1.0.0")
    RELEASE_NOTES: ClassVar = {"1.0.0": "The release of 2013, version 1.0."}

    def read(self, folder: Path) -> dict[str, list[builder.Image]]:
        """Images listed in the two tables."""
        return tid.read(folder, FACTS, types=24, levels=5)
