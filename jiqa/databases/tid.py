"""Common to TID2008 and TID2013: photographs, layout, scale and names of the distortions.

N. Ponomarenko et al., "TID2008 - a database for evaluation of full-reference visual quality
assessment metrics", Advances of Modern Radioelectronics 10, 2009; N. Ponomarenko et al., "Image
database TID2013: peculiarities, results and perspectives", Signal Processing: Image Communication
30, 2015.
"""

import re
from pathlib import Path

from jiqa.databases import release
from jiqa.databases.builder import Facts, Image, pristine
from jiqa.errors import InputError

# Numbered from 1; TID2008 has the first 17 types.
TYPES = (
    "additive_gaussian_noise",
    "color_noise",
    "spatially_correlated_noise",
    "masked_noise",
    "high_frequency_noise",
    "impulse_noise",
    "quantization_noise",
    "gaussian_blur",
    "image_denoising",
    "jpeg",
    "jpeg2000",
    "jpeg_transmission_errors",
    "jpeg2000_transmission_errors",
    "non_eccentricity_pattern_noise",
    "local_block_wise_distortions",
    "mean_shift",
    "contrast_change",
    "color_saturation_change",
    "multiplicative_gaussian_noise",
    "comfort_noise",
    "lossy_compression_of_noisy_images",
    "color_quantization_with_dither",
    "chromatic_aberrations",
    "sparse_sampling_and_reconstruction",
)
SCALE = (0.0, 9.0)
TERMS = (
    "Use, copies and changes for education and research only, without fee, with the copyright "
    "notice and the authors' names kept; changes to the database need the authors' permission; "
    "the authors ask to cite their paper."
)
LICENCE = "education and research only"
DISTORTED, REFERENCES = "distorted_images", "reference_images"
MOS, STD = "mos_with_names.txt", "mos_std.txt"


def get(page: str, archive: str) -> str:
    """How to obtain a release: text for `Facts.get`."""
    files = f"{DISTORTED}, {REFERENCES}, {MOS} and {STD}"
    return f"from {page} unpack {archive} to a folder with {files}"


def read(folder: Path, facts: Facts, types: int, levels: int) -> dict[str, list[Image]]:
    """Every image of a release with the first `types` of `TYPES` at `levels` levels.

    Names are converted to lower case, since their case varies in the release.

    Raises:
        InputError: a file is missing, or a line of the tables differs from the release.
    """
    photographs = release.images(folder / REFERENCES)
    files = release.images(folder / DISTORTED)
    distorted = []
    for name, score, deviation in scores(folder, facts):
        match = re.fullmatch(r"(i\d\d)_(\d\d)_(\d)\.bmp", name)
        kind, level = (int(match[2]), int(match[3])) if match else (0, 0)
        if not (match and 1 <= kind <= types and 1 <= level <= levels):
            raise InputError(
                f"{folder / MOS}: found {name}, expected iRR_TT_L.bmp with TT from 01 to "
                f"{types:02} and L from 1 to {levels}"
            )
        reference = f"{match[1]}.bmp"
        release.find(photographs, reference, folder / REFERENCES, f"{name} of {MOS}")
        distorted.append(
            Image(
                release.find(files, name, folder / DISTORTED, MOS),
                name,
                content_id=reference,
                distortion=TYPES[kind - 1],
                level=level,
                score=score,
                score_std=deviation,
                reference=reference,
            )
        )
    pristines = [pristine(path, name) for name, path in photographs.items()]
    return {"distorted": distorted, "reference": pristines}


def scores(folder: Path, facts: Facts) -> list[tuple[str, float, float]]:
    """(file name in lower case, MOS, its standard deviation) in the order of the tables."""
    deviations = [
        release.number(line, location, "standard deviation", facts.score_range)
        for location, line in release.lines(folder / STD)
    ]
    rows = []
    for location, line in release.lines(folder / MOS):
        mos, *names = line.split()
        if len(names) != 1:
            raise InputError(f"{location}: expected a MOS and a file name, found '{line}'")
        rows.append((names[0].lower(), release.number(mos, location, "MOS", facts.limits)))
    if len(deviations) != len(rows):
        message = f"found {len(deviations)} rows, expected {len(rows)} as {MOS} has"
        raise InputError(f"{folder / STD}: {message}")
    return [(*row, deviation) for row, deviation in zip(rows, deviations, strict=True)]
