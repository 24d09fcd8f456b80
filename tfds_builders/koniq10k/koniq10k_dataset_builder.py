"""KonIQ-10k: 10,073 photographs from the web with their mean opinion scores."""

from pathlib import Path
from typing import ClassVar

import tensorflow_datasets as tfds

from jiqa.data.index import DISTORTED
from jiqa.databases import builder, release
from jiqa.errors import InputError

# The table with the official sets names the score MOS, the other table MOS_zscore.
SETS, SCORES = "koniq10k_distributions_sets.csv", "koniq10k_scores_and_distributions.csv"
SPLITS = {"training": "train", "validation": "validation", "test": "test"}
SIZES = ("512x384", "1024x768")
FACTS = builder.Facts(
    score="mos",
    score_range=(0.0, 100.0),
    higher_better=True,
    licence="none stated; freely available to the research community",
    terms="The authors make images and scores freely available to the research community and ask "
    "to cite their paper; the photographs come from Flickr (YFCC100M), each under its own Creative "
    "Commons licence.",
    source="https://database.mmsp-kn.de/koniq-10k-database.html",
    summary="10,073 photographs, authentic distortions, MOS",
    counts={"train": 7058, "validation": 1000, "test": 2015},
    extremes=("3.91", "88.39"),
    archives=(
        builder.Archive("https://datasets.vqa.mmsp-kn.de/archives/koniq10k_512x384.zip"),
        builder.Archive(f"https://raw.githubusercontent.com/subpic/koniq/master/metadata/{SETS}"),
    ),
)


class Builder(builder.ReleaseBuilder):
    """Images as released, with the official sets if their table is there."""

    facts = FACTS
    code_path = Path(__file__)
    pkg_dir_path = code_path.parent
    VERSION = tfds.core.Version("1.0.0")
    RELEASE_NOTES: ClassVar = {"1.0.0": "The release of 2018, sets of 2020."}

    def read(self, folder: Path) -> dict[str, list[builder.Image]]:
        """Images listed in one of the two tables, of the smaller size if both are there."""
        places = [folder / f"{prefix}{size}" for size in SIZES for prefix in ("", "koniq10k_")]
        images = next((place for place in places if place.is_dir()), places[0])
        files = {path.name.lower(): path for path in release.images(images).values()}
        splits: dict[str, list[builder.Image]] = {}
        table, rows = read_scores(folder)
        for split, name, score in rows:
            path = release.find(files, name, images, table)
            splits.setdefault(split, []).append(builder.Image(path, name, score=score))
        return splits


def read_scores(folder: Path) -> tuple[str, list[tuple[str, str, float]]]:
    """The name of the table read, and (split, image name, MOS from 0 to 100) in its order.

    The tables' SD belongs to opinions from 1 to 5, not to this MOS, and is not read.
    """
    name, column, sets = SETS, "MOS", ["set"]
    if SETS not in {path.name.lower() for path in folder.iterdir()}:
        name, column, sets = SCORES, "MOS_zscore", []
    rows = []
    for location, row in release.table(folder / name, "image_name", column, *sets):
        part = row.get("set", "")
        if sets and part not in SPLITS:
            raise InputError(f"{location}: found set '{part}', expected one of {', '.join(SPLITS)}")
        score = release.number(row[column], location, column, FACTS.limits)
        rows.append((SPLITS.get(part, DISTORTED), row["image_name"], score))
    return name, rows
