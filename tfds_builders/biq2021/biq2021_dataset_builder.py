"""BIQ2021: 12,000 photographs with authentic distortions and their mean opinion scores."""

from pathlib import Path
from typing import ClassVar

import tensorflow_datasets as tfds

from jiqa.databases import builder, release

IMAGES = "Images"
TABLES = {"train": "Train (Images and MOS).csv", "test": "Test (Images and MOS).csv"}
FACTS = builder.Facts(
    score="mos",
    score_range=(0.0, 1.0),
    higher_better=True,
    licence="none stated; free for use and benchmarking",
    terms="The authors offer images and scores freely for use and benchmarking and ask to cite "
    "their paper; 8,000 of the photographs come from Unsplash.",
    source="https://github.com/nisarahmedrana/BIQ2021",
    summary="12,000 photographs, authentic distortions, MOS",
    counts={"train": 10_000, "test": 2_000},
    extremes=("0.0000", "1.0000"),
    archives=(
        builder.Archive("https://github.com/nisarahmedrana/BIQ2021/archive/refs/heads/main.zip"),
    ),
)


class Builder(builder.ReleaseBuilder):
    """Official training and test parts; images as released."""

    facts = FACTS
    code_path = Path(__file__)
    pkg_dir_path = code_path.parent
    VERSION = tfds.core.Version("1.0.0")
    RELEASE_NOTES: ClassVar = {"1.0.0": "The release of 2022."}

    def read(self, folder: Path) -> dict[str, list[builder.Image]]:
        """Images listed in the two tables."""
        scores = {split: read_table(folder / table) for split, table in TABLES.items()}
        images = folder / IMAGES
        files = release.images(images)
        return {
            split: [
                builder.Image(release.find(files, name, images, TABLES[split]), name, score=score)
                for name, score in rows
            ]
            for split, rows in scores.items()
        }


def read_table(path: Path) -> list[tuple[str, float]]:
    """(image name, MOS) in the order of the table."""
    return [
        (row["Image Name"], release.number(row["MOS"], location, "MOS", FACTS.limits))
        for location, row in release.table(path, "Image Name", "MOS")
    ]
