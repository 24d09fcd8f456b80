"""Waterloo Exploration Database: 4,744 pristine photographs to distort, without scores."""

from pathlib import Path
from typing import ClassVar

import tensorflow_datasets as tfds

from jiqa.data.index import REFERENCE
from jiqa.databases import builder, release
from jiqa.errors import InputError

IMAGES = "pristine_images"
FACTS = builder.Facts(
    score="",
    score_range=(0.0, 0.0),
    higher_better=True,
    licence="none known",
    terms="None are known to us, so ask the authors; a paper that uses it cites theirs. The "
    "photographs come from the web and belong to who took them.",
    source="https://ece.uwaterloo.ca/~k29ma/exploration/",
    references=True,
    summary="4,744 pristine photographs to distort, no scores",
    counts={REFERENCE: 4744},
    get="from https://ece.uwaterloo.ca/~k29ma/exploration/ download "
    "exploration_database_and_code.rar and unpack it, with unrar or 7z; the folder "
    "exploration_database_and_code has pristine_images",
)


class Builder(builder.ReleaseBuilder):
    """Photographs as released; the 94,880 distorted images are generated from them on demand."""

    facts = FACTS
    code_path = Path(__file__)
    pkg_dir_path = code_path.parent
    VERSION = tfds.core.Version("1.0.0")
    RELEASE_NOTES: ClassVar = {"1.0.0": "The release of 2016."}

    def read(self, folder: Path) -> dict[str, list[builder.Image]]:
        """All images in the folder of photographs."""
        files = release.images(folder / IMAGES)
        if not files:
            raise InputError(f"{folder / IMAGES}: found no images, expected photographs")
        return {REFERENCE: [builder.pristine(path, name) for name, path in files.items()]}
