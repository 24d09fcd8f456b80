"""LIVE MD: 15 photographs, blurred and then compressed or made noisy, with DMOS."""

from pathlib import Path
from typing import ClassVar

import tensorflow_datasets as tfds

from jiqa.databases import builder, release
from jiqa.errors import InputError

# Folder of a part -> its folder of images, named after the type of distortion.
PARTS = {"Part 1": "blurjpeg", "Part 2": "blurnoise"}
NAMES, SCORES = "Imagelists.mat", "Scores.mat"
FACTS = builder.Facts(
    score="dmos",
    score_range=(0.0, 100.0),
    higher_better=False,
    licence="free use, copyright notice of the University of Texas at Austin",
    terms="Use, copies and changes for any purpose without fee, where the copyright notice stays "
    "and publications name the source (LIVE, the University of Texas at Austin) and cite the "
    "paper.",
    source="https://live.ece.utexas.edu/research/Quality/live_multidistortedimage.html",
    references=True,
    summary="450 images, blur then JPEG or noise, of 15 photographs, DMOS",
    counts={"distorted": 450, "reference": 15},
    extremes=("0.61", "84.67"),
    get="ask for the password at "
    "https://live.ece.utexas.edu/research/Quality/live_multidistortedimage.html and unpack "
    "LIVEmultidistortiondatabase.rar; the folder To_Release has 'Part 1' and 'Part 2'",
)


class Builder(builder.ReleaseBuilder):
    """Both parts, images as released."""

    facts = FACTS
    code_path = Path(__file__)
    pkg_dir_path = code_path.parent
    VERSION = tfds.core.Version("1.0.0")
    RELEASE_NOTES: ClassVar = {"1.0.0": "The release of 2012."}

    def read(self, folder: Path) -> dict[str, list[builder.Image]]:
        """Images listed in the MATLAB files of both parts, and the photographs of part 1."""
        distorted = []
        references: dict[str, builder.Image] = {}
        for title, type in PARTS.items():
            part = release.actual(folder / title, "a folder of images and scores")
            images = part / type
            files = release.images(images)
            photographs, rows = read_part(part)
            for name in photographs:
                path = release.find(files, name, images, NAMES)
                references.setdefault(name, builder.pristine(path, name))
            for name, score in rows:
                reference = f"{name.partition('_')[0]}.bmp".lower()
                if reference not in photographs:
                    raise InputError(
                        f"{part / NAMES}: found {name}, expected the name of a photograph "
                        f"before '_': {', '.join(photographs)}"
                    )
                distorted.append(
                    builder.Image(
                        release.find(files, name, images, NAMES),
                        f"{type}/{name}",
                        content_id=reference,
                        distortion=type,
                        score=score,
                        reference=reference,
                    )
                )
        return {"distorted": distorted, "reference": list(references.values())}


def read_part(folder: Path) -> tuple[list[str], list[tuple[str, float]]]:
    """The photographs of a part, and (file name, DMOS) of each of its distorted images."""
    names, photographs = release.mat(folder / NAMES, "distimgs", "refimgs", text=True)
    (scores,) = release.mat(folder / SCORES, "DMOSscores")
    if len(names) != len(scores):
        message = f"found {len(scores)} DMOSscores, expected {len(names)} as {NAMES} has distimgs"
        raise InputError(f"{folder / SCORES}: {message}")
    rows = [
        (str(name), release.number(score, f"{folder / SCORES}, row {row}", "DMOS", FACTS.limits))
        for row, (name, score) in enumerate(zip(names, scores, strict=True), start=1)
    ]
    return [name.lower() for name in photographs], rows
