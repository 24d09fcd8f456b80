"""LIVE, release 2: 29 photographs under 5 types of distortion, with realigned DMOS."""

import re
from pathlib import Path
from typing import ClassVar

import tensorflow_datasets as tfds

from jiqa.databases import builder, release
from jiqa.errors import InputError

SCORES, NAMES, PHOTOGRAPHS = "dmos_realigned.mat", "refnames_all.mat", "refimgs"
# Folders, in the order of the scores.
TYPES = ("jp2k", "jpeg", "wn", "gblur", "fastfading")
FACTS = builder.Facts(
    score="dmos",
    score_range=(0.0, 100.0),
    higher_better=False,
    licence="free use, copyright notice of the University of Texas at Austin",
    terms="Use, copies and changes for any purpose without fee, where the copyright notice stays "
    "and publications name the source (LIVE, the University of Texas at Austin) and cite the "
    "papers.",
    source="https://live.ece.utexas.edu/research/Quality/subjective.htm",
    references=True,
    summary="779 images, 5 synthetic distortions of 29 photographs, DMOS",
    counts={"distorted": 779, "reference": 29},
    family=builder.KODAK,
    extremes=("-2.6400", "111.7747"),
    get="ask for release 2 at https://live.ece.utexas.edu/research/Quality/subjective.htm and "
    "unpack it; the folder databaserelease2 has jp2k, jpeg, wn, gblur, fastfading, refimgs, "
    "dmos_realigned.mat and refnames_all.mat (the realigned scores are a file of their own)",
)


class Builder(builder.ReleaseBuilder):
    """Images as released, without the photographs among the distorted images."""

    facts = FACTS
    code_path = Path(__file__)
    pkg_dir_path = code_path.parent
    VERSION = tfds.core.Version("1.0.0")
    RELEASE_NOTES: ClassVar = {"1.0.0": "Release 2, scores realigned in 2006."}

    def read(self, folder: Path) -> dict[str, list[builder.Image]]:
        """Images img1.bmp, img2.bmp, ... of each folder, with scores of the two MATLAB files."""
        photographs = release.images(folder / PHOTOGRAPHS)
        files = {type: release.images(folder / type) for type in TYPES}
        counts = {type: _highest(names) for type, names in files.items()}
        rows = read_scores(folder)
        if sum(counts.values()) != len(rows):
            found = ", ".join(f"{type} to {count}" for type, count in counts.items())
            message = f"found images of {found}, expected {len(rows)} in all as {SCORES} has"
            raise InputError(f"{folder}: {message}")
        places = [(type, f"img{i}.bmp") for type in TYPES for i in range(1, counts[type] + 1)]
        distorted = []
        for (type, name), (score, deviation, original, reference) in zip(places, rows, strict=True):
            if original:
                continue
            release.find(photographs, reference, folder / PHOTOGRAPHS, NAMES)
            distorted.append(
                builder.Image(
                    release.find(files[type], name, folder / type, SCORES),
                    f"{type}/{name}",
                    content_id=reference,
                    distortion=type,
                    score=score,
                    score_std=deviation,
                    reference=reference,
                )
            )
        references = [builder.pristine(path, name) for name, path in photographs.items()]
        return {"distorted": distorted, "reference": references}


def _highest(names: dict[str, Path]) -> int:
    """Highest N of the names imgN.bmp, 0 without such names."""
    matches = (re.fullmatch(r"img(\d+)\.bmp", name) for name in names)
    return max((int(match[1]) for match in matches if match), default=0)


def read_scores(folder: Path) -> list[tuple[float, float, bool, str]]:
    """(DMOS, standard deviation, whether the image is a photograph, its reference) of each row."""
    scores, deviations, originals = release.mat(folder / SCORES, "dmos_new", "dmos_std", "orgs")
    (names,) = release.mat(folder / NAMES, "refnames_all", text=True)
    columns = {"dmos_new": scores, "dmos_std": deviations, "orgs": originals, "refnames_all": names}
    if len({len(column) for column in columns.values()}) > 1:
        found = ", ".join(f"{len(column)} {name}" for name, column in columns.items())
        raise InputError(f"{folder / SCORES}: found {found}, expected as many of each")
    rows = []
    for number, values in enumerate(zip(*columns.values(), strict=True), start=1):
        score, deviation, original, name = values
        location = f"{folder / SCORES}, row {number}"
        limits = (0, 0) if original else FACTS.limits
        score = release.number(
            score, location, "DMOS of a reference" if original else "DMOS", limits
        )
        deviation = release.number(deviation, location, "standard deviation", FACTS.score_range)
        rows.append((score, deviation, bool(original), str(name).lower()))
    return rows
