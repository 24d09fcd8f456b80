"""KADID-10k: 81 photographs under 25 types of distortion at 5 levels, with mean scores."""

import re
from pathlib import Path
from typing import ClassVar

import tensorflow_datasets as tfds

from jiqa.databases import builder, release
from jiqa.errors import InputError

SCORES, IMAGES = "dmos.csv", "images"
# Types by the number in a file's name, from 01 on.
TYPES = (
    "gaussian_blur",
    "lens_blur",
    "motion_blur",
    "color_diffusion",
    "color_shift",
    "color_quantization",
    "color_saturation_1",
    "color_saturation_2",
    "jpeg2000",
    "jpeg",
    "white_noise",
    "white_noise_ycbcr",
    "impulse_noise",
    "multiplicative_noise",
    "denoise",
    "brighten",
    "darken",
    "mean_shift",
    "jitter",
    "non_eccentricity_patch",
    "pixelate",
    "quantization",
    "color_block",
    "high_sharpen",
    "contrast_change",
)
LEVELS = range(1, 6)
FACTS = builder.Facts(
    score="dmos",
    score_range=(1.0, 5.0),
    higher_better=True,  # despite the name DMOS
    licence="none stated; freely available to the research community",
    terms="The authors make images and scores freely available to the research community and ask "
    "to cite their paper; the photographs come from Pixabay.",
    source="https://database.mmsp-kn.de/kadid-10k-database.html",
    references=True,
    summary="10,125 images, 25 synthetic distortions of 81 photographs, DMOS",
    counts={"distorted": 10_125, "reference": 81},
    extremes=("1.00", "4.93"),
    archives=(builder.Archive("https://datasets.vqa.mmsp-kn.de/archives/kadid10k.zip"),),
)


class Builder(builder.ReleaseBuilder):
    """Images as released."""

    facts = FACTS
    code_path = Path(__file__)
    pkg_dir_path = code_path.parent
    VERSION = tfds.core.Version("1.0.0")
    RELEASE_NOTES: ClassVar = {"1.0.0": "The release of 2019."}

    def read(self, folder: Path) -> dict[str, list[builder.Image]]:
        """Images listed in the table."""
        images = folder / IMAGES
        files = release.images(images)
        distorted, references = [], {}
        for location, row in release.table(folder / SCORES, "dist_img", "ref_img", "dmos", "var"):
            name, reference = row["dist_img"], row["ref_img"]
            photograph, distortion, level = decode(name, location)
            if reference.lower() != photograph.lower():
                raise InputError(
                    f"{location}: found reference {reference}, expected that of {name}"
                )
            path = release.find(files, reference, images, SCORES)
            reference, _ = references.setdefault(reference.lower(), (reference, path))
            distorted.append(
                builder.Image(
                    release.find(files, name, images, SCORES),
                    name,
                    content_id=reference,
                    distortion=distortion,
                    level=level,
                    score=release.number(row["dmos"], location, "DMOS", FACTS.limits),
                    score_std=release.number(
                        row["var"], location, "var", (0, FACTS.score_range[1])
                    ),
                    reference=reference,
                )
            )
        pristine = [builder.pristine(path, name) for name, path in references.values()]
        return {"distorted": distorted, "reference": pristine}


def decode(name: str, location: str) -> tuple[str, str, int]:
    """(photograph, distortion, level) encoded in the name of an image."""
    code = re.fullmatch(r"(I\d\d)_(\d\d)_(\d\d)\.png", name, re.IGNORECASE)
    if code and 1 <= int(code[2]) <= len(TYPES) and int(code[3]) in LEVELS:
        return f"{code[1]}.png", TYPES[int(code[2]) - 1], int(code[3])
    raise InputError(
        f"{location}: found {name}, expected IRR_TT_LL.png with TT from 01 to {len(TYPES)} "
        f"and LL from 01 to {LEVELS[-1]:02}"
    )
