"""koniq10k: examples read from a release, and an error for every way to break a release."""

import csv

import numpy as np
import pytest

from jiqa.databases import builder
from jiqa.tfds_builders import testing
from jiqa.tfds_builders.koniq10k import koniq10k_dataset_builder as koniq10k

SETS, SCORES = koniq10k.SETS, koniq10k.SCORES
COLUMNS = "image_name,c1,c2,c3,c4,c5,c_total,MOS,SD"
ROWS = {
    SETS: [
        f"{COLUMNS},set",
        "1.jpg,0,0,0.25,0.75,0,104,77.5,0.5,training",
        "2.jpg,0,0,0.5,0.5,0,104,68.25,0.5,validation",
        "3.jpg,1,0,0,0,0,104,4.75,0.5,test",
    ],
    SCORES: [
        f"{COLUMNS},MOS_zscore",
        '"1.jpg",0,0,26,78,0,104,3.75,0.5,77.5',
        '"2.jpg",0,0,52,52,0,104,3.5,0.5,68.25',
        '"3.jpg",104,0,0,0,0,104,1,0.5,4.75',
    ],
}


def write(folder, table):
    (folder / table).write_text("".join(f"{row}\n" for row in ROWS[table]))


class TestRelease(testing.ReleaseTests):
    name = "koniq10k"
    expected = {
        "train": {"512x384/1.jpg": {"mos": 77.5}},
        "validation": {"512x384/2.jpg": {"mos": 68.25}},
        "test": {"512x384/3.jpg": {"mos": 4.75}},
    }
    broken = {
        "no scores": (lambda r: (r / SETS).unlink(), f"{SCORES}: not found"),
        "set unknown": (
            testing.edit(SETS, "validation", "holdout"),
            f"{SETS}, line 3: found set 'holdout', expected one of training, validation, test",
        ),
        "score high": (testing.edit(SETS, "77.5", "100.5"), "line 2: .*0 to 100, found 100.5"),
        "score a word": (
            testing.edit(SETS, "4.75", "bad"),
            "line 4: .*number for MOS, found 'bad'",
        ),
        "another version": (testing.edit(SETS, ",set", ",part"), f"{SETS}: expected a column set"),
        "row twice": (testing.edit(SETS, "2.jpg", "1.jpg"), r"found 1\.jpg twice"),
    }

    def write(self, folder):
        write(folder, SETS)

    def test_table_without_sets_gives_one_split_with_the_same_scores(self, release, whole):
        (release / SETS).unlink()
        write(release, SCORES)
        splits = testing.read_database(self.prepare(release, "full"), {"distorted": 3})
        scores = {row["id"]: row["mos"] for row in splits["distorted"]}
        assert scores == {"1.jpg": 77.5, "2.jpg": 68.25, "3.jpg": 4.75}

    def test_table_without_sets_is_held_against_the_whole(self, release):
        (release / SETS).unlink()
        write(release, SCORES)
        self.fails(release, "found 3 distorted images, expected 10073", "full")

    def test_table_without_the_scale_from_0_to_100_is_named(self, release):
        (release / SETS).unlink()
        write(release, SCORES)
        testing.edit(SCORES, ",MOS_zscore", "")(release)
        self.fails(release, f"{SCORES}: expected a column MOS_zscore")

    @pytest.mark.parametrize("place", ["koniq10k_512x384/512x384", "1024x768", "koniq10k_1024x768"])
    def test_images_are_found_in_each_layout(self, place, release):
        (release / place).parent.mkdir(exist_ok=True)
        (release / "512x384").rename(release / place)
        testing.read_database(self.prepare(release), {"train": 1, "validation": 1, "test": 1})

    def test_smaller_images_are_taken_where_there_are_both(self, release):
        for image in ("1.jpg", "2.jpg", "3.jpg"):
            testing.write_picture(release / "koniq10k_1024x768" / image, 9)
        self.check(release, self.prepare(release))


def test_true_scores(shared, tmp_path):
    """The official sets; scores follow the opinions from 1 to 5 closely."""
    table = shared / "data" / "labels" / "koniq10k" / SETS
    (tmp_path / SETS).symlink_to(table)
    (tmp_path / "512x384").mkdir()
    opinions = {}
    for row in csv.DictReader(table.open()):
        (tmp_path / "512x384" / row["image_name"]).touch()
        opinions[row["image_name"]] = sum(float(row[f"c{n}"]) * n for n in range(1, 6))
    splits = koniq10k.Builder(data_dir=tmp_path).read(tmp_path)
    builder.verify(koniq10k.FACTS, splits, tmp_path)
    images = [image for split in splits.values() for image in split]
    assert len({image.id for image in images}) == 10073
    pairs = [(opinions[image.id], image.score) for image in images]
    assert np.corrcoef(np.transpose(pairs))[0, 1] > 0.99
