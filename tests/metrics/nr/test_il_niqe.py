"""IL-NIQE's features against NumPy and SciPy, and its model by hand."""

import jax
import jax.numpy as jnp
import numpy as np
import photos
import pytest
import scipy.io
from metrics.nr import naive

from jiqa.metrics.nr import il_niqe


@pytest.fixture(scope="module")
def image():
    """uint8 [524, 524, 3], so that nothing is resized."""
    part = photos.photo("astronaut")
    return np.pad(part, ((0, 332), (0, 268), (0, 0)), mode="symmetric")


@pytest.fixture(scope="module")
def found(image):
    features, _ = jax.jit(il_niqe.features)(jnp.asarray(image[None], jnp.float32) / 255)
    return np.asarray(features[0])


def test_features(image, found):
    assert found.shape == (36, 468)
    places = [(0, 0), (0, 5), (3, 2), (5, 0), (5, 5)]
    expected = naive.il_niqe_blocks(image, places)
    np.testing.assert_allclose(found[[6 * i + j for i, j in places]], expected, 2e-3, 1e-3)


@pytest.mark.parametrize(("name", "cut"), [("astronaut", (97, 130)), ("chelsea", (530, 451))])
def test_any_size_is_resized_as_matlab_does(name, cut):
    part = photos.photo(name)
    part = np.pad(part, ((0, 400), (0, 400), (0, 0)), mode="symmetric")[: cut[0], : cut[1]]
    scales = [524 / side for side in cut]
    expected = np.clip(naive.resized(part.astype(float), (524, 524), scales), 0, 255)
    found = 255 * np.asarray(il_niqe.prepare(jnp.asarray(part[None], jnp.float32) / 255))[0]
    halves = np.abs(expected % 1 - 0.5) < 1e-3  # float32 may round these otherwise
    np.testing.assert_allclose(found[~halves], np.round(expected)[~halves], atol=1e-3)
    assert halves.mean() < 0.01


@pytest.mark.parametrize("turned", [np.array, np.transpose])
def test_score_is_the_mean_distance_in_the_authors_layout(found, tmp_path, monkeypatch, turned):
    rng = np.random.default_rng(0)
    components, _ = np.linalg.qr(rng.normal(size=(468, 20)))
    centre, mean = rng.normal(size=468), rng.normal(size=20)
    spread = rng.normal(size=(20, 20))
    covariance = spread @ spread.T + np.eye(20)
    cells = np.empty((1, 4), object)  # as the authors' file has them
    cells[0] = [mean[None], covariance, centre[:, None], turned(components)]
    scipy.io.savemat(tmp_path / "model.mat", {"templateModel": cells})
    rows = found.astype(np.float64)
    coefficients = (rows - centre) @ components
    inverse = np.linalg.pinv((covariance + np.cov(coefficients.T)) / 2)
    away = coefficients - mean
    expected = np.mean([np.sqrt(v @ inverse @ v) for v in away])
    with_nan = np.concatenate([rows, np.full((1, 468), np.nan)])
    centre_away = coefficients.mean(0) - mean
    expected_nan = (36 * expected + np.sqrt(centre_away @ inverse @ centre_away)) / 37
    params = il_niqe.load(tmp_path / "model.mat")
    for features, score in ((rows, expected), (with_nan, expected_nan)):
        monkeypatch.setattr(
            il_niqe, "features", lambda _, x=features: (jnp.asarray(x, jnp.float32)[None], None)
        )
        np.testing.assert_allclose(il_niqe.il_niqe(jnp.zeros(()), params=params), [score], 1e-3)
