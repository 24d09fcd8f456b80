import numpy as np

from jiqa.steps import ridge


def test_weights_are_those_of_the_normal_equations(tmp_path):
    rng = np.random.default_rng(0)
    features = rng.normal(5, 3, (40, 6)).astype(np.float32)
    quality = features @ rng.normal(size=6) + rng.normal(size=40)
    fitted = ridge.solve(features, quality, (7.0,))
    scaled = (features - features.mean(0)) / features.std(0)
    expected = np.linalg.solve(scaled.T @ scaled + 7 * np.eye(6), scaled.T @ quality)
    np.testing.assert_allclose(fitted.weights, expected, rtol=1e-4)
    fitted.save(tmp_path / "ridge.npz")
    again = ridge.Ridge.load(tmp_path / "ridge.npz").predict(features)
    np.testing.assert_allclose(again, scaled @ expected + quality.mean(), rtol=1e-4, atol=1e-4)


def test_strength_is_the_one_with_the_least_leave_one_out_error():
    rng = np.random.default_rng(1)
    features, quality = rng.normal(size=(30, 20)), rng.normal(size=30)
    strengths = (0.1, 10.0, 1000.0)

    def left_out(strength: float) -> float:
        scaled = (features - features.mean(0)) / features.std(0)
        errors = []
        for i in range(30):
            x, y = np.delete(scaled, i, 0), np.delete(quality, i)
            mean, center = x.mean(0), y.mean()
            gram = (x - mean).T @ (x - mean) + strength * np.eye(20)
            weights = np.linalg.solve(gram, (x - mean).T @ (y - center))
            errors.append((scaled[i] - mean) @ weights + center - quality[i])
        return float(np.mean(np.square(errors)))

    chosen = float(ridge.solve(features, quality, strengths).strength)
    assert chosen == min(strengths, key=left_out)


def test_a_constant_feature_does_no_harm():
    features = np.column_stack([np.ones(10), np.arange(10.0)])
    predicted = ridge.solve(features, np.arange(10.0), (1e-6,)).predict(features)
    np.testing.assert_allclose(predicted, np.arange(10.0), atol=1e-3)
