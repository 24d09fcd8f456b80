"""kadid10k: examples read from a release, and an error for every way to break a release."""

import numpy as np
import pytest

from jiqa.databases import builder
from jiqa.databases.prepare import prepare
from jiqa.errors import InputError
from jiqa.tfds_builders import testing
from jiqa.tfds_builders.kadid10k import kadid10k_dataset_builder as kadid10k

SCORES = kadid10k.SCORES


def named(name):
    """Renames the second image."""
    return testing.edit(SCORES, "I81_25_05", name)


class TestRelease(testing.ReleaseTests):
    name = "kadid10k"
    expected = {
        "distorted": {
            "images/I01_01_01.png": {
                "content_id": "I01.png",
                "distortion": "gaussian_blur",
                "level": 1,
                "dmos": 4.5,
                "dmos_std": 0.5,
                "reference": "I01.png",
            },
            "images/I81_25_05.png": {
                "content_id": "I81.png",
                "distortion": "contrast_change",
                "level": 5,
                "dmos": 1.25,
                "dmos_std": 0.75,
                "reference": "I81.png",
            },
        },
        "reference": {"images/I01.png": {}, "images/I81.png": {}},
    }
    broken = {
        "no scores": (lambda r: (r / SCORES).unlink(), f"{SCORES}: not found"),
        "type unknown": (
            named("I81_26_05"),
            r"line 3: found I81_26_05\.png, expected IRR_TT_LL\.png with TT from 01 to 25 and ",
        ),
        "type 00": (named("I81_00_05"), r"found I81_00_05\.png, expected"),
        "level unknown": (named("I81_25_06"), r"found I81_25_06\.png, .* LL from 01 to 05"),
        "name of another kind": (named("81_25_05"), r"found 81_25_05\.png, expected"),
        "reference of another": (
            named("I01_25_05"),
            r"line 3: found reference I81\.png, expected that of I01_25_05\.png",
        ),
        "score high": (
            testing.edit(SCORES, "4.5,", "5.1,"),
            "line 2: .*from 1 to 5, found 5.1",
        ),
        "score low": (testing.edit(SCORES, "4.5,", "0.9,"), "line 2: .*found 0.9"),
        "deviation nan": (testing.edit(SCORES, "0.75", "nan"), "line 3: .*var from 0 to 5, found"),
        "another version": (
            testing.edit(SCORES, "dmos", "mos"),
            "expected a column dmos, found the header 'dist_img,ref_img,mos,var'",
        ),
        "row twice": (
            testing.edit(SCORES, "I81_25_05.png,I81", "I01_01_01.png,I01"),
            r"found I01_01_01\.png twice",
        ),
    }

    def write(self, folder):
        (folder / SCORES).write_text(
            "dist_img,ref_img,dmos,var\n"
            "I01_01_01.png,I01.png,4.5,0.5\n"
            "I81_25_05.png,I81.png,1.25,0.75\n"
        )


@pytest.mark.parametrize(("first", "last"), [(4.93, 1.0), (1.0, 4.93)])
def test_scores_turned_round_are_refused(first, last, tmp_path):
    """Scores inverted because of the name DMOS are refused: the mildest level must be the best."""
    scores = np.linspace(first, last, 10_125)
    distorted = [
        builder.Image(tmp_path, str(row), level=1 + row // 2025, score=score)
        for row, score in enumerate(scores)
    ]
    reference = [builder.pristine(tmp_path, f"I{number}") for number in range(81)]
    splits = {"distorted": distorted, "reference": reference}
    if first > last:
        builder.verify(kadid10k.FACTS, splits, tmp_path)
    else:
        with pytest.raises(InputError, match=r"1\.39 at the mildest level .*mildest to be better"):
            builder.verify(kadid10k.FACTS, splits, tmp_path)


def test_a_photograph_spelt_in_two_ways_is_one_content(tmp_path):
    """One content: both the check of names and contents ignore case."""
    images, data = tmp_path / "release" / "images", tmp_path / "data"
    for seed, name in enumerate(("I01", "I01_01_01", "i01_02_01")):
        testing.write_picture(images / f"{name}.png", seed)
    rows = "I01_01_01.png,I01.png,4.5,0.5\ni01_02_01.png,i01.png,4.0,0.5\n"
    (images.parent / SCORES).write_text(f"dist_img,ref_img,dmos,var\n{rows}")
    folder = prepare("kadid10k", config="sample", manual_dir=images.parent, data_dir=data)
    splits = testing.read_database(folder, {"distorted": 2, "reference": 1})
    assert {row["content_id"] for row in splits["distorted"]} == {"i01.png"}
    assert {row["reference"] for row in splits["distorted"]} == {splits["reference"][0]["id"]}
