"""agiqa1k: examples read from a release, and an error for every way to break a release."""

import collections

import numpy as np
import pytest

from jiqa.databases import builder
from jiqa.tfds_builders import testing
from jiqa.tfds_builders.agiqa1k import agiqa1k_dataset_builder as agiqa1k

ROWS = [["deepai_0_0_0_0.jpg", "bird, city", 2.5], ["dreamStudio_1_0_0_0.jpg", "cat, city", 0.25]]


def sheet(rows, header=("Image", "Prompt", "MOS")):
    """Writes a sheet with these rows."""
    return lambda folder: testing.write_xlsx(
        folder / agiqa1k.SHEET, "Sheet1", [list(header), *rows]
    )


class TestRelease(testing.ReleaseTests):
    name = "agiqa1k"
    expected = {
        "distorted": {
            "images/deepai_0_0_0_0.jpg": {"mos": 2.5, "distortion": "generated"},
            "images/dreamStudio_1_0_0_0.jpg": {"mos": 0.25, "distortion": "generated"},
        }
    }
    broken = {
        "no scores": (lambda r: (r / agiqa1k.SHEET).unlink(), f"{agiqa1k.SHEET}: not found"),
        "no Excel file": (testing.overwrite(agiqa1k.SHEET, b"text"), "expected an Excel file"),
        "another version": (
            sheet(ROWS, ("name", "prompt", "mos_quality")),
            "expected a column Image, found the header 'name,prompt,mos_quality'",
        ),
        "score high": (sheet([*ROWS, ["a", "", 5.5]]), "line 4: expected a MOS from 0 to 5, found"),
        "score a word": (sheet([*ROWS, ["a", "", "bad"]]), "line 4: .*number for MOS, found 'bad'"),
        "row twice": (sheet([*ROWS, ROWS[0]]), r"found deepai_0_0_0_0\.jpg twice"),
        "no rows": (sheet([]), "found no rows"),
    }

    def write(self, folder):
        sheet(ROWS)(folder)

    def test_images_are_found_where_the_archive_unpacks_to(self, release):
        (release / "images").rename(release / "file")
        testing.read_database(self.prepare(release), {"distorted": 2})

    def test_image_named_twice_is_one_content(self, release):
        testing.write_picture(release / "images" / agiqa1k.TWICE)
        sheet([*ROWS, [agiqa1k.TWICE, "", 0.5], [agiqa1k.TWICE, "", 2]])(release)
        rows = testing.read_database(self.prepare(release), {"distorted": 4})["distorted"]
        scores = {
            row["id"]: row["mos"] for row in rows if row["content_id"] == agiqa1k.TWICE.lower()
        }
        assert scores == {agiqa1k.TWICE: 0.5, f"{agiqa1k.TWICE} again": 2}


def test_true_scores(shared, tmp_path):
    path = shared / "data" / "labels" / "agiqa1k" / agiqa1k.SHEET
    (tmp_path / agiqa1k.SHEET).symlink_to(path)
    rows = list(agiqa1k.read_sheet(path))
    (tmp_path / "file").mkdir()
    for _, name, _ in rows:
        (tmp_path / "file" / name).touch()
    splits = agiqa1k.Builder(data_dir=tmp_path).read(tmp_path)
    builder.verify(agiqa1k.FACTS, splits, tmp_path)
    images = splits["distorted"]
    assert len({image.id for image in images}) == 1080
    models = collections.Counter(image.id.partition("_")[0] for image in images)
    assert models == {"deepai": 720, "dreamStudio": 360}
    contents = collections.Counter(image.content_id for image in images)
    assert [name for name, count in contents.items() if count > 1] == [agiqa1k.TWICE]
    assert images[0].id == "deepai_0_0_0_0.jpg"
    assert images[0].score == pytest.approx(2.7934105)
    assert np.isnan(images[0].score_std)
