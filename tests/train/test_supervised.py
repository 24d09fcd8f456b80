import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from flax import linen as nn

from jiqa.train import losses, optim
from jiqa.train.optim import Optim
from jiqa.train.supervised import make_predict, make_update
from jiqa.train.update import init_state


class Brightness(nn.Module):
    """A network `weight * mean(image)`, so that an update can be computed by hand."""

    @nn.compact
    def __call__(self, image, train=False):
        weight = self.param("weight", nn.initializers.constant(2.0), ())
        return weight * image.mean((1, 2, 3)), {}


def stored(arrays, batch):
    return batch["image"]


@pytest.fixture
def batch():
    # Two images of two blocks: block means 0, 1, 0.2, 0.4.
    means = np.uint8([[0, 255], [51, 102]])
    return {
        "image": np.tile(means[:, :, None, None, None], (1, 1, 4, 4, 3)),
        "quality": np.float32([0.0, 1.0]),
    }


def test_update_is_the_gradient_step_worked_out_by_hand(batch):
    optimiser = optax.sgd(0.1)
    variables = {"params": {"weight": jnp.float32(2.0)}}
    state = init_state(variables, optimiser, seed=0, ema=0.9)
    update = make_update(
        Brightness(), losses.of_quality("mse"), optimiser, stored, ("quality",), ema=0.9
    )
    state, metrics = update(state, batch, {})
    x, target = np.array([0, 1, 0.2, 0.4]), np.array([0, 0, 1, 1])
    gradient = np.mean(2 * (2 * x - target) * x)
    assert float(metrics["loss"]) == pytest.approx(np.mean((2 * x - target) ** 2))
    assert float(metrics["grad_norm"]) == pytest.approx(gradient)
    assert float(state.params["weight"]) == pytest.approx(2 - 0.1 * gradient)
    assert float(state.ema["weight"]) == pytest.approx(2 - 0.1 * 0.1 * gradient)
    assert state.variables["params"] is state.ema
    assert int(state.step) == 1


@jax.custom_vjp
def forward_only(x):
    return x


def refused(_, grad):
    raise AssertionError("a backward pass through what is frozen")


forward_only.defvjp(lambda x: (x, None), refused)


class Head(nn.Module):
    """A network `weight * mean(image) + bias` whose weight must get no gradient."""

    @nn.compact
    def __call__(self, image, train=False):
        weight = self.param("weight", nn.initializers.constant(2.0), ())
        bias = self.param("bias", nn.initializers.zeros, ())
        return forward_only(weight * image.mean((1, 2, 3))) + bias, {}


def test_nothing_is_computed_for_what_is_frozen(batch):
    rates = {"weight": 0.0}
    variables = {"params": {"weight": jnp.float32(2.0), "bias": jnp.float32(0.0)}}
    optimiser = optim.build(Optim("sgd", 0.1, "constant", rates=rates), variables["params"], 1)
    state = init_state(variables, optimiser, seed=0)
    update = make_update(
        Head(), losses.of_quality("mse"), optimiser, stored, ("quality",), rates=rates
    )
    state, metrics = update(state, batch, {})
    gradient = np.mean(2 * (np.array([0, 2, 0.4, 0.8]) - [0, 0, 1, 1]))
    assert float(metrics["grad_norm"]) == pytest.approx(abs(gradient))
    assert float(state.params["bias"]) == pytest.approx(-0.1 * gradient)
    assert float(state.params["weight"]) == 2
    with pytest.raises(AssertionError, match="frozen"):
        make_update(Head(), losses.of_quality("mse"), optimiser, stored, ("quality",))(
            state, batch, {}
        )


def test_prediction_is_the_mean_over_the_blocks(batch):
    predict = make_predict(Brightness(), stored)
    got = predict({"params": {"weight": jnp.float32(2.0)}}, batch, {})
    np.testing.assert_allclose(got, [1.0, 0.6], rtol=1e-6)
