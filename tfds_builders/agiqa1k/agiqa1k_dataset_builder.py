"""AGIQA-1K: 1,080 images that two models generated from prompts, with mean opinion scores."""

from collections.abc import Iterator
from pathlib import Path
from typing import ClassVar

import tensorflow_datasets as tfds

from jiqa.databases import builder, release

SHEET = "AIGC_MOS_Zscore.xlsx"
# Folder that the archive unpacks to, and its other common name.
FOLDERS = ("file", "images")
# Image named by two rows of the sheet, with different scores; the release does not tell which row
# is right.
TWICE = "dreamStudio_8_9_1_1.jpg"
FACTS = builder.Facts(
    score="mos",
    score_range=(0.0, 5.0),
    higher_better=True,
    licence="MIT",
    terms="Use, copies and changes for any purpose, with the licence kept; the authors ask to cite "
    "their paper.",
    source="https://github.com/lcysyzxdxc/AGIQA-1k-Database",
    summary="1,080 generated images, MOS",
    counts={"distorted": 1080},
    extremes=("0.000", "5.000"),
    get="from https://github.com/lcysyzxdxc/AGIQA-1k-Database take AIGC_MOS_Zscore.xlsx, and by "
    "the link in its README (Google Drive or Baidu) file.zip; unpack that beside it to the folder "
    "file",
)


class Builder(builder.ReleaseBuilder):
    """Images as released."""

    facts = FACTS
    code_path = Path(__file__)
    pkg_dir_path = code_path.parent
    VERSION = tfds.core.Version("1.0.0")
    RELEASE_NOTES: ClassVar = {"1.0.0": "The release of 2023."}

    def read(self, folder: Path) -> dict[str, list[builder.Image]]:
        """Images listed in the sheet."""
        places = [folder / name for name in FOLDERS]
        images = next((place for place in places if place.is_dir()), places[-1])
        files = release.images(images)
        return {
            "distorted": [
                builder.Image(
                    release.find(files, name, images, SHEET),
                    id,
                    content_id=name,
                    distortion="generated",
                    score=score,
                )
                for id, name, score in read_sheet(folder / SHEET)
            ]
        }


def read_sheet(path: Path) -> Iterator[tuple[str, str, float]]:
    """(id, image name, MOS) of each row; id and name differ only in the second row of `TWICE`."""
    seen = False
    for location, row in release.sheet(path, "", "Image", "MOS"):
        id = name = str(row["Image"])
        if name == TWICE:
            id, seen = f"{name} again" if seen else name, True
        yield id, name, release.number(row["MOS"], location, "MOS", FACTS.limits)
