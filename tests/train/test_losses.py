import jax.numpy as jnp
import numpy as np
import pytest
from scipy import special

from jiqa.errors import InputError
from jiqa.train import losses


def test_values_by_hand():
    prediction, target = np.float32([0.0, 0.5, 1.0]), np.float32([0.2, 0.5, 0.4])
    assert float(losses.get("mae")(prediction, target)) == pytest.approx(0.8 / 3)
    assert float(losses.get("mse")(prediction, target)) == pytest.approx(0.40 / 3)


def test_cross_entropy_is_scipys():
    rng = np.random.default_rng(0)
    logits, level = rng.normal(scale=30, size=(7, 4)), rng.integers(0, 4, 7)
    expected = -special.log_softmax(logits, axis=1)[np.arange(7), level].mean()
    got = losses.cross_entropy(jnp.float32(logits), jnp.asarray(level))
    assert float(got) == pytest.approx(expected, rel=1e-5)


def test_unknown_name_is_refused():
    with pytest.raises(InputError, match="'huber', expected one of mae, mse"):
        losses.get("huber")
