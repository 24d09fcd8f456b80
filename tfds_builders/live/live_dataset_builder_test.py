"""live: examples read from a release, and an error for every way to break a release."""

import numpy as np
from scipy.io import savemat

from jiqa.tfds_builders import testing

SCORES, NAMES = "dmos_realigned.mat", "refnames_all.mat"
# jp2k has three images, the second of which is a photograph; the other types have one each.
DMOS = [40.5, 0.0, -2.64, 55.25, 111.77, 20.0, 30.0]
STD = [1.5, 0.0, 2.5, 3.5, 4.5, 5.0, 0.5]
ORGS = [0, 1, 0, 0, 0, 0, 0]
REFERENCES = [f"{name}.bmp" for name in ["bikes", "caps", "caps", "bikes", "caps", "bikes", "caps"]]


def row(number, type):
    return {
        "content_id": REFERENCES[number],
        "reference": REFERENCES[number],
        "distortion": type,
        "level": 0,
        "dmos": DMOS[number],
        "dmos_std": STD[number],
    }


class TestRelease(testing.ReleaseTests):
    name = "live"
    expected = {
        "distorted": {
            "jp2k/img3.bmp": {"id": "jp2k/img3.bmp"} | row(2, "jp2k"),
            "jpeg/img1.BMP": {"id": "jpeg/img1.bmp"} | row(3, "jpeg"),
            "wn/img1.bmp": {"id": "wn/img1.bmp"} | row(4, "wn"),
            "gblur/img1.bmp": {"id": "gblur/img1.bmp"} | row(5, "gblur"),
            "fastfading/img1.bmp": {"id": "fastfading/img1.bmp"} | row(6, "fastfading"),
            "jp2k/img1.bmp": {"id": "jp2k/img1.bmp"} | row(0, "jp2k"),
        },
        "reference": {"refimgs/bikes.bmp": {}, "refimgs/caps.bmp": {}},
    }
    broken = {
        "last image missing": (
            lambda r: (r / "wn" / "img1.bmp").unlink(),
            "release: found images of jp2k to 3, jpeg to 1, wn to 0, .*expected 7 in all",
        ),
        "no scores": (lambda r: (r / SCORES).unlink(), f"{SCORES}: not found"),
        "no names": (lambda r: (r / NAMES).unlink(), f"{NAMES}: not found"),
        "not realigned": (
            testing.edit_mat(SCORES, dmos_new=None, dmos=[DMOS]),
            f"{SCORES}: expected dmos_new, dmos_std, orgs, found dmos_std, orgs, dmos",
        ),
        "no MATLAB file": (testing.overwrite(SCORES, b"text"), "expected a whole MATLAB file"),
        "references left out of one list": (
            testing.edit_mat(SCORES, orgs=[[0] * 6]),
            "found 7 dmos_new, 7 dmos_std, 6 orgs, 7 refnames_all, expected as many of each",
        ),
        "score high": (
            testing.edit_mat(SCORES, dmos_new=[[*DMOS[:-1], 112.0]]),
            "row 7: expected a DMOS from -2.6401 to 111.775, found 112",
        ),
        "score nan": (testing.edit_mat(SCORES, dmos_new=[[*DMOS[:-1], np.nan]]), "found nan"),
        "reference scored": (
            testing.edit_mat(SCORES, dmos_new=[[100.0 - score for score in DMOS]]),
            "row 2: expected a DMOS of a reference from 0 to 0, found 100",
        ),
        "photograph unknown": (
            testing.edit_mat(NAMES, refnames_all=testing.cells(*REFERENCES[:-1], "lena.bmp")),
            "lena.bmp: not found, expected as refnames_all.mat lists it",
        ),
    }

    def write(self, folder):
        testing.write_picture(folder / "jp2k" / "img2.bmp")
        (folder / "wn" / "Thumbs.db").write_bytes(b"\xd0\xcf")
        savemat(folder / SCORES, {"dmos_new": [DMOS], "dmos_std": [STD], "orgs": np.uint8([ORGS])})
        savemat(folder / NAMES, {"refnames_all": testing.cells(*REFERENCES)})
