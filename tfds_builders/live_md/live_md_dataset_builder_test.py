"""live_md: examples read from a release, and an error for every way to break a release."""

from scipy.io import savemat

from jiqa.tfds_builders import testing

NAMES, SCORES = "Imagelists.mat", "Scores.mat"
# Part -> distorted images and their scores; both parts have the image that is only blurred.
ROWS = {
    "Part 1": {"bikes_2_0.bmp": 30.5, "bikes_2_1.bmp": 45.25},
    "Part 2": {"bikes_2_0.bmp": 31.5, "palace_3_3.bmp": 84.5},
}
FOLDERS = {"Part 1": "blurjpeg", "Part 2": "blurnoise"}


class TestRelease(testing.ReleaseTests):
    name = "live_md"
    expected = {
        "distorted": {
            f"{part}/{FOLDERS[part]}/{name}": {
                "id": f"{FOLDERS[part]}/{name}",
                "content_id": f"{name.split('_')[0]}.bmp",
                "distortion": FOLDERS[part],
                "dmos": score,
                "reference": f"{name.split('_')[0]}.bmp",
            }
            for part, rows in ROWS.items()
            for name, score in rows.items()
        },
        "reference": {
            "Part 1/blurjpeg/palace.bmp": {},
            "Part 1/blurjpeg/bikes.BMP": {"id": "bikes.bmp"},
        },
    }
    broken = {
        "no second part": (
            lambda r: (r / "Part 2").rename(r / "Part 3"),
            "Part 2: not found, expected a folder of images and scores",
        ),
        "no names": (lambda r: (r / "Part 1" / NAMES).unlink(), f"Part 1/{NAMES}: not found"),
        "no scores": (lambda r: (r / "Part 2" / SCORES).unlink(), f"Part 2/{SCORES}: not found"),
        "another version": (
            testing.edit_mat(f"Part 1/{SCORES}", DMOSscores=None, DMOS=[[1.0, 2.0]]),
            f"Part 1/{SCORES}: expected DMOSscores, found DMOS",
        ),
        "score missing": (
            testing.edit_mat(f"Part 2/{SCORES}", DMOSscores=[[31.5]]),
            "Part 2/Scores.mat: found 1 DMOSscores, expected 2 as Imagelists.mat has",
        ),
        "score low": (
            testing.edit_mat(f"Part 2/{SCORES}", DMOSscores=[[31.5, -1.0]]),
            "Part 2/Scores.mat, row 2: expected a DMOS from 0 to 100, found -1",
        ),
        "row twice": (
            testing.edit_mat(
                f"Part 1/{NAMES}", distimgs=testing.cells("bikes_2_0.bmp", "bikes_2_0.bmp")
            ),
            "found blurjpeg/bikes_2_0.bmp twice",
        ),
        "photograph unknown": (
            testing.edit_mat(
                f"Part 1/{NAMES}", distimgs=testing.cells("bikes_2_0.bmp", "lena_1_1.bmp")
            ),
            "found lena_1_1.bmp, expected the name of a photograph before '_': bikes.bmp, pal",
        ),
    }

    def write(self, folder):
        for part, rows in ROWS.items():
            lists = {
                "distimgs": testing.cells(*rows),
                "refimgs": testing.cells("bikes.bmp", "palace.bmp"),
            }
            savemat(folder / part / NAMES, lists)
            savemat(folder / part / SCORES, {"DMOSscores": [list(rows.values())]})
        for seed, name in enumerate(("bikes.bmp", "palace.bmp")):
            testing.write_picture(folder / "Part 2" / "blurnoise" / name, seed)
