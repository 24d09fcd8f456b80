"""csiq: examples read from a release, and an error for every way to break a release."""

import collections

import numpy as np
import pytest

from jiqa.databases import builder
from jiqa.errors import InputError
from jiqa.tfds_builders import testing
from jiqa.tfds_builders.csiq import csiq_dataset_builder as csiq

HEADER = ["image", "dst_idx", "dst_type", "dst_lev", "dmos_std", "dmos"]
ROWS = [
    [1600, 1, "noise", 1, 0.0625, 0.125],
    [1600, 5, "blur", 5, 0.125, 0.75],
    ["woman", 3, "jpeg 2000", 2, 0.0, 0.375],
    ["woman", 6, "contrast", 4, 0.25, 0.5],
]


def sheet(rows=ROWS, header=HEADER, name="all_by_image"):
    """Writes the scores from cell D4 on, as in the release."""
    return lambda folder: testing.write_xlsx(
        folder / "csiq.DMOS.xlsx", name, [header, *rows], corner="D4"
    )


def last(**changes):
    row = dict(zip(HEADER, ROWS[-1], strict=True)) | changes
    return sheet([*ROWS[:-1], list(row.values())])


class TestRelease(testing.ReleaseTests):
    name = "csiq"
    expected = {
        "distorted": {
            "dst_imgs/awgn/1600.AWGN.1.png": {
                "content_id": "1600.png",
                "distortion": "awgn",
                "level": 1,
                "dmos": 0.125,
                "dmos_std": 0.0625,
                "reference": "1600.png",
            },
            "dst_imgs/blur/1600.blur.5.PNG": {
                "id": "1600.BLUR.5.png",
                "content_id": "1600.png",
                "distortion": "blur",
                "level": 5,
                "dmos": 0.75,
                "dmos_std": 0.125,
                "reference": "1600.png",
            },
            "dst_imgs/jpeg2000/woman.jpeg2000.2.png": {
                "content_id": "woman.png",
                "distortion": "jpeg2000",
                "level": 2,
                "dmos": 0.375,
                "dmos_std": 0.0,
                "reference": "woman.png",
            },
            "dst_imgs/contrast/woman.contrast.4.png": {
                "content_id": "woman.png",
                "distortion": "contrast",
                "level": 4,
                "dmos": 0.5,
                "dmos_std": 0.25,
                "reference": "woman.png",
            },
        },
        "reference": {"src_imgs/1600.png": {}, "src_imgs/woman.png": {}},
    }
    broken = {
        "type unknown": (
            last(dst_type="pink"),
            "all_by_image, line 8: found type 'pink', expected one of noise, blur",
        ),
        "level high": (last(dst_lev=6), "line 8: expected a level from 1 to 5, found 6"),
        "score high": (last(dmos=1.5), "line 8: expected a DMOS from 0 to 1, found 1.5"),
        "score empty": (last(dmos=""), "line 8: expected a number for DMOS, found ''"),
        "row twice": (sheet([*ROWS, ROWS[-1]]), "found woman.contrast.4.png twice"),
        "no scores": (lambda r: (r / "csiq.DMOS.xlsx").unlink(), "csiq.DMOS.xlsx: not found"),
        "no Excel file": (testing.overwrite("csiq.DMOS.xlsx", b"text"), "expected an Excel file"),
        "another sheet": (sheet(name="all"), "expected an Excel file with a sheet all_by_image"),
        "another version": (
            sheet(header=["image", "dst_idx", "dst_type", "dst_lev", "std", "mos"]),
            "expected a column dmos_std, found the header 'image,dst_idx,dst_type,dst_lev,std,mos'",
        ),
        "no rows": (sheet([]), "found no rows"),
    }

    def write(self, folder):
        sheet()(folder)
        (folder / "dst_imgs" / "awgn" / "Thumbs.db").write_bytes(b"\xd0\xcf")


def test_true_scores(shared, tmp_path):
    """The scores of the facts and, to three decimals, of the beta release's text."""
    labels = shared / "data" / "labels" / "csiq"
    (tmp_path / csiq.SHEET).symlink_to(labels / csiq.SHEET)
    (tmp_path / csiq.PHOTOGRAPHS).mkdir()
    beta = {}
    for line in (labels / "csiq.beta.txt").read_text().splitlines():
        photograph, _, type, level, deviation, score = line.split("\t")
        (tmp_path / csiq.PHOTOGRAPHS / f"{photograph}.png").touch()
        spelt = {"noise": "AWGN", "blur": "BLUR", "jpeg": "JPEG"}.get(type, type)
        folder, file = spelt.lower(), f"{photograph}.{spelt}.{level}.png"
        (tmp_path / csiq.IMAGES / folder).mkdir(parents=True, exist_ok=True)
        (tmp_path / csiq.IMAGES / folder / file).touch()
        beta[file] = float(score), float(deviation)
    splits = csiq.Builder(data_dir=tmp_path).read(tmp_path)
    builder.verify(csiq.FACTS, splits, tmp_path)
    found = {image.id: (image.score, image.score_std) for image in splits["distorted"]}
    assert found.keys() == beta.keys()
    np.testing.assert_allclose([found[file] for file in beta], list(beta.values()), atol=0.0005001)
    counts = collections.Counter(image.distortion for image in splits["distorted"])
    assert sorted(counts.values()) == [116] + [150] * 5
    assert counts["contrast"] == 116


def test_empty_workbook_is_named(tmp_path):
    testing.write_xlsx(tmp_path / "empty.xlsx", "all_by_image", [])
    with pytest.raises(InputError, match=r"empty\.xlsx, all_by_image: expected a column image"):
        csiq.read_sheet(tmp_path / "empty.xlsx")
