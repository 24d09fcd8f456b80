"""Base of the builders: facts of a database, columns of an example, checks of a release."""

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

# Type of a camera's own distortions.
AUTHENTIC = "authentic"
# Type of a reference photograph.
PRISTINE = "pristine"


@dataclasses.dataclass(frozen=True)
class Archive:
    """A publicly downloadable file of a release.

    Attributes:
        url: direct link.
        sha256: SHA-256 of the file, '' if none is published.
    """

    url: str
    sha256: str = ""


@dataclasses.dataclass(frozen=True)
class Facts:
    """Facts about a database that are known before reading it.

    Attributes:
        score: column of the score: `mos`, `dmos` or `pseudo_mos`; '' without scores.
        score_range: nominal (lowest, highest) score.
        higher_better: whether a higher score means higher quality.
        licence: the licence in a few words.
        terms: the authors' permissions and requests.
        source: page of the database, or of its photographs.
        pseudo: how the scores were computed, if they are not human-rated; else ''.
        references: whether there are reference photographs.
        summary: content in one line.
        family: name shared by databases made from the same photographs; '' for a database alone.
        counts: number of images in each split of the whole release.
        extremes: lowest and highest score of the whole release, with as many decimals as are
            checked; None if unknown.
        get: how to obtain and unpack the release; '' if it is downloaded.
        archives: files to download, where that is allowed.
        more: columns of this database alone, with their TFDS features.
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
        """Lowest and highest score accepted: the nominal range, or the true one where wider."""
        low, high = self.score_range
        if self.extremes:
            lowest, highest = self.extremes
            low = low if low <= float(lowest) else float(lowest) - _unit(lowest)
            high = high if high >= float(highest) else float(highest) + _unit(highest)
        return low, high

    def info(
        self, builder: tfds.core.DatasetBuilder, *, sample: bool = False
    ) -> tfds.core.DatasetInfo:
        """The `DatasetInfo` of `builder`; `sample` marks a database with a part of the images."""
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
        fields = [
            "score",
            "score_range",
            "higher_better",
            "licence",
            "terms",
            "source",
            "pseudo",
            "family",
        ]
        metadata = {name: getattr(self, name) for name in fields} | {"sample": sample}
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
        """(key, example) of an image.

        Args:
            image: the stored bytes, unchanged.
            id: unique in the database.
            content_id: photograph that the image was made from [`id`]. Kept in lower case: names
                that differ only in case are one content.
            distortion: the type.
            level: 0 without levels.
            score: raw score, nan for a pristine photograph.
            score_std: standard deviation over the observers, nan where unknown.
            reference: id of the reference, if there is one.
            more: columns of this database alone.
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
    """An image of a release: its path, and the arguments of `Facts.example`."""

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
    """A reference photograph: its own reference, without a score."""
    return Image(path, id, distortion=PRISTINE, reference=id, more=more)


class ReleaseBuilder(tfds.core.GeneratorBasedBuilder, skip_registration=True):
    """Base of a database read from the folder of its release.

    A builder sets `facts`, `code_path` and `pkg_dir_path` (in a clone TFDS would look for them
    inside jiqa/), VERSION and RELEASE_NOTES, and implements `read`.
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
        """Every image of the release in `folder`, by split.

        Raises:
            InputError: a file is missing, or differs from the release.
        """
        raise NotImplementedError

    def _info(self) -> tfds.core.DatasetInfo:
        return self.facts.info(self, sample=self._sample)

    @functools.cached_property
    def recogniser(self) -> Recogniser:
        """Recogniser of every image read so far."""
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
    """Checks images read from `folder` against the published facts of the database.

    A release without official splits has all its images in `DISTORTED`.

    Raises:
        InputError: a split with another number of images, another lowest or highest score, or a
            mildest level that is not better on average than the severest.
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
    """One unit in the last place of a decimal number, which may be rounded or truncated."""
    return 10.0 ** -len(decimals.partition(".")[2])


def announce(builder: tfds.core.DatasetBuilder, counts: Mapping[str, int]) -> None:
    """Tells TFDS the number of examples in each split, for its progress bar."""
    for split, count in counts.items():
        builder.info.splits[split] = tfds.core.SplitInfo(
            name=split, shard_lengths=[count], num_bytes=0
        )
