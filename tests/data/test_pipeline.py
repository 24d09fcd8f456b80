"""Images whose pixels tell their row, line and column, so that a block tells where it was cut."""

import io
import os
import subprocess
import sys
from pathlib import Path

import jax
import numpy as np
import pytest
from jax.sharding import AxisType, NamedSharding, PartitionSpec
from PIL import Image

from jiqa.data import sampling
from jiqa.data.index import Index, Records
from jiqa.data.pipeline import View, source
from jiqa.errors import InputError

HEIGHT, WIDTH, CROP = 20, 26, 16
VIEW = View(resize=None, crop=CROP, blocks=3)


def telling(row, height=HEIGHT, width=WIDTH):
    line, column = np.mgrid[:height, :width]
    return np.stack([np.full_like(line, row), line, column], axis=-1).astype(np.uint8)


def database(images):
    files = []
    for image in images:
        buffer = io.BytesIO()
        Image.fromarray(image).save(buffer, "PNG")
        files.append({"image": buffer.getvalue()})
    n = len(files)
    index = Index(
        database="telling",
        family="telling",
        score_name="mos",
        score_range=(0.0, 1.0),
        higher_better=True,
        id=np.array([f"photo{i:02d}" for i in range(n)]),
        content_id=np.array([f"photo{i:02d}" for i in range(n)]),
        distortion=np.full(n, "authentic"),
        level=np.zeros(n, np.int32),
        score=np.linspace(0, 1, n, dtype=np.float32),
        score_std=np.full(n, np.nan, np.float32),
        official=np.full(n, ""),
        record=np.arange(n),
    )
    return index, Records(files, np.arange(n))


def cut_once(chosen, batch):
    return np.asarray(jax.jit(chosen.images)(chosen.arrays, batch))


@pytest.fixture(scope="module")
def sources():
    """The same database streamed and resident, their `images` compiled."""
    made = database([telling(row) for row in range(12)])
    streamed = source(*made, VIEW, resident_mb=0, workers=0)
    resident = source(*made, VIEW, resident_mb=1, workers=0)
    return {each.kind: (each, jax.jit(each.images)) for each in (streamed, resident)}


@pytest.fixture(params=["streamed", "resident"])
def cut(request, sources):
    """A source, and its batches -> [(row, mask, blocks)]."""
    chosen, images = sources[request.param]

    def blocks(batches):
        return [(b["row"], b["mask"], np.asarray(images(chosen.arrays, b))) for b in batches]

    return chosen, blocks


ROWS = np.array([1, 2, 3, 5, 7, 8, 11])


def same(left, right):
    assert len(left) == len(right) > 0
    for a, b in zip(left, right, strict=True):
        for x, y in zip(a, b, strict=True):
            np.testing.assert_array_equal(x, y)


def corner(block):
    """(top, left, flipped) of a block, checked to be a window of one image."""
    line, column = block[..., 1].astype(int), block[..., 2].astype(int)
    flipped = bool(column[0, 0] > column[0, -1])
    if flipped:
        column = column[:, ::-1]
    top, left = line[0, 0], column[0, 0]
    np.testing.assert_array_equal(line, top + np.arange(CROP)[:, None] + np.zeros(CROP, int))
    np.testing.assert_array_equal(column, left + np.arange(CROP) + np.zeros((CROP, 1), int))
    return top, left, flipped


def test_train_blocks_are_windows_of_their_rows(cut):
    chosen, blocks = cut
    corners = []
    for row, mask, images in blocks(chosen.train_batches(ROWS, 6, 0, 0, 60)):
        assert mask.all()
        assert images.shape == (6, 3, CROP, CROP, 3)
        assert images.dtype == np.uint8
        assert (images[..., 0] == row[:, None, None, None]).all()
        corners += [corner(block) for image in images for block in image]
    top, left, flipped = np.array(corners).T
    # 1080 draws: every offset occurs, and each side of the mirror about half the time.
    assert set(top) == set(range(HEIGHT - CROP + 1))
    assert set(left) == set(range(WIDTH - CROP + 1))
    assert 0.45 < flipped.mean() < 0.55
    assert abs(np.corrcoef(top, left)[0, 1]) < 0.1


def test_every_epoch_is_another_permutation(cut):
    chosen, _ = cut
    batches = chosen.train_batches(ROWS, 5, 0, 0, 14)
    epochs = np.concatenate([batch["row"] for batch in batches]).reshape(10, len(ROWS))
    np.testing.assert_array_equal(np.sort(epochs, axis=1), np.tile(ROWS, (10, 1)))
    assert len(np.unique(epochs, axis=0)) == 10


def test_a_run_resumes_in_the_middle_of_an_epoch(cut):
    chosen, blocks = cut
    whole = blocks(chosen.train_batches(ROWS, 4, 3, 0, 9))
    same(whole[5:], blocks(chosen.train_batches(ROWS, 4, 3, 5, 9)))


def test_a_batch_depends_on_the_seed_alone(cut):
    chosen, blocks = cut
    one, other = (blocks(chosen.train_batches(ROWS, 7, seed, 0, 1))[0] for seed in (0, 1))
    assert (one[0] != other[0]).any()
    by_row = [images[np.argsort(row)] for row, _, images in (one, other)]
    assert (by_row[0] != by_row[1]).any()


def test_processes_share_a_batch(cut):
    chosen, blocks = cut
    for batches in (
        lambda **shard: chosen.train_batches(ROWS, 6, 0, 1, 4, **shard),
        lambda **shard: chosen.eval_batches(ROWS, 6, **shard),
    ):
        parts = [blocks(batches(shard=(i, 3))) for i in range(3)]
        joined = [
            tuple(np.concatenate(column) for column in zip(*step, strict=True))
            for step in zip(*parts, strict=True)
        ]
        same(blocks(batches()), joined)


def test_eval_pads_the_last_batch(cut):
    chosen, blocks = cut
    batches = blocks(chosen.eval_batches(ROWS, 4))
    assert [row.tolist() for row, _, _ in batches] == [[1, 2, 3, 5], [7, 8, 11, 11]]
    assert [mask.tolist() for _, mask, _ in batches] == [[True] * 4, [True] * 3 + [False]]
    np.testing.assert_array_equal(batches[1][2][3], batches[1][2][2])


def test_eval_blocks_lie_on_the_fixed_grid(cut):
    chosen, blocks = cut
    ((_, _, images),) = blocks(chosen.eval_batches(ROWS, 7))
    diagonal = [(0, 0, False), (2, 5, False), (4, 10, False)]
    for row, image in zip(ROWS, images, strict=True):
        assert (image[..., 0] == row).all()
        assert [corner(block) for block in image] == diagonal


def test_more_blocks_at_test_than_in_training():
    made = database([telling(row) for row in range(2)])
    view = View(resize=None, crop=CROP, blocks=1, test_blocks=5)
    corners = [(0, 0), (0, 10), (2, 5), (4, 0), (4, 10)]
    for resident_mb in (0, 1):
        chosen = source(*made, view, resident_mb=resident_mb, workers=0)
        (trained,) = chosen.train_batches(np.arange(2), 2, 0, 0, 1)
        (tested,) = chosen.eval_batches(np.arange(2), 2)
        assert trained["flip" if resident_mb else "image"].shape[:2] == (2, 1)
        blocks = cut_once(chosen, tested)[1]
        assert [corner(block)[:2] for block in blocks] == corners


def test_no_rows(cut):
    chosen, _ = cut
    assert list(chosen.eval_batches(np.array([], int), 4)) == []
    with pytest.raises(InputError, match="no rows to train on"):
        chosen.train_batches(np.array([], int), 4, 0, 0, 1)


@pytest.mark.parametrize(("batch_size", "processes"), [(7, 2), (0, 1)])
def test_a_batch_divides_among_the_processes(cut, batch_size, processes):
    chosen, _ = cut
    message = f"batch_size: {batch_size} found, expected a multiple of {processes} processes"
    with pytest.raises(InputError, match=message):
        chosen.train_batches(ROWS, batch_size, 0, 0, 1, shard=(0, processes))
    with pytest.raises(InputError, match=message):
        chosen.eval_batches(ROWS, batch_size, shard=(0, processes))


def test_resident_equals_streamed(sources):
    (streamed, plain), (resident, cutting) = sources["streamed"], sources["resident"]
    for of in (lambda s: s.train_batches(ROWS, 4, 9, 2, 8), lambda s: s.eval_batches(ROWS, 4)):
        left = [(b["row"], b["mask"], plain(streamed.arrays, b)) for b in of(streamed)]
        right = [(b["row"], b["mask"], cutting(resident.arrays, b)) for b in of(resident)]
        same(left, right)


def test_resident_equals_streamed_after_resize():
    rng = np.random.default_rng(0)
    made = database([rng.integers(0, 256, (h, 40, 3), np.uint8) for h in (30, 40, 50, 60)])
    view = View(resize=(24, 32), crop=20, blocks=2)
    (a,), (b,) = (
        [cut_once(each, batch) for batch in each.train_batches(np.arange(4), 8, 0, 0, 1)]
        for each in (source(*made, view, resident_mb=mb, workers=0) for mb in (0, 1))
    )
    np.testing.assert_array_equal(a, b)


def test_resident_is_cut_on_every_device_of_a_mesh(sources):
    resident, images = sources["resident"]
    (batch,) = resident.train_batches(ROWS, 8, 0, 0, 1)
    mesh = jax.make_mesh((8,), ("data",), axis_types=(AxisType.Auto,))
    arrays = jax.device_put(resident.arrays, NamedSharding(mesh, PartitionSpec()))
    spread = jax.device_put(batch, NamedSharding(mesh, PartitionSpec("data")))
    cut = images(arrays, spread)
    assert len(cut.sharding.device_set) == 8
    np.testing.assert_array_equal(cut, images(resident.arrays, batch))


def test_a_part_of_the_index_reads_its_own_images():
    index, records = database([telling(row) for row in range(6)])
    for resident_mb in (0, 1):
        part = source(index.take([4, 2]), records, VIEW, resident_mb=resident_mb, workers=0)
        (batch,) = part.eval_batches(np.arange(2), 2)
        cut = cut_once(part, batch)
        assert cut[:, 0, 0, 0, 0].tolist() == [4, 2]


def test_source_follows_the_budget_and_the_sizes():
    alike = database([telling(row, 512, 512) for row in range(4)])
    mixed = database([telling(0), telling(1, 30, 40)])
    resized = View(resize=(18, 17), crop=CROP, blocks=1)
    scaled = View(resize=None, crop=CROP, blocks=1, crop_scale=(0.5, 1))
    for made, view, resident_mb, kind, reason in (
        (alike, VIEW, 3, "resident", "4 images of 512x512 take 3.0 MiB decoded, within"),
        (alike, VIEW, 2, "streamed", "4 images of 512x512 take 3.0 MiB decoded, over"),
        (mixed, VIEW, 3, "streamed", "the images differ in size: 20x26, 30x40"),
        (mixed, resized, 3, "resident", "2 images of 18x17 take 0.0 MiB decoded, within"),
        (alike, scaled, 3, "streamed", "the windows vary in scale"),
    ):
        chosen = source(*made, view, resident_mb=resident_mb, workers=0)
        assert chosen.kind == kind
        assert chosen.reason.startswith(reason)
        assert (chosen.arrays == {}) == (kind == "streamed")


def test_windows_of_random_scale():
    made = database([telling(row, 60, 48) for row in range(4)])
    view = View(resize=None, crop=CROP, blocks=2, crop_scale=(0.5, 1), flip=False)
    chosen = source(*made, view, resident_mb=9, workers=0)
    images = np.concatenate([b["image"] for b in chosen.train_batches(np.arange(4), 8, 0, 0, 20)])
    # A resized ramp rises by side / crop a pixel; its ends lie half such a step inside the window.
    rise = (images[..., 0, -1, 2] - images[..., 0, 0, 2].astype(float)) / (CROP - 1)
    side = rise * CROP
    assert 23 <= side.min() < 26
    assert 46 < side.max() <= 49


def test_windows_of_mean_scale_at_test():
    made = database([telling(0, 60, 48)])
    view = View(resize=None, crop=CROP, blocks=2, crop_scale=(0.5, 1))
    chosen = source(*made, view, resident_mb=9, workers=0)
    (batch,) = chosen.eval_batches(np.arange(1), 1)
    # 75% of the shorter side of 48 is 36, at both ends of the diagonal.
    for block, (top, left) in zip(batch["image"][0], [(0, 0), (24, 12)], strict=True):
        window = Image.fromarray(telling(0, 60, 48)[top : top + 36, left : left + 36])
        expected = window.resize((CROP, CROP), Image.Resampling.BILINEAR)
        np.testing.assert_array_equal(block, np.asarray(expected))


def test_windows_without_flips():
    view = View(resize=None, crop=CROP, blocks=3, flip=False)
    assert not sampling.train_batch(ROWS, view, 64, slice(64), 0, 0)["flip"].any()


@pytest.mark.parametrize(
    ("blocks", "lines_and_columns"),
    [
        (1, [(0.5, 0.5)]),
        (2, [(0, 0), (1, 1)]),
        (3, [(0, 0), (0.5, 0.5), (1, 1)]),
        (5, [(0, 0), (0, 1), (0.5, 0.5), (1, 0), (1, 1)]),
        (9, [(y, x) for y in (0, 0.5, 1) for x in (0, 0.5, 1)]),
    ],
)
def test_grid(blocks, lines_and_columns):
    np.testing.assert_array_equal(
        sampling.grid(blocks), [(0.5, *place) for place in lines_and_columns]
    )


@pytest.mark.parametrize("blocks", range(1, 30))
def test_grid_is_distinct_and_symmetric(blocks):
    places = sampling.grid(blocks)[:, 1:]
    assert len(np.unique(places, axis=0)) == blocks
    np.testing.assert_allclose(places, 1 - places[::-1], atol=1e-12)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"crop": 0}, "crop 0, blocks 3, test_blocks 0 found"),
        ({"blocks": 0}, "crop 16, blocks 0, test_blocks 0 found"),
        ({"test_blocks": -1}, "crop 16, blocks 3, test_blocks -1 found"),
        ({"resize": (20, 15)}, "view: resize: 20x15 .*at least 16x16"),
        ({"resize": (0, 9), "crop_scale": (0.5, 1)}, "view: resize: 0x9 .*at least 1x1"),
        ({"crop_scale": (0.0, 1.0)}, "crop_scale"),
        ({"crop_scale": (0.8, 0.5)}, "crop_scale"),
        ({"crop_scale": (0.5, 1.1)}, "crop_scale"),
    ],
)
def test_view_refuses(fields, message):
    with pytest.raises(InputError, match=message):
        View(**{"resize": None, "crop": CROP, "blocks": 3, **fields})


def test_source_refuses_a_negative_count_of_workers():
    with pytest.raises(InputError, match="workers: -1 found"):
        source(*database([telling(0)]), VIEW, resident_mb=0, workers=-1)


def test_too_small_an_image_is_named():
    small = database([telling(0), telling(1, 15, 30)])
    streamed = source(*small, VIEW, resident_mb=0, workers=0)
    with pytest.raises(InputError, match=r"telling photo01: 15x30 .*found, .*at least 16x16"):
        list(streamed.eval_batches(np.arange(2), 2))
    alike = database([telling(0, 15, 30)] * 2)
    with pytest.raises(InputError, match=r"telling photo00: 15x30 .*found, .*at least 16x16"):
        source(*alike, VIEW, resident_mb=9, workers=0)


def test_a_broken_image_is_named():
    index, records = database([telling(row) for row in range(3)])
    records.source[1]["image"] = records.source[1]["image"][:60]
    streamed = source(index, records, VIEW, resident_mb=0, workers=0)
    with pytest.raises(InputError, match=r"telling photo01: .*expected a whole image"):
        list(streamed.eval_batches(np.arange(3), 3))
    with pytest.raises(InputError, match=r"telling photo01: .*expected a whole image"):
        source(index, records, VIEW, resident_mb=9, workers=0)


WORKERS = """
import multiprocessing
import numpy as np
from jiqa.data.pipeline import source
from jiqa.errors import InputError
from test_pipeline import VIEW, database, telling

if __name__ == "__main__":
    index, records = database([telling(row) for row in range(12)])
    rows = np.append(np.arange(399) % 11, 11)
    threads, processes = (
        source(index, records, VIEW, resident_mb=0, workers=workers).train_batches(
            rows, 4, 0, 3, 100
        )
        for workers in (0, 2)
    )
    expected = list(threads)
    records.source[11]["image"] = b"broken"
    try:
        for step, batch in enumerate(processes):
            assert batch.keys() == expected[step].keys()
            for name in batch:
                np.testing.assert_array_equal(batch[name], expected[step][name])
            working = len(multiprocessing.active_children())
    except InputError as error:
        print(error)
    assert 11 in expected[step + 1]["row"]
    print(step + 1, "batches of", working, "processes;", len(multiprocessing.active_children()))
"""


def test_workers_change_nothing_and_leave_nothing(tmp_path):
    script = tmp_path / "script.py"
    script.write_text(WORKERS)
    here = Path(__file__).resolve().parent
    environment = {**os.environ, "PYTHONPATH": f"{here}{os.pathsep}{here.parent}"}
    done = subprocess.run(
        [sys.executable, script], capture_output=True, text=True, env=environment, timeout=300
    )
    assert done.stderr == ""
    assert done.returncode == 0
    assert done.stdout.splitlines() == [
        "telling photo11: 6 bytes of no known format, expected a whole image",
        "63 batches of 2 processes; 0",
    ]
