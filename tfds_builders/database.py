"""What every builder shares: the columns of an example and the facts of a database."""

import dataclasses
import http.client
import math
import tempfile
import urllib.request
import zipfile
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import tensorflow_datasets as tfds

from jiqa.errors import InputError

# Where the distortion is the camera's own.
AUTHENTIC = "authentic"
_BYTES = {"unit": "B", "unit_scale": True, "unit_divisor": 1024, "leave": False}


@dataclasses.dataclass(frozen=True)
class Facts:
    """What `info.metadata` says of a database, besides whether it is a sample of it.

    Attributes:
        score: the column of the score: `mos`, `dmos` or `pseudo_mos`.
        score_range: its nominal (lowest, highest).
        higher_better: its direction.
        licence: in a few words.
        terms: what the authors allow and ask for.
        source: where the database, or what it is made from, comes from.
        pseudo: how the score was made where no observer gave it; else ''.
        references: whether there are pristine photographs to name.
    """

    score: str
    score_range: tuple[float, float]
    higher_better: bool
    licence: str
    terms: str
    source: str
    pseudo: str = ""
    references: bool = False

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
            self.score: number,
            f"{self.score}_std": number,
        }
        if self.references:
            columns["reference"] = text
        metadata = dataclasses.asdict(self) | {"sample": sample}
        del metadata["references"]
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
    ) -> tuple[str, dict[str, bytes | str | int | float]]:
        """(key, example) of one image.

        Args:
            image: the stored bytes, as they are.
            id: unique in the database.
            content_id: the photograph it was made from; its own id by default.
            distortion: the type.
            level: 0 where there are no levels.
            score: raw, nan for a pristine photograph.
            score_std: deviation over the observers, nan where unknown.
            reference: id of the pristine image, where there is one.
        """
        example = {
            "image": image,
            "id": id,
            "content_id": content_id or id,
            "distortion": distortion,
            "level": level,
            self.score: score,
            f"{self.score}_std": score_std,
        }
        if self.references:
            example["reference"] = reference
        return id, example


def announce(builder: tfds.core.DatasetBuilder, counts: Mapping[str, int]) -> None:
    """Tells TFDS how many examples each split will have, so that its bar knows where it ends."""
    for split, count in counts.items():
        builder.info.splits[split] = tfds.core.SplitInfo(
            name=split, shard_lengths=[count], num_bytes=0
        )


def download(url: str, folder: Path) -> None:
    """Unpacks the zip archive at `url` into `folder`, with a bar as TFDS's own.

    TFDS's download manager hides a broken connection behind four minutes of trials.

    Raises:
        InputError: it cannot be had whole.
    """
    folder.mkdir(parents=True, exist_ok=True)
    try:
        with (
            urllib.request.urlopen(url, timeout=60) as response,
            tempfile.TemporaryFile(dir=folder) as archive,
        ):
            total = int(response.headers.get("Content-Length", 0)) or None
            with tfds.core.utils.tqdm(desc="Downloading", total=total, **_BYTES) as bar:
                while block := response.read(1 << 20):
                    archive.write(block)
                    bar.update(len(block))
            if total and archive.tell() != total:
                raise OSError(f"found {archive.tell()} of {total} bytes")
            zipfile.ZipFile(archive).extractall(folder)
    except (OSError, http.client.HTTPException, zipfile.BadZipFile) as error:
        message = f"{url}: not downloaded ({error}); a copy at hand goes to --manual_dir"
        raise InputError(message) from error
