"""What the tests of the builders share; TFDS's own test base needs TensorFlow."""

import io
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow_datasets as tfds
from PIL import Image

from jiqa.data import pp


def picture(seed: int, format: str = "JPEG") -> bytes:
    """A stored image of 24 rows and 32 columns, its pixels decided by `seed`."""
    pixels = np.random.default_rng(seed).integers(0, 256, (24, 32, 3), np.uint8)
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, format)
    return stream.getvalue()


def write_biq2021(folder: Path, train: int = 3, test: int = 2) -> Path:
    """A release in the layout of BIQ2021: scores 0.1000, 0.2000, ... from the first image on."""
    images = folder / "Images"
    images.mkdir(parents=True)
    names = [f"ss01 ({number}).jpg" for number in range(1, train + test + 1)]
    rows = [f"{name},{number / 10:.4f}" for number, name in enumerate(names, start=1)]
    for seed, name in enumerate(names):
        (images / name).write_bytes(picture(seed))
    # As in the release, the table of the training part has two columns more, both empty.
    training = "".join(f"{row},,\n" for row in ["Image Name,MOS", *rows[:train]])
    testing = "".join(f"{row}\n" for row in ["Image Name,MOS", *rows[train:]])
    (folder / "Train (Images and MOS).csv").write_text(training)
    (folder / "Test (Images and MOS).csv").write_text(testing)
    return folder


def read_database(folder: Path, counts: Mapping[str, int]) -> dict[str, list[dict[str, Any]]]:
    """Examples by split, text decoded, after checking what every database promises."""
    builder = tfds.builder_from_directory(folder)
    info = builder.info
    assert {name: split.num_examples for name, split in info.splits.items()} == dict(counts)
    assert info.description
    assert info.citation.startswith("@")
    facts = info.metadata
    score, (low, high) = facts["score"], facts["score_range"]
    assert score in ("mos", "dmos", "pseudo_mos")
    assert bool(facts["pseudo"]) == score.startswith("pseudo")
    assert facts["licence"]
    assert facts["terms"]
    assert facts["source"].startswith("https://")
    assert {type(facts[name]) for name in ("higher_better", "sample")} == {bool}
    assert info.features[score].np_dtype == info.features[f"{score}_std"].np_dtype == np.float32
    splits = {}
    ids = set()
    for split in counts:
        source = builder.as_data_source(split, decoders={"image": tfds.decode.SkipDecoding()})
        examples = [{name: _decoded(name, value) for name, value in row.items()} for row in source]
        for example in examples:
            assert example["id"] not in ids
            ids.add(example["id"])
            assert example["content_id"]
            assert example["distortion"]
            assert pp.decode(example["image"]).ndim == 3
            if split == "reference":
                assert np.isnan(example[score])
            else:
                assert low <= example[score] <= high
        splits[split] = examples
    return splits


def _decoded(name: str, value: Any) -> Any:
    return value.decode() if isinstance(value, bytes) and name != "image" else value
