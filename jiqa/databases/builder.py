"""What every builder shares: the facts of a database, the columns of an example, the checks."""

import dataclasses
import functools
import math
import types
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import tensorflow_datasets as tfds

from jiqa.data.index import DISTORTED, REFERENCE
from jiqa.data.recognise import Recogniser
from jiqa.databases.photographs import KODAK as KODAK
from jiqa.errors import InputError
from jiqa.images import damage, decode

# Where the distortion is the camera's own.
AUTHENTIC = "authentic"
# What the type of a reference photograph is called.
PRISTINE = "pristine"


@dataclasses.dataclass(frozen=True)
class Archive:
    """A file of a release that may be downloaded without asking anybody.

    Attributes:
        url: a direct link.
        sha256: of the file, '' where none is published.
    """

    url: str
    sha256: str = ""


@dataclasses.dataclass(frozen=True)
class Facts:
    """What is known of a database before it is read.

    Attributes:
        score: the column of the score: `mos`, `dmos` or `pseudo_mos`; '' where there are none.
        score_range: its nominal (lowest, highest).
        higher_better: its direction.
        licence: in a few words.
        terms: what the authors allow and ask for.
        source: where the database, or what it is made from, comes from.
        pseudo: how the score was made where no observer gave it; else ''.
        references: whether there are pristine photographs to name.
        summary: what it holds, in a line.
        family: of databases that were made from the same photographs; '' where it is alone.
        counts: images of each split of the whole release.
        extremes: lowest and highest score of the whole release, to as many decimals as are
            checked; None where they are not known.
        get: how to come by the release and what to unpack where; '' where it is downloaded.
        archives: what to download, where that is allowed.
        more: columns that only this database has, with TFDS's features of them.
    """

    score: str
    score_range: tuple[float, float]
    higher_better: bool
    licence: str
    terms: str
    source: str
    pseudo: str = ""
    references: bool = False
    summary: str = ""
    family: str = ""
    counts: Mapping[str, int] = dataclasses.field(default_factory=dict)
    extremes: tuple[str, str] | None = None
    get: str = ""
    archives: tuple[Archive, ...] = ()
    more: Mapping[str, Any] = dataclasses.field(default_factory=dict)

    @property
    def limits(self) -> tuple[float, float]:
        """What no score may leave: the nominal range, and the true one where that is wider."""
        low, high = self.score_range
        if self.extremes:
            lowest, highest = self.extremes
            low = low if low <= float(lowest) else float(lowest) - _unit(lowest)
            high = high if high >= float(highest) else float(highest) + _unit(highest)
        return low, high

    def info(
        self, builder: tfds.core.DatasetBuilder, *, sample: bool = False
    ) -> tfds.core.DatasetInfo:
        """The `DatasetInfo` of `builder`; `sample`: it holds a part of the database only."""
        text, number = tfds.features.Text(), tfds.features.Scalar(np.float32)
        columns = {
            "image": tfds.features.Image(shape=(None, None, 3)),
            "id": text,
            "content_id": text,
            "distortion": text,
            "level": tfds.features.Scalar(np.int32),
        }
        if self.score:
            columns |= {self.score: number, f"{self.score}_std": number}
        if self.references:
            columns["reference"] = text
        columns |= self.more
        told = [
            "score",
            "score_range",
            "higher_better",
            "licence",
            "terms",
            "source",
            "pseudo",
            "family",
        ]
        metadata = {name: getattr(self, name) for name in told} | {"sample": sample}
        return builder.dataset_info_from_configs(
            features=tfds.features.FeaturesDict(columns),
            license=self.licence,
            homepage=self.source,
            metadata=tfds.core.MetadataDict(metadata),
        )

    def example(
        self,
        image: bytes,
        id: str,
        *,
        content_id: str = "",
        distortion: str = AUTHENTIC,
        level: int = 0,
        score: float = math.nan,
        score_std: float = math.nan,
        reference: str = "",
        more: Mapping[str, Any] = types.MappingProxyType({}),
    ) -> tuple[str, dict[str, Any]]:
        """(key, example) of one image.

        Args:
            image: the stored bytes, as they are.
            id: unique in the database.
            content_id: the photograph it was made from; its own id by default. Kept in lower case:
                names that differ in case only are one content.
            distortion: the type.
            level: 0 where there are no levels.
            score: raw, nan for a pristine photograph.
            score_std: deviation over the observers, nan where unknown.
            reference: id of the pristine image, where there is one.
            more: the columns that only this database has.
        """
        example = {
            "image": image,
            "id": id,
            "content_id": (content_id or id).lower(),
            "distortion": distortion,
            "level": level,
            **more,
        }
        if self.score:
            example |= {self.score: score, f"{self.score}_std": score_std}
        if self.references:
            example["reference"] = reference
        return id, example


@dataclasses.dataclass(frozen=True)
class Image:
    """An image of a release: where it lies, and the arguments of `Facts.example`."""

    path: Path
    id: str
    content_id: str = ""
    distortion: str = AUTHENTIC
    level: int = 0
    score: float = math.nan
    score_std: float = math.nan
    reference: str = ""
    more: Mapping[str, Any] = dataclasses.field(default_factory=dict)


def pristine(path: Path, id: str, **more: Any) -> Image:
    """A reference photograph: it is its own reference, and nobody scored it."""
    return Image(path, id, distortion=PRISTINE, reference=id, more=more)


class ReleaseBuilder(tfds.core.GeneratorBasedBuilder, skip_registration=True):
    """A database read from the folder of its release.

    A builder sets `facts`, `code_path` and `pkg_dir_path` (in a clone TFDS would look for them
    inside jiqa/), VERSION and RELEASE_NOTES, and reads the release in `read`.
    """

    facts: ClassVar[Facts]
    BUILDER_CONFIGS: ClassVar = [
        tfds.core.BuilderConfig(name="full", description="The whole release, checked to be it."),
        tfds.core.BuilderConfig(
            name="sample",
            description="A smaller release in the same layout: published figures do not apply.",
        ),
    ]
    MANUAL_DOWNLOAD_INSTRUCTIONS = "The folder of the release."

    def read(self, folder: Path) -> dict[str, list[Image]]:
        """Every image of the release in `folder` by split.

        Raises:
            InputError: a file is missing, or is not as released.
        """
        raise NotImplementedError

    def _info(self) -> tfds.core.DatasetInfo:
        return self.facts.info(self, sample=self._sample)

    @functools.cached_property
    def recogniser(self) -> Recogniser:
        """Knows every image that was read."""
        return Recogniser()

    @property
    def _sample(self) -> bool:
        config = self.builder_config
        return config is not None and config.name == "sample"

    def _split_generators(
        self, dl_manager: tfds.download.DownloadManager
    ) -> dict[str, Iterator[tuple[str, Any]]]:
        folder = Path(dl_manager.manual_dir)
        splits = self.read(folder)
        seen = set()
        for image in (image for images in splits.values() for image in images):
            if image.id.lower() in seen:
                raise InputError(f"{folder}: found {image.id} twice, expected every image once")
            seen.add(image.id.lower())
        if not self._sample:
            verify(self.facts, splits, folder)
        announce(self, {split: len(images) for split, images in splits.items()})
        return {split: self._generate_examples(images) for split, images in splits.items()}

    def _generate_examples(self, images: Sequence[Image]) -> Iterator[tuple[str, Any]]:
        for image in images:
            stored = image.path.read_bytes()
            pixels = decode(stored, str(image.path))
            if flaw := damage(stored):
                raise InputError(f"{image.path}: {flaw}, expected a whole image")
            self.recogniser.add(image.id, pixels)
            columns = {
                field.name: getattr(image, field.name) for field in dataclasses.fields(image)
            }
            del columns["path"]
            yield self.facts.example(stored, **columns)


def verify(facts: Facts, splits: Mapping[str, Sequence[Image]], folder: Path) -> None:
    """Holds what was read from `folder` against what is published of the database.

    A release without its official split has all of its images in `DISTORTED`.

    Raises:
        InputError: a split has another number of images, the lowest or highest score is another,
            or the mildest level is not better on average than the severest.
    """
    counts = facts.counts
    if splits.keys() == {DISTORTED}:
        counts = {DISTORTED: sum(counts.values())}
    for split, expected in counts.items():
        found = len(splits.get(split, ()))
        if found != expected:
            raise InputError(
                f"{folder}: found {found} {split} images, expected {expected} "
                "(a smaller release in the same layout: --config=sample)"
            )
    scored = [image for split in splits if split != REFERENCE for image in splits[split]]
    scores = np.array([image.score for image in scored])
    if facts.extremes:
        ends = {"lowest": scores.min(), "highest": scores.max()}
        for (end, found), expected in zip(ends.items(), facts.extremes, strict=True):
            if abs(found - float(expected)) > _unit(expected):
                raise InputError(
                    f"{folder}: found a {end} {facts.score} of {found:.6g}, expected {expected}"
                )
    levels = np.array([image.level for image in scored])
    if facts.score and levels.any():
        mild, severe = (scores[levels == level].mean() for level in (levels.min(), levels.max()))
        if (mild > severe) != facts.higher_better:
            raise InputError(
                f"{folder}: found a mean {facts.score} of {mild:.3g} at the mildest level and "
                f"{severe:.3g} at the severest, expected the mildest to be better"
            )


def _unit(decimals: str) -> float:
    """One in the last place of a decimal number, which may be rounded or cut off."""
    return 10.0 ** -len(decimals.partition(".")[2])


def announce(builder: tfds.core.DatasetBuilder, counts: Mapping[str, int]) -> None:
    """Tells TFDS how many examples each split will have, so that its bar knows where it ends."""
    for split, count in counts.items():
        builder.info.splits[split] = tfds.core.SplitInfo(
            name=split, shard_lengths=[count], num_bytes=0
        )
