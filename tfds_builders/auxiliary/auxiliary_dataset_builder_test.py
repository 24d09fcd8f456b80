"""auxiliary: pictures are read as written by a run; every way to break a folder is an error."""

import csv

import pytest

from jiqa.databases.prepare import prepare
from jiqa.errors import InputError
from jiqa.tfds_builders import testing
from jiqa.tfds_builders.auxiliary import auxiliary_dataset_builder as auxiliary

ROW = {
    "image": "all-0/Cat.png",
    "id": "Cat all-0",
    "content_id": "Cat",
    "distortion": "all",
    "level": "0",
    "score": "1.0",
    "reference": "Cat",
    "made_by": "all-0",
    "step": "759000",
    "hash": "0123456789ab",
}
WORSE = {**ROW, "image": "all-2/Cat.png", "id": "Cat all-2", "level": "2", "score": "0.0"}


def write(folder, *rows, columns=auxiliary.COLUMNS):
    """A folder as a run writes it, with these rows in its table."""
    testing.write_picture(folder / auxiliary.PHOTOGRAPHS / "Cat.png")
    for seed, row in enumerate((ROW, WORSE), start=1):
        testing.write_picture(folder / auxiliary.IMAGES / row["image"], seed)
    with (folder / auxiliary.TABLE).open("w", newline="") as file:
        writer = csv.DictWriter(file, columns, extrasaction="ignore")
        writer.writeheader()
        writer.writerows(rows)
    return folder


def test_what_was_written_is_read(tmp_path):
    folder = write(tmp_path / "pictures", ROW, WORSE)
    made = prepare("auxiliary", manual_dir=folder, data_dir=tmp_path / "data")
    splits = testing.read_database(made, {"distorted": 2, "reference": 1})
    (cat,) = splits["reference"]
    assert (cat["id"], cat["reference"], cat["distortion"]) == ("Cat", "Cat", "pristine")
    best, worst = sorted(splits["distorted"], key=lambda row: row["level"])
    assert (best["level"], worst["level"]) == (0, 2)
    assert (best["pseudo_mos"], worst["pseudo_mos"]) == (1, 0)
    for row, results in ((best, ROW), (worst, WORSE)):
        assert row["image"] == (folder / auxiliary.IMAGES / results["image"]).read_bytes()
        assert row["step"] == 759000
        assert row["content_id"] == "cat"  # of any case
        for column in ("id", "distortion", "reference", "made_by", "hash"):
            assert row[column] == results[column]


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ({**ROW, "image": "all-0/Dog.png"}, "Dog.png: not found, expected as auxiliary.csv lists"),
        ({**ROW, "reference": "Dog"}, "line 3: found no photograph Dog, expected one"),
        ({**ROW, "level": "high"}, "line 3: expected a whole number for level, found 'high'"),
        ({**ROW, "step": "-1"}, "line 3: expected a whole number for step, found '-1'"),
        ({**ROW, "score": "1.5"}, "line 3: expected a score from 0 to 1, found 1.5"),
        (WORSE, "found Cat all-2 twice"),
        ({**ROW, "id": "again", "score": "-0.5"}, "line 3: expected a score from 0 to 1"),
    ],
)
def test_what_is_broken_is_named(row, message, tmp_path):
    folder = write(tmp_path / "pictures", WORSE, row)
    with pytest.raises(InputError, match=message):
        prepare("auxiliary", manual_dir=folder, data_dir=tmp_path / "data")


def test_levels_the_wrong_way_round_are_refused(tmp_path):
    folder = write(tmp_path / "pictures", {**ROW, "score": "0.2"}, {**WORSE, "score": "0.9"})
    with pytest.raises(InputError, match="expected the mildest to be better"):
        prepare("auxiliary", manual_dir=folder, data_dir=tmp_path / "data")
