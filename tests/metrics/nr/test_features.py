"""Every stage that features are made of, against plain NumPy; scores by the authors' files."""

import functools
import shutil

import jax
import jax.numpy as jnp
import numpy as np
import photos
import pytest
import scipy.io
from metrics.nr import naive

from jiqa.errors import InputError
from jiqa.metrics.nr import bliinds_ii, brisque, gm_log, niqe, piqe

NAMES = ("astronaut/none", "coffee/jpeg", "chelsea/blur", "chelsea/noise")
# pyiqa 0.1.16's piqe of grey, three equal channels, in float64. It stretches to 255 first; these
# are images where that leaves no halves, which MATLAB and torch round otherwise.
PYIQA_PIQE = {
    "astronaut/jpeg": 56.473645,
    "astronaut/noise": 51.116661,
    "coffee/jpeg": 60.552739,
    "coffee/box": 78.711336,
    "chelsea/none": 36.227311,
    "chelsea/noise": 49.443501,
}


@functools.cache
def _photos(names=NAMES, height=None):
    return np.stack([photos.recipe(name)[0][:height] for name in names])


@functools.cache
def _compiled(function):
    return jax.jit(function)


def _apply(function, images, **how):
    return jax.tree.map(
        np.asarray, _compiled(function)(jnp.asarray(images, jnp.float32) / 255, **how)
    )


def _close(got, expected, shapes, rtol=1e-4, atol=1e-6):
    """Equal, but for shapes, which may take the next entry of the table."""
    off = np.abs(got - expected) > rtol * np.abs(expected) + atol
    off[..., shapes] &= np.abs(got - expected)[..., shapes] > 1.01e-3
    return not off.any()


def test_brisque_features():
    got = _apply(brisque.features, _photos())
    expected = np.stack([naive.brisque_features(x) for x in _photos()])
    assert _close(got, expected, [0, 2, 6, 10, 14, 18, 20, 24, 28, 32])


def test_brisque_scores_by_the_authors_model(shared):
    folder = shared / "weights/params"
    lines = (folder / "brisque_svm.txt").read_text().split("SV\n")[1].splitlines()
    low, high = np.loadtxt(folder / "brisque_range.csv", delimiter=",", skiprows=1)[:, 1:].T
    expected = []
    for image in _photos():
        x = -1 + 2 * (naive.brisque_features(image) - low) / (high - low)
        total = 155.845
        for line in lines:
            weight, *cells = line.split()
            v = np.array([float(cell.split(":")[1]) for cell in cells])
            total += float(weight) * np.exp(-0.05 * np.sum((x - v) ** 2))
        expected.append(total)
    model = brisque.load([folder / "brisque_svm.txt", folder / "brisque_range.csv"])
    got = _apply(brisque.brisque, _photos(), params=model)
    np.testing.assert_allclose(got, expected, atol=0.02)


def test_niqe_features():
    got, sharpness = _apply(niqe.features, _photos())
    expected, sharp = map(np.stack, zip(*(naive.niqe_features(x) for x in _photos()), strict=True))
    assert _close(got, expected, [0, 2, 6, 10, 14, 18, 20, 24, 28, 32], rtol=6e-3)
    assert np.median(np.abs(got / expected - 1)) < 1e-6
    np.testing.assert_allclose(sharpness, sharp, rtol=1e-5)


def test_niqe_scores_by_the_released_model(shared):
    path = shared / "weights/params/niqe_image_params.mat"
    fields = scipy.io.loadmat(path)
    # The file repeats columns 12 and 30 in 13 and 31, 16 and 34 in 17 and 35.
    kept = np.setdiff1d(np.arange(36), [13, 17, 31, 35])
    mean, covariance = fields["pop_mu"][0, kept], fields["pop_cov"][np.ix_(kept, kept)]
    expected = [naive.niqe(x, mean, covariance, kept) for x in _photos()]
    np.testing.assert_allclose(
        _apply(niqe.niqe, _photos(), params=niqe.load(path)), expected, rtol=2e-3
    )


def test_niqe_by_our_model_ranks_the_original_first():
    names = tuple(f"astronaut/{kind}" for kind in ("none", "jpeg", "blur", "noise"))
    scores = _apply(niqe.niqe, _photos(names), params=niqe.load())
    assert scores.argmin() == 0


def test_a_flat_block_leaves_niqe_and_its_gradient_finite():
    images = _photos()[:1].copy()
    images[:, :96, :96] = 255
    params = niqe.load()
    function = jax.jit(
        jax.value_and_grad(lambda x: niqe.niqe(x, params=params).sum()),
        compiler_options={"xla_backend_optimization_level": 0},
    )
    score, gradient = function(jnp.asarray(images, jnp.float32) / 255)
    found, _ = naive.niqe_features(images[0])
    assert np.isnan(found[0]).any()
    assert np.isfinite(score)
    assert np.isfinite(gradient).all()
    assert np.abs(gradient).max() > 0


def test_piqe():
    names = tuple(PYIQA_PIQE)
    images = _photos(names)
    ragged = images[:, :185, :250]
    expected = [naive.piqe(x) for x in ragged]
    np.testing.assert_allclose(_apply(piqe.piqe, ragged), expected, rtol=1e-5)
    grey = np.stack([naive.grey(x) for x in images])
    stretched = np.floor(255 * grey / grey.max((1, 2), keepdims=True) + 0.5)
    got = _apply(piqe.piqe, np.repeat(stretched[..., None], 3, -1))
    np.testing.assert_allclose(got, list(PYIQA_PIQE.values()), rtol=1e-4)


def test_gm_log_features():
    images = _photos(("coffee/jpeg", "chelsea/noise"), 100)
    got = _apply(gm_log.features, images)
    expected = [naive.gm_log(x) for x in images]
    # A pixel at the border of two levels may change sides.
    np.testing.assert_allclose(got, expected, atol=2e-4)


def test_bliinds_ii_features():
    images = _photos(("coffee/jpeg", "chelsea/noise"), 61)[:, :, :100]
    got = _apply(bliinds_ii.features, images)
    np.testing.assert_allclose(got, [naive.bliinds_ii(x) for x in images], rtol=1e-4)


def test_files_that_are_no_parameters_are_refused(shared, tmp_path):
    with pytest.raises(InputError, match=r"no\.mat: no such file, expected parameters"):
        niqe.load(tmp_path / "no.mat")
    (tmp_path / "broken.mat").write_bytes(b"not a file of MATLAB" * 20)
    with pytest.raises(InputError, match=r"broken\.mat: .*, expected parameters"):
        niqe.load(tmp_path / "broken.mat")
    np.savez(tmp_path / "other.npz", weights=np.ones(3))
    with pytest.raises(InputError, match=r"other\.npz: found weights, expected mean or"):
        niqe.load(tmp_path / "other.npz")
    np.savez(tmp_path / "short.npz", mean=np.ones(3), covariance=np.eye(3))
    with pytest.raises(InputError, match=r"short\.npz: mean: found \[3\], expected \[36\]"):
        niqe.load(tmp_path / "short.npz")
    shutil.copy(shared / "weights/params/brisque_svm.txt", tmp_path / "svm.txt")
    with pytest.raises(InputError, match=r"svm\.txt: found no ranges, expected both files"):
        brisque.load(tmp_path / "svm.txt")
    with pytest.raises(InputError, match=r"niqe_image_params\.mat: found .*, expected libsvm"):
        brisque.load(shared / "weights/params/niqe_image_params.mat")
