"""A whole release is held against what is published of it; a sample is not."""

import dataclasses
import io
import types
from pathlib import Path
from typing import Any

import numpy as np
import PIL.Image
import pytest

from jiqa.data.recognise import Recogniser
from jiqa.databases.builder import Facts, Image, ReleaseBuilder, pristine, verify
from jiqa.errors import InputError

FACTS = Facts(
    "dmos",
    (0.0, 100.0),
    False,
    "none",
    "none",
    "drawn",
    counts={"distorted": 3, "reference": 1},
    extremes=("-2.64", "111.8"),
)


def splits(*rows):
    """Images of (level, score), and one reference."""
    path = Path("release/a.png")
    images = [Image(path, str(i), level=row[0], score=row[1]) for i, row in enumerate(rows)]
    return {"distorted": images, "reference": [pristine(path, "r")]}


def test_whole_release_is_taken():
    verify(FACTS, splits((1, -2.637), (1, 50), (2, 111.77)), Path("release"))


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([(1, -2.64), (2, 111.8)], "release: found 2 distorted images, expected 3 .*=sample"),
        ([(1, -2.6), (1, 50), (2, 111.8)], "found a lowest dmos of -2.6, expected -2.64"),
        ([(1, -2.64), (1, 50), (2, 100)], "found a highest dmos of 100, expected 111.8"),
        (
            [(2, -2.64), (2, 50), (1, 111.8)],
            "mean dmos of 112 at the mildest level and 23.7 at the severest, expected the mildest",
        ),
    ],
)
def test_difference_is_named(rows, message):
    with pytest.raises(InputError, match=message):
        verify(FACTS, splits(*rows), Path("release"))


def test_direction_is_that_of_the_facts():
    better = dataclasses.replace(FACTS, higher_better=True)
    verify(better, splits((2, -2.64), (2, 50), (1, 111.8)), Path("release"))
    with pytest.raises(InputError, match="expected the mildest to be better"):
        verify(better, splits((1, -2.64), (1, 50), (2, 111.8)), Path("release"))


def test_release_without_scores_or_levels_is_counted_alone():
    bare = dataclasses.replace(FACTS, score="", extremes=None)
    verify(bare, splits(*[(level, float("nan")) for level in (1, 2, 3)]), Path("release"))
    verify(FACTS, splits((0, 111.8), (0, 5), (0, -2.64)), Path("release"))


def test_limits_are_nominal_and_wider_where_the_true_scores_are():
    assert FACTS.limits == pytest.approx((-2.65, 111.9))
    inside = dataclasses.replace(FACTS, extremes=("0.61", "84.67"))
    assert inside.limits == (0.0, 100.0)
    assert dataclasses.replace(FACTS, extremes=None).limits == (0.0, 100.0)


def test_damaged_jpeg_is_refused_by_name_and_pixels_stay_as_stored(tmp_path):
    noise = np.random.default_rng(0).integers(0, 256, (80, 120, 3), np.uint8)
    exif = PIL.Image.Exif()
    exif[0x0112] = 6
    stored = io.BytesIO()
    PIL.Image.fromarray(noise).save(stored, "JPEG", quality=90, exif=exif)
    whole = stored.getvalue()
    path = tmp_path / "a.jpg"
    builder: Any = types.SimpleNamespace(facts=FACTS, recogniser=Recogniser())

    def examples(data):
        path.write_bytes(data)
        return list(ReleaseBuilder._generate_examples(builder, [Image(path, "a", score=1)]))

    assert examples(whole)[0][1]["image"] == whole
    assert builder.recogniser.hashes().keys() == {"a"}
    with pytest.raises(InputError, match=r"a\.jpg: Corrupt JPEG data: .*, expected a whole image"):
        examples(whole[: len(whole) // 2] + b"\xff\xd9")
