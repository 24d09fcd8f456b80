"""waterloo_exploration: photographs read from a release, and folders refused as none."""

import shutil

import pytest

from jiqa.databases.load import load_index, load_photographs
from jiqa.errors import InputError
from jiqa.tfds_builders import testing


def _emptied(folder):
    shutil.rmtree(folder / "pristine_images")
    (folder / "pristine_images").mkdir()
    (folder / "pristine_images" / "Thumbs.db").touch()


class TestRelease(testing.ReleaseTests):
    name = "waterloo_exploration"
    expected = {
        "reference": {
            "pristine_images/00001.bmp": {},
            "pristine_images/04744.BMP": {"id": "04744.bmp"},
        }
    }
    broken = {"empty": (_emptied, "pristine_images: found no images, expected photographs")}

    def _broken_images(self):
        """Nothing: no table lists the images, so that only the count reveals a missing image."""
        cases = super()._broken_images()
        del cases["reference image missing"]
        return cases

    def test_missing_photograph_is_counted(self, release, whole):
        (release / "pristine_images" / "00001.bmp").unlink()
        self.fails(release, "found 1 reference images, expected 2", "full")

    def write(self, folder):
        """Writes a distorted image next to the photographs, as in the release; it is not read."""
        testing.write_picture(folder / "distorted_images" / "jpeg" / "00001_1.bmp")

    def test_photographs_are_read_and_no_index_is_made_of_them(self, release):
        data = self.prepare(release).parents[2]
        ids, records = load_photographs(self.name, config="sample", data_dir=data)
        assert ids.tolist() == ["00001.bmp", "04744.bmp"]
        for row, file in enumerate(("00001.bmp", "04744.BMP")):
            assert records[row] == (release / "pristine_images" / file).read_bytes()
        with pytest.raises(InputError, match="only pristine photographs found, expected scored"):
            load_index(self.name, config="sample", data_dir=data)
