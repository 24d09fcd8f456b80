"""BIQ2021: 12,000 photographs with authentic distortions and their mean opinion scores."""

import csv
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar

import tensorflow_datasets as tfds

from jiqa.data import pp
from jiqa.errors import InputError
from jiqa.tfds_builders import database

ARCHIVE = "https://github.com/nisarahmedrana/BIQ2021/archive/refs/heads/main.zip"
IMAGES = "Images"
TABLES = {"train": "Train (Images and MOS).csv", "test": "Test (Images and MOS).csv"}
COUNTS = {"train": 10_000, "test": 2_000}
FACTS = database.Facts(
    score="mos",
    score_range=(0.0, 1.0),  # that of the true files as well: both tables reach 0 and 1
    higher_better=True,
    licence="none stated; free for use and benchmarking",
    terms="The authors offer images and scores freely for use and benchmarking and ask to cite "
    "their paper; 8,000 of the photographs come from Unsplash.",
    source="https://github.com/nisarahmedrana/BIQ2021",
)


class Builder(tfds.core.GeneratorBasedBuilder):
    """The official training and test part, images as released."""

    code_path = Path(__file__)  # in a clone TFDS would look for it inside jiqa/
    pkg_dir_path = code_path.parent
    VERSION = tfds.core.Version("1.0.0")
    RELEASE_NOTES: ClassVar = {"1.0.0": "The release of 2022."}
    BUILDER_CONFIGS: ClassVar = [
        tfds.core.BuilderConfig(name="full", description="The whole release, counts checked."),
        tfds.core.BuilderConfig(
            name="sample",
            description="A smaller release in the same layout: published figures do not apply.",
        ),
    ]
    MANUAL_DOWNLOAD_INSTRUCTIONS = (
        "A folder laid out as the repository: Images/ and the two tables. Without one the "
        "repository's archive is downloaded."
    )

    def _info(self) -> tfds.core.DatasetInfo:
        return FACTS.info(self, sample=self._sample)

    @property
    def _sample(self) -> bool:
        return self.builder_config.name == "sample"

    def _split_generators(
        self, dl_manager: tfds.download.DownloadManager
    ) -> dict[str, Iterator[tuple[str, Any]]]:
        folder = self._release(dl_manager)
        tables = {split: read_table(folder / name) for split, name in TABLES.items()}
        for split, scores in tables.items():
            if not self._sample and len(scores) != COUNTS[split]:
                raise InputError(
                    f"{folder / TABLES[split]}: found {len(scores)} rows, expected "
                    f"{COUNTS[split]} (a smaller release in the same layout: --config=sample)"
                )
        for name in tables["train"].keys() & tables["test"].keys():
            raise InputError(f"{folder}: found {name} in both tables, expected it in one")
        images = find_images(folder / IMAGES, tables)
        database.announce(self, {split: len(scores) for split, scores in tables.items()})
        return {split: self._generate_examples(images, tables[split]) for split in tables}

    def _release(self, dl_manager: tfds.download.DownloadManager) -> Path:
        try:
            return Path(dl_manager.manual_dir)
        except AssertionError:  # how TFDS says that there is none
            if self._sample:
                message = "biq2021/sample: nothing to download, expected --manual_dir=DIR"
                raise InputError(message) from None
        archive = Path(dl_manager.download_dir)
        database.download(ARCHIVE, archive)
        return next((images.parent for images in archive.glob(f"*/{IMAGES}")), archive)

    def _generate_examples(
        self, images: dict[str, Path], scores: dict[str, float]
    ) -> Iterator[tuple[str, Any]]:
        for name, score in scores.items():
            image = images[name].read_bytes()
            pp.decode(image, str(images[name]))
            yield FACTS.example(image, name, score=score)


def read_table(path: Path) -> dict[str, float]:
    """Image name -> MOS in the order of the table.

    Raises:
        InputError: there is no such table, or a line of it is not as released.
    """
    try:
        lines = path.read_text("utf-8-sig").splitlines()
    except FileNotFoundError:
        raise InputError(f"{path}: not found, expected a table of images and MOS") from None
    except UnicodeDecodeError as error:
        raise InputError(f"{path}: expected a UTF-8 table, found {error.reason}") from error
    if not lines or lines[0].split(",")[:2] != ["Image Name", "MOS"]:
        found = lines[0] if lines else ""
        raise InputError(f"{path}: expected the header 'Image Name,MOS', found '{found}'")
    scores: dict[str, float] = {}
    for number, row in enumerate(csv.reader(lines[1:]), start=2):
        at = f"{path}, line {number}"
        if len(row) < 2:
            raise InputError(f"{at}: expected an image name and a MOS, found '{','.join(row)}'")
        name, mos = row[:2]
        if name in scores:
            raise InputError(f"{at}: found {name} again, expected every image once")
        scores[name] = _score(mos, at)
    if not scores:
        raise InputError(f"{path}: found no rows, expected one an image")
    return scores


def _score(text: str, at: str) -> float:
    low, high = FACTS.score_range
    try:
        score = float(text)
    except ValueError:
        raise InputError(f"{at}: expected a number for MOS, found '{text}'") from None
    if not low <= score <= high:
        raise InputError(f"{at}: expected a MOS from {low:g} to {high:g}, found {text}")
    return score


def find_images(folder: Path, tables: dict[str, dict[str, float]]) -> dict[str, Path]:
    """Image name -> file; the release spells one extension JPG where its table says jpg.

    Raises:
        InputError: there is no such folder, or an image of a table is not in it.
    """
    if not folder.is_dir():
        raise InputError(f"{folder}: not found, expected the folder of images")
    files = {name.lower(): folder / name for name in os.listdir(folder)}
    images = {}
    for split, scores in tables.items():
        for name in scores:
            if name.lower() not in files:
                message = f"{folder / name}: not found, expected as {TABLES[split]} lists it"
                raise InputError(message)
            images[name] = files[name.lower()]
    return images
