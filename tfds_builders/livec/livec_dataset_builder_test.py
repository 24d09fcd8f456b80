"""livec: examples read from a release, and an error for every way to break a release."""

import numpy as np
from scipy import io

from jiqa.tfds_builders import testing
from jiqa.tfds_builders.livec import livec_dataset_builder as livec

NAMES, MOS, STD = (f"Data/{field}.mat" for field in livec.FIELDS)


class TestRelease(testing.ReleaseTests):
    name = "livec"
    expected = {
        "distorted": {
            "Images/10.bmp": {"mos": 3.5, "mos_std": 18.25},
            "Images/1000.JPG": {"id": "1000.jpg", "mos": 92.25, "mos_std": 7.5},
        }
    }
    broken = {
        "no scores": (lambda r: (r / MOS).unlink(), r"AllMOS_release.mat: not found"),
        "no folder of scores": (lambda r: (r / "Data").rename(r / "None"), "Data: not found"),
        "another version": (
            testing.edit_mat(STD, AllStdDev_release=None, AllStd=np.ones((1, 3))),
            "AllStdDev_release.mat: expected AllStdDev_release, found AllStd",
        ),
        "scores missing": (
            testing.edit_mat(MOS, AllMOS_release=np.ones((1, 2))),
            "Data: found 3 in AllImages_release, 2 in AllMOS_release, 3 in AllStdDev_release, ",
        ),
        "score high": (
            testing.edit_mat(MOS, AllMOS_release=np.array([[60, 101, 1]])),
            "Data, entry 2: expected a MOS from 0 to 100, found 101",
        ),
        "score nan": (
            testing.edit_mat(MOS, AllMOS_release=np.array([[60, 1, np.nan]])),
            "Data, entry 3: .*found nan",
        ),
        "deviation negative": (
            testing.edit_mat(STD, AllStdDev_release=np.array([[1, -1, 1]])),
            "Data, entry 2: expected a deviation from 0 to 100, found -1",
        ),
        "row twice": (
            testing.edit_mat(NAMES, AllImages_release=testing.cells("t1.bmp", "10.bmp", "10.bmp")),
            "found 10.bmp twice",
        ),
    }

    def write(self, folder):
        """Adds an image of the training session, and a name in the list that differs in case."""
        testing.write_picture(folder / "Images/trainingImages/t1.bmp", 9)
        (folder / "Images/Thumbs.db").touch()
        (folder / "Data").mkdir()
        names = testing.cells("t1.bmp", "10.bmp", "1000.jpg")
        columns = (names, np.array([[60, 3.5, 92.25]]), np.array([[20, 18.25, 7.5]]))
        for field, column in zip(livec.FIELDS, columns, strict=True):
            io.savemat(folder / "Data" / f"{field}.mat", {field: column})


def test_true_labels(shared):
    rows = livec.read_scores(shared / "data" / "labels" / "livec")
    names, scores, deviations = zip(*rows, strict=True)
    assert len(set(names)) == len(rows) == livec.FACTS.counts["distorted"]
    assert rows[0][0] == "100.bmp"
    np.testing.assert_allclose((min(scores), max(scores)), (3.42, 92.43195), atol=5e-6)
    field = livec.FIELDS[2]
    stored = io.loadmat(shared / "data" / "labels" / "livec" / STD)[field].ravel()
    np.testing.assert_array_equal(deviations, stored[7:])
