"""Pristine and distorted pictures whose pixels tell their row, from sources of every kind."""

import numpy as np
import pytest
from data.test_pipeline import CROP, VIEW, database, telling

from jiqa.data.pipeline import View, source
from jiqa.data.unpaired import Unpaired
from jiqa.errors import InputError

PRISTINE, DISTORTED = np.array([0, 1, 2, 4]), np.array([1, 3, 6, 7, 8, 11, 12])


@pytest.fixture(scope="module", params=[(0, 0), (0, 1), (1, 0), (1, 1)], ids=str)
def unpaired(request):
    """Every pair of streamed and resident sources; distorted rows are told 100 higher."""
    pristine = database([telling(row) for row in range(5)])
    distorted = database([telling(100 + row) for row in range(13)])
    first, second = (
        source(*made, VIEW, resident_mb=megabytes, workers=0)
        for made, megabytes in zip((pristine, distorted), request.param, strict=True)
    )
    return Unpaired(first, second, PRISTINE, np.array([3])).of(DISTORTED)


def rows(unpaired, batches):
    """Rows [steps, b] that the pixels of both sides tell, and the blocks themselves."""
    cut = [unpaired.images(unpaired.arrays, batch) for batch in batches]
    pristine, distorted = (np.stack([np.asarray(step[i]) for step in cut]) for i in (0, 1))
    assert pristine.shape[2:] == distorted.shape[2:] == (VIEW.blocks, CROP, CROP, 3)
    return pristine[:, :, 0, 0, 0, 0].astype(int), distorted[:, :, 0, 0, 0, 0] - 100, cut


def test_each_side_takes_its_own_rows_in_turn(unpaired):
    first, second, _ = rows(unpaired, unpaired.train_batches(PRISTINE, 2, 0, 0, 14))
    for found, expected in ((first, PRISTINE), (second, DISTORTED)):
        turns = found.reshape(-1, len(expected))
        np.testing.assert_array_equal(np.sort(turns), np.tile(expected, (len(turns), 1)))
        assert len(np.unique(turns, axis=0)) > 1


def test_a_batch_depends_on_seed_and_step_alone_and_parts_agree_with_the_whole(unpaired):
    *whole, blocks = rows(unpaired, unpaired.train_batches(PRISTINE, 2, 3, 0, 6))
    again = rows(unpaired, unpaired.train_batches(PRISTINE, 2, 3, 4, 6))[2]
    for one, other in zip(blocks[4:], again, strict=True):
        np.testing.assert_array_equal(one, other)
    parts = [
        rows(unpaired, unpaired.train_batches(PRISTINE, 2, 3, 0, 6, shard=(i, 2)))[2]
        for i in (0, 1)
    ]
    for one, left, right in zip(blocks, *parts, strict=True):
        for side in (0, 1):
            np.testing.assert_array_equal(one[side], np.concatenate([left[side], right[side]]))
    *other, _ = rows(unpaired, unpaired.train_batches(PRISTINE, 2, 4, 0, 6))
    assert all((a != b).any() for a, b in zip(whole, other, strict=True))


def test_orders_and_windows_of_both_sides_have_nothing_in_common():
    made = database([telling(row) for row in range(12)])
    each = source(*made, VIEW, resident_mb=1, workers=0)
    both = Unpaired(each, each, np.arange(12), np.zeros(0, int)).of(np.arange(12))
    first, second, _ = rows(both, both.train_batches(np.arange(12), 12, 0, 0, 1))
    assert (first != second + 100).sum() > 6
    (batch,) = both.train_batches(np.arange(12), 12, 0, 0, 1)
    assert (batch["pristine_offset"] != batch["scored_offset"]).any()


def test_what_does_not_go_together_is_refused():
    made = database([telling(row) for row in range(3)])
    each = source(*made, VIEW, resident_mb=1, workers=0)
    smaller = source(*made, View(None, 8, 3), resident_mb=1, workers=0)
    with pytest.raises(InputError, match=r"found crop 8 and 3 blocks .* expected 16 and 3"):
        Unpaired(each, smaller, np.arange(2), np.array([2]))
    with pytest.raises(InputError, match=r"pristine_test: found row 1 of pristine_train too"):
        Unpaired(each, each, np.arange(2), np.arange(1, 3))
    with pytest.raises(InputError, match=r"telling: no rows to train on"):
        Unpaired(each, each, np.arange(2), np.array([2])).train_batches(np.arange(2), 1, 0, 0, 1)
