"""tid2013: what comes out of a release, and every way in which a release can be broken."""

import collections

import numpy as np

from jiqa.tfds_builders import testing, tid
from jiqa.tfds_builders.tid2013 import tid2013_dataset_builder as tid2013


class TestRelease(testing.ReleaseTests):
    name = "tid2013"
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
            "distorted_images/i02_24_5.bmp": {
                "content_id": "i02.bmp",
                "distortion": "sparse_sampling_and_reconstruction",
                "level": 5,
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
    broken = testing.tid_broken("i02_24_5", types=24, levels=5)

    def write(self, folder):
        testing.write_tid(folder, ["5.5 I01_01_1.bmp", "2.25 i02_24_5.bmp"], ["0.125", "0.25"])


def test_true_labels(shared):
    """75 of the names begin with a capital; the mean falls strictly in 21 of the 24 types."""
    folder = shared / "data" / "labels" / "tid2013"
    rows = tid.scores(folder, tid2013.FACTS)
    assert len({name for name, _, _ in rows}) == len(rows) == 3000
    means = collections.defaultdict(list)
    for name, mos, _ in rows:
        kind, level = int(name[4:6]), int(name[7])
        means[kind, level].append(mos)
    assert {len(scores) for scores in means.values()} == {25}
    falls = {
        kind
        for kind in range(1, 25)
        if np.all(np.diff([np.mean(means[kind, level]) for level in range(1, 6)]) < 0)
    }
    assert falls == set(range(1, 25)) - {14, 15, 17}
    np.testing.assert_array_equal([mos for _, mos, _ in rows], np.loadtxt(folder / "mos.txt"))
    np.testing.assert_array_equal([std for *_, std in rows], np.loadtxt(folder / "mos_std.txt"))
    lowest, highest = tid2013.FACTS.extremes
    scores = [mos for _, mos, _ in rows]
    assert (min(scores), max(scores)) == (float(lowest), float(highest))
