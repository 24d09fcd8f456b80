"""tid2008: examples read from a release, and an error for every way to break a release."""

from jiqa.tfds_builders import testing


class TestRelease(testing.ReleaseTests):
    name = "tid2008"
    expected = {
        "distorted": {
            "distorted_images/I01_01_1.bmp": {
                "id": "i01_01_1.bmp",
                "content_id": "i01.bmp",
                "distortion": "additive_gaussian_noise",
                "level": 1,
                "mos": 5.5,
                "mos_std": 0.125,
                "reference": "i01.bmp",
            },
            "distorted_images/i02_17_4.bmp": {
                "content_id": "i02.bmp",
                "distortion": "contrast_change",
                "level": 4,
                "mos": 2.25,
                "mos_std": 0.25,
                "reference": "i02.bmp",
            },
        },
        "reference": {
            "reference_images/I01.BMP": {"id": "i01.bmp"},
            "reference_images/i02.bmp": {},
        },
    }
    broken = testing.tid_broken("i02_17_4", types=17, levels=4)

    def write(self, folder):
        testing.write_tid(folder, ["5.5 I01_01_1.bmp", "2.25 i02_17_4.bmp"], ["0.125", "0.25"])
