import io
import subprocess
import sys
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import photos
import pytest
from PIL import Image
from skimage.metrics import structural_similarity

import jiqa
from jiqa import metrics
from jiqa.errors import InputError
from jiqa.metrics import batches, memory, registry
from jiqa.metrics import metric as api
from jiqa.ops import check, masks

SSIM = jiqa.create_metric("ssim.skimage")
SIZES = ((60, 70), (61, 70), (64, 96), (127, 127), (70, 64), (100, 127))


def _peer(image, ref):
    return structural_similarity(image, ref, channel_axis=-1)


@pytest.fixture(scope="module")
def pair():
    return tuple(x[:64, :96] for x in photos.recipe("coffee/jpeg"))


def test_every_holder_of_an_image_scores_alike(pair, tmp_path):
    files = [tmp_path / name for name in ("image.png", "ref.bmp")]
    for file, x in zip(files, pair, strict=True):
        Image.fromarray(x).save(file)
    expected = _peer(*pair)
    for holder in (str, lambda file: file, Image.open, lambda file: np.asarray(Image.open(file))):
        score = SSIM(*map(holder, files))
        assert score.shape == ()
        np.testing.assert_allclose(score, expected, rtol=1e-4)
    both = SSIM([files[0], pair[1]], [Image.open(files[1]), jnp.asarray(pair[1])])
    np.testing.assert_allclose(both, [expected, 1], rtol=1e-4)
    np.testing.assert_allclose(SSIM(np.stack(pair), pair[1][None].repeat(2, 0)), both, rtol=1e-5)


def test_stored_images_are_upright_and_keep_their_bits(pair, tmp_path):
    psnr = jiqa.create_metric("psnr")
    turned, deep = tmp_path / "turned.png", tmp_path / "deep.tif"
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.fromarray(np.rot90(pair[0])).save(turned, exif=exif)
    assert np.isinf(psnr(turned, pair[0]))
    assert np.isinf(dict(psnr.each([turned], [pair[0]]))[0])
    assert np.isinf(psnr(Image.open(turned), pair[0]))
    eight = np.minimum(pair[0][..., 0], 254)
    grey = eight.astype(np.uint16) * 257 + 100
    Image.fromarray(grey).save(deep)
    for image in (deep, grey, Image.open(deep)):
        expected = -20 * np.log10(100 / 65535)
        np.testing.assert_allclose(psnr(image, eight), expected, rtol=1e-3)


def test_bytes_and_floats_of_many_sizes_share_an_array(pair):
    psnr = jiqa.create_metric("psnr")
    images = [pair[0][:63, :70], pair[0][:60, :72] / 255, pair[0][:50, :66].astype(np.uint16) * 257]
    refs = [pair[1][: len(image), : image.shape[1]] for image in images]
    errors = [
        ((pair[0][: len(r), : r.shape[1]].astype(float) - r) ** 2).mean() / 255**2 for r in refs
    ]
    np.testing.assert_allclose(psnr(images, refs), -10 * np.log10(errors), rtol=1e-4)


def test_an_image_too_large_for_the_memory_is_refused(pair):
    metric = jiqa.create_metric("psnr")
    assert metric.max_pixels > 100_000_000
    metric.max_pixels = 64 * 96 - 1
    message = "psnr of image 0: found 96x64, 6,144 pixels, expected 6,143 at most, as psnr takes 16"
    assert str(dict(metric.each([pair[0]], [pair[1]]))[0]).startswith(message)


@pytest.mark.parametrize("name", ["psnr", "psnry", "ssim", "gmsd", "piqe", "fsim", "vsi"])
def test_memory_is_what_the_table_says(name):
    """Temporary arrays of the compiled metric, and the images twice: as read and on the device."""
    metric = jiqa.create_metric(name)
    image = jax.ShapeDtypeStruct((1, 1024, 1024, 3), np.uint8)
    images = [image] * (2 if metric.kind == "fr" else 1)
    found = metric._score.lower(*images).compile().memory_analysis()
    taken = found.temp_size_in_bytes + 2 * found.argument_size_in_bytes
    assert taken / 1024**2 <= 1.1 * memory.bytes_of_pixel(name)


def test_works_under_jit_and_grad(pair):
    image, ref = (jnp.asarray(x / 255, jnp.float32) for x in pair)
    value, slope = jax.jit(jax.value_and_grad(SSIM))(image, ref)
    np.testing.assert_allclose(value, _peer(*pair), rtol=1e-4)
    assert slope.shape == image.shape
    assert np.isfinite(slope).all()


def test_lists_keep_their_order_whatever_the_sizes():
    image, ref = photos.recipe("coffee/jpeg")
    pairs = [(image[:h, :w], ref[:h, :w]) for h, w in (*SIZES[:2], SIZES[0])]
    got = SSIM(*map(list, zip(*pairs, strict=True)))
    np.testing.assert_allclose(got, [_peer(*pair) for pair in pairs], rtol=1e-4)


@pytest.fixture
def counted(monkeypatch):
    """psnr as a new measure, and the shapes that it was compiled for."""
    shapes = []
    function = registry.resolve("jiqa.metrics.fr.psnr:psnr")

    def counting(image, ref, size=None):
        shapes.append(image.shape)
        return function(image, ref, size=size)

    monkeypatch.setattr("jiqa.metrics.fr.psnr.psnr", counting)
    api._compiled.cache_clear()
    yield jiqa.create_metric("psnr"), shapes
    api._compiled.cache_clear()


def test_many_sizes_share_a_few_compiled_shapes(counted, monkeypatch):
    metric, shapes = counted
    monkeypatch.setattr(batches, "_CPU_PIXELS", 4 * 127 * 127)
    rng = np.random.default_rng(0)
    sizes = [tuple(rng.integers(64, 128, 2)) for _ in range(30)]
    images = [rng.uniform(size=(*size, 3)) for size in sizes]
    refs = [np.clip(image + 0.01 * i, 0, 1) for i, image in enumerate(images)]
    got = metric(images[1:], refs[1:])
    assert shapes == [(4, 127, 127, 3), (1, 127, 127, 3)]
    errors = [((a - b) ** 2).mean() for a, b in zip(images[1:], refs[1:], strict=True)]
    np.testing.assert_allclose(got, -10 * np.log10(errors), rtol=1e-4)


def test_one_size_needs_no_padding(counted):
    metric, shapes = counted
    image = np.zeros((2, 66, 70, 3))
    metric(list(image), list(image))
    assert shapes == [(1, 66, 70, 3)]


def test_a_bucket_holds_photographs_that_are_shrunk_alike():
    sides = np.arange(1, 9000)
    buckets = np.array([masks.bucket(int(side)) for side in sides])
    assert np.all(buckets >= sides)
    assert np.all(buckets[sides >= 256] <= 1.25 * sides[sides >= 256])
    # MATLAB's round of the shorter side over 256.
    np.testing.assert_array_equal((2 * sides + 256) // 512, (2 * buckets + 256) // 512)


def test_each_tells_what_failed_and_scores_the_rest(pair, tmp_path):
    Image.fromarray(pair[0]).save(tmp_path / "whole.png")
    (tmp_path / "none.png").write_bytes(b"none")
    (tmp_path / "part.png").write_bytes((tmp_path / "whole.png").read_bytes()[:3000])
    images = [tmp_path / name for name in ("none.png", "part.png", "whole.png", "lost.png")]
    images += [pair[0][:5], pair[0][None]]
    found = dict(SSIM.each(images, [pair[1]] * 5 + [pair[1]]))
    np.testing.assert_allclose(found.pop(2), _peer(*pair), rtol=1e-4)
    messages = [str(found[i]) for i in sorted(found)]
    assert messages[0] == f"{images[0]}: 4 bytes of no known format, expected a whole image"
    assert messages[1].startswith(f"{images[1]}: ")
    assert messages[1].endswith("expected a whole image")
    assert messages[2] == f"{images[3]}: No such file or directory, expected an image file"
    assert messages[3].startswith("ssim.skimage of image 4: image: found 5x96 pixels, expected 7")
    assert messages[4].startswith("image 5: found shape [1, 64, 96, 3], expected [h, w] or")
    with pytest.raises(InputError, match="of no known format"):
        SSIM(images[:1], [pair[1]])
    part = Image.open(io.BytesIO(images[1].read_bytes()))
    found = dict(SSIM.each([part, pair[0]], [pair[1]] * 2))
    np.testing.assert_allclose(found[1], _peer(*pair), rtol=1e-4)
    assert str(found[0]).startswith("image: ")
    assert str(found[0]).endswith("expected a whole Pillow image of bytes")


def test_lists_read_each_file_once(pair, tmp_path, monkeypatch):
    files = [tmp_path / f"{i}.png" for i in range(3)]
    for file, x in zip(files, (*pair, pair[0][:, ::-1]), strict=True):
        Image.fromarray(x).save(file)
    read, seen = Path.read_bytes, []
    monkeypatch.setattr(Path, "read_bytes", lambda path: seen.append(path) or read(path))
    got = SSIM(files[:2], [files[2]] * 2)
    np.testing.assert_allclose(got, [_peer(x, pair[0][:, ::-1]) for x in pair], rtol=1e-4)
    assert sorted(seen) == files


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_integers_are_divided_as_by_numpy(dtype):
    top = np.iinfo(dtype).max
    values = np.arange(top + 1, dtype=dtype)
    np.testing.assert_array_equal(jax.jit(check.unit)(values), values / np.float32(top))
    rng = np.random.default_rng(0)
    images = [rng.integers(0, top, (384, 512 + i, 3), dtype, endpoint=True) for i in range(2)]
    np.testing.assert_array_equal(jiqa.create_metric("psnr")(images * 2, images * 2), [np.inf] * 4)


def test_no_image_waits_long_for_others_of_its_size(monkeypatch):
    monkeypatch.setattr(batches, "_CPU_PIXELS", 20 * 20)
    rng = np.random.default_rng(0)
    sizes = [(2, 2), *((10, 20 + i) for i in range(60))]
    images = [rng.uniform(size=(2, *size, 3)) for size in sizes]
    monkeypatch.setattr(batches, "bucket", lambda side: side)  # no two are alike
    several, found = jiqa.create_metric("psnr").batches(), []
    for last, pair in enumerate(images):
        for i, score in several.add(last, *pair):
            mse = ((images[i][0] - images[i][1]) ** 2).mean()
            np.testing.assert_allclose(score, -10 * np.log10(mse), rtol=1e-4)
            waited = sum(image[0, ..., 0].size for image in images[i + 1 : last])
            assert waited <= batches._CALLS * 20 * 20
            found.append(i)
    found += [i for i, _ in several.finish()]
    assert sorted(found) == list(range(61))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: jiqa.create_metric("sim"), "metric: found 'sim', expected one of .*ssim, "),
        (lambda: jiqa.create_metric("ssim", "a.mat"), "ssim: found params 'a.mat', expected none"),
        (
            lambda: jiqa.create_metric("niqe", ["a", "b"]),
            r"params: found \['a', 'b'\], expected a f",
        ),
        (lambda: SSIM([np.zeros((9, 9))], []), "ssim.skimage: found 0 refs, expected 1"),
        (lambda: SSIM([np.zeros((9, 9))], "a.png"), "found a ref, not in a list, expected 1 refs"),
        (lambda: SSIM([np.zeros((9, 9))], Path("a.png")), "found a ref, not in a list, expected 1"),
        *(
            (lambda x=x: SSIM([x], [x]), r"ssim.skimage of image 0: image: found shape \[.*0.*\]")
            for x in (np.zeros((0, 0, 3)), np.zeros((9, 0)), np.zeros((9, 9, 0), np.uint8))
        ),
        (lambda: SSIM([np.zeros(())], [np.zeros(())]), r"image 0: found shape \[\], expected"),
        (lambda: SSIM("a.png"), "ssim.skimage: found no ref, expected one"),
        (lambda: SSIM(Image.new("F", (9, 9)), np.zeros((9, 9))), "image: floating-point samples"),
        (lambda: jiqa.create_metric("lpips", 3), "params: found 3, expected files"),
        (lambda: SSIM("a.png", "b.png"), "a.png: No such file"),
        (lambda: SSIM(np.zeros((9, 9)), np.zeros((9, 8))), "ref: found 1 of 9x8 pixels"),
    ],
)
def test_the_rest_is_refused(call, message):
    with pytest.raises(InputError, match=message):
        call()


def test_names():
    assert jiqa.list_metrics("ssim*") == ["ssim", "ssim.matlab", "ssim.skimage"]
    assert jiqa.list_metrics() == sorted(registry.METRICS)
    assert {jiqa.create_metric(name).kind for name in jiqa.list_metrics("psnr*", kind="fr")} == {
        "fr"
    }
    assert "psnr" not in jiqa.list_metrics(kind="nr")
    assert repr(SSIM) == "Metric('ssim.skimage', fr, -1..1, higher is better)"


def test_scoring_imports_nothing_of_training():
    code = "\n".join(
        [
            "import sys, jiqa",
            "assert 'jax' not in sys.modules",
            "import numpy as np, jiqa.cli.scoring",
            "jiqa.create_metric('psnr')(np.zeros((8, 8)), np.ones((8, 8)))",
            "heavy = 'tensorflow_datasets orbax sklearn skimage grain optax tqdm matplotlib torch'",
            "print([name for name in heavy.split() if name in sys.modules])",
        ]
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_every_metric_is_a_public_function():
    """`from jiqa.metrics import ssim` gives the function that the registry builds on."""
    for entry in registry.METRICS.values():
        function = entry.build.partition(":")[2]
        assert getattr(metrics, function) is registry.resolve(entry.build)
    with pytest.raises(ImportError, match="nothing"):
        from jiqa.metrics import nothing  # noqa: F401
