"""tid2013: examples read from a release, and an error for every way to break a release."""

import collections
import itertools

import numpy as np

from jiqa.databases import builder, tid
from jiqa.tfds_builders import testing
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


def test_true_labels(shared, tmp_path):
    """The scores of the facts; the mean falls strictly with the level in 21 of the 24 types."""
    labels = shared / "data" / "labels" / "tid2013"
    for table in (tid.MOS, tid.STD):
        (tmp_path / table).symlink_to(labels / table)
    for folder in (tid.REFERENCES, tid.DISTORTED):
        (tmp_path / folder).mkdir()
    for photograph in range(1, 26):
        (tmp_path / tid.REFERENCES / f"I{photograph:02}.BMP").touch()
        for kind, level in itertools.product(range(1, 25), range(1, 6)):
            (tmp_path / tid.DISTORTED / f"i{photograph:02}_{kind:02}_{level}.bmp").touch()
    splits = tid.read(tmp_path, tid2013.FACTS, types=24, levels=5)
    builder.verify(tid2013.FACTS, splits, tmp_path)
    images = splits["distorted"]
    scores = [image.score for image in images]
    np.testing.assert_array_equal(scores, np.loadtxt(labels / "mos.txt"))
    deviations = [image.score_std for image in images]
    np.testing.assert_array_equal(deviations, np.loadtxt(labels / "mos_std.txt"))
    groups = collections.defaultdict(list)
    for image in images:
        groups[image.distortion, image.level].append(image.score)
    assert {len(group) for group in groups.values()} == {25}
    means = {type: [np.mean(groups[type, level]) for level in range(1, 6)] for type in tid.TYPES}
    others = {type for type in tid.TYPES if not np.all(np.diff(means[type]) < 0)}
    assert others == {tid.TYPES[kind - 1] for kind in (14, 15, 17)}
    assert np.all(np.diff(means["local_block_wise_distortions"]) > 0)
