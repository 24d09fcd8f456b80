"""LIVE In the Wild: 1,162 photographs from mobile devices, with their mean opinion scores."""

import re
from pathlib import Path
from typing import ClassVar

import tensorflow_datasets as tfds

from jiqa.databases import builder, release
from jiqa.errors import InputError

IMAGES = "Images"
# Files of Data/, each with one field: names, scores, deviations.
FIELDS = ("AllImages_release", "AllMOS_release", "AllStdDev_release")
FACTS = builder.Facts(
    score="mos",
    score_range=(0.0, 100.0),
    higher_better=True,
    licence="free use, copyright notice of the University of Texas at Austin",
    terms="Use, copies and changes for any purpose without fee, where the copyright notice stays "
    "and publications name the source (LIVE, the University of Texas at Austin) and cite the "
    "paper.",
    source="https://live.ece.utexas.edu/research/ChallengeDB/index.html",
    summary="1,162 photographs, authentic distortions, MOS",
    counts={"distorted": 1162},
    extremes=("3.42", "92.43195"),
    get="fill in the form at https://live.ece.utexas.edu/research/ChallengeDB/index.html, download "
    "ChallengeDB_release.zip with the password that comes by mail, and unpack it; the folder "
    "ChallengeDB_release has Images and Data",
)


class Builder(builder.ReleaseBuilder):
    """Images as released, without the seven that trained the observers."""

    facts = FACTS
    code_path = Path(__file__)
    pkg_dir_path = code_path.parent
    VERSION = tfds.core.Version("1.0.0")
    RELEASE_NOTES: ClassVar = {"1.0.0": "The release of 2015."}

    def read(self, folder: Path) -> dict[str, list[builder.Image]]:
        """Images listed in the three MATLAB files."""
        images = folder / IMAGES
        files = release.images(images)
        return {
            "distorted": [
                builder.Image(
                    release.find(files, name, images, f"{FIELDS[0]}.mat"),
                    name,
                    score=score,
                    score_std=deviation,
                )
                for name, score, deviation in read_scores(folder)
            ]
        }


def read_scores(folder: Path) -> list[tuple[str, float, float]]:
    """(image name, MOS, deviation) of each image except t1 to t7, those of the training session."""
    data = release.actual(folder / "Data", "the folder of scores")
    columns = [
        release.mat(data / f"{field}.mat", field, text=field == FIELDS[0])[0] for field in FIELDS
    ]
    lengths = dict(zip(FIELDS, map(len, columns), strict=True))
    if len(set(lengths.values())) > 1:
        found = ", ".join(f"{length} in {field}" for field, length in lengths.items())
        raise InputError(f"{data}: found {found}, expected as many in each")
    rows = []
    for place, (name, score, deviation) in enumerate(zip(*columns, strict=True), start=1):
        location = f"{data}, entry {place}"
        mos = release.number(score, location, "MOS", FACTS.limits)
        std = release.number(deviation, location, "deviation", (0, FACTS.limits[1]))
        if not re.match(r"t\d+\.", name):
            rows.append((str(name), mos, std))
    return rows
