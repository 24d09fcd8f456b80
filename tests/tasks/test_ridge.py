import numpy as np
import pytest
import scipy.stats
from sklearn.model_selection import GroupKFold

from jiqa.tasks import ridge


def test_weights_are_those_of_the_normal_equations(tmp_path):
    rng = np.random.default_rng(0)
    features = rng.normal(5, 3, (40, 6))
    quality = features @ rng.normal(size=6) + rng.normal(size=40)
    fitted = ridge.solve(features, quality, np.arange(40), (7.0,))
    scaled = (features - features.mean(0)) / features.std(0)
    expected = np.linalg.solve(scaled.T @ scaled + 7 * np.eye(6), scaled.T @ quality)
    np.testing.assert_allclose(fitted.weights, expected, rtol=1e-4)
    fitted.save(tmp_path / "ridge.npz")
    again = ridge.Ridge.load(tmp_path / "ridge.npz").predict(features)
    np.testing.assert_allclose(again, scaled @ expected + quality.mean(), rtol=1e-4, atol=1e-4)


def test_strength_ranks_best_on_contents_left_out():
    rng = np.random.default_rng(1)
    content = np.repeat(np.arange(10), 4)
    # Every content has a mean of its own, which only a strong penalty leaves alone.
    features = np.repeat(rng.normal(size=(10, 15)), 4, axis=0) + 0.3 * rng.normal(size=(40, 15))
    quality = 0.2 * features[:, 0] + rng.normal(size=40)
    strengths = (0.01, 1.0, 100.0)

    def left_out(strength: float) -> float:
        found = []
        for train, test in GroupKFold(5).split(features, quality, content):
            x, y = features[train], quality[train]
            scaled = (x - x.mean(0)) / x.std(0)
            weights = np.linalg.solve(
                scaled.T @ scaled + strength * np.eye(15), scaled.T @ (y - y.mean())
            )
            predicted = (features[test] - x.mean(0)) / x.std(0) @ weights
            found.append(scipy.stats.spearmanr(predicted, quality[test]).statistic)
        return float(np.mean(found))

    chosen = float(ridge.solve(features, quality, content, strengths).strength)
    assert chosen == pytest.approx(max(strengths, key=left_out))


def test_a_constant_feature_does_no_harm():
    features = np.column_stack([np.ones(10), np.arange(10.0)])
    fitted = ridge.solve(features, np.arange(10.0), np.arange(10), (1e-6,))
    np.testing.assert_allclose(fitted.predict(features), np.arange(10.0), atol=1e-3)
