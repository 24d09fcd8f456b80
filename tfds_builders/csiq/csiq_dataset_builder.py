"""CSIQ: 30 photographs under 6 types of distortion, with difference mean opinion scores."""

from pathlib import Path
from typing import ClassVar

import tensorflow_datasets as tfds

from jiqa.databases import builder, release
from jiqa.errors import InputError

SHEET, TAB = "csiq.DMOS.xlsx", "all_by_image"
PHOTOGRAPHS, IMAGES = "src_imgs", "dst_imgs"
# Type in the sheet -> type in jiqa and in the names of the files.
TYPES = {
    "noise": ("awgn", "AWGN"),
    "blur": ("blur", "BLUR"),
    "jpeg": ("jpeg", "JPEG"),
    "jpeg 2000": ("jpeg2000", "jpeg2000"),
    "fnoise": ("fnoise", "fnoise"),
    "contrast": ("contrast", "contrast"),
}
FACTS = builder.Facts(
    score="dmos",
    score_range=(0.0, 1.0),
    higher_better=False,
    licence="none stated",
    terms="No licence is stated; a paper that uses it cites the authors'.",
    source="https://s2.smu.edu/~eclarson/csiq.html",
    references=True,
    summary="866 images, 6 synthetic distortions of 30 photographs, DMOS",
    counts={"distorted": 866, "reference": 30},
    extremes=("0.000", "1.000"),
    get="from https://s2.smu.edu/~eclarson/csiq.html take csiq.DMOS.xlsx, and unpack src_imgs.zip "
    "to src_imgs and dst_imgs.zip to dst_imgs beside it",
)


class Builder(builder.ReleaseBuilder):
    """Images as released."""

    facts = FACTS
    code_path = Path(__file__)
    pkg_dir_path = code_path.parent
    VERSION = tfds.core.Version("1.0.0")
    RELEASE_NOTES: ClassVar = {"1.0.0": "The release of 2010."}

    def read(self, folder: Path) -> dict[str, list[builder.Image]]:
        """Images listed in the sheet, from any folders below the two of the release."""
        photographs = _by_name(release.images(folder / PHOTOGRAPHS))
        files = _by_name(release.images(folder / IMAGES))
        distorted = []
        for photograph, type, level, score, deviation in read_sheet(folder / SHEET):
            distortion, spelt = TYPES[type]
            reference, name = f"{photograph}.png", f"{photograph}.{spelt}.{level}.png"
            release.find(photographs, reference, folder / PHOTOGRAPHS, SHEET)
            distorted.append(
                builder.Image(
                    release.find(files, name, folder / IMAGES, SHEET),
                    name,
                    content_id=reference,
                    distortion=distortion,
                    level=level,
                    score=score,
                    score_std=deviation,
                    reference=reference,
                )
            )
        references = [builder.pristine(path, name) for name, path in photographs.items()]
        return {"distorted": distorted, "reference": references}


def _by_name(files: dict[str, Path]) -> dict[str, Path]:
    return {name.rpartition("/")[2]: path for name, path in files.items()}


def read_sheet(path: Path) -> list[tuple[str, str, int, float, float]]:
    """(photograph, key of `TYPES`, level, DMOS, its standard deviation) in the sheet's order."""
    rows = []
    columns = ("image", "dst_type", "dst_lev", "dmos_std", "dmos")
    for location, row in release.sheet(path, TAB, *columns):
        photograph, type = row["image"], row["dst_type"]
        if isinstance(photograph, float):  # the photograph named 1600
            photograph = f"{photograph:.0f}"
        if type not in TYPES:
            raise InputError(f"{location}: found type '{type}', expected one of {', '.join(TYPES)}")
        level = int(release.number(row["dst_lev"], location, "level", (1, 5)))
        score = release.number(row["dmos"], location, "DMOS", FACTS.limits)
        deviation = release.number(row["dmos_std"], location, "standard deviation", FACTS.limits)
        rows.append((photograph, type, level, score, deviation))
    return rows
