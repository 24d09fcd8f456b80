import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jiqa.errors import InputError
from jiqa.train import optim
from jiqa.train.optim import Optim

PARAMS = {
    "backbone": {"conv1": {"kernel": jnp.ones((2, 3))}, "conv2": {"kernel": jnp.ones((2, 3))}},
    "head": {"kernel": jnp.ones((2, 3)), "bias": jnp.ones(3)},
}


def updates(described: Optim, grads=None, steps: int = 10):
    optimiser = optim.build(described, PARAMS, steps)
    grads = jax.tree.map(jnp.ones_like, PARAMS) if grads is None else grads
    return optimiser.update(grads, optimiser.init(PARAMS), PARAMS)[0]


def test_rate_of_each_part_and_frozen_parts():
    rates = {"^backbone/conv1": 0.0, "^backbone/conv2": 0.1}
    got = updates(Optim("sgd", 0.5, schedule="constant", momentum=0.0, rates=rates))
    np.testing.assert_array_equal(got["backbone"]["conv1"]["kernel"], 0)
    np.testing.assert_allclose(got["backbone"]["conv2"]["kernel"], -0.05, rtol=1e-6)
    np.testing.assert_allclose(got["head"]["kernel"], -0.5, rtol=1e-6)


def test_frozen_parts_do_not_count_in_the_clipped_norm():
    described = Optim(
        "sgd", 1.0, schedule="constant", momentum=0.0, clip=1.0, rates={"^backbone/": 0.0}
    )
    got = updates(described)
    norm = np.sqrt(sum(np.sum(np.square(leaf)) for leaf in jax.tree.leaves(got)))
    assert norm == pytest.approx(1.0, rel=1e-6)


def test_decay_is_for_kernels_only():
    zero = jax.tree.map(jnp.zeros_like, PARAMS)
    got = updates(Optim("adamw", 0.1, schedule="constant", weight_decay=0.5), zero)
    np.testing.assert_allclose(got["head"]["kernel"], -0.05, rtol=1e-6)
    np.testing.assert_array_equal(got["head"]["bias"], 0)


def test_adam_scales_the_decay_and_adamw_does_not():
    # Adam divides its first gradient by its own size: an L2 term alone moves by the whole rate.
    zero = jax.tree.map(jnp.zeros_like, PARAMS)
    got = updates(Optim("adam", 0.1, schedule="constant", weight_decay=0.5), zero)
    np.testing.assert_allclose(got["head"]["kernel"], -0.1, rtol=1e-5)


def test_schedules():
    cosine = optim.schedule(Optim(learning_rate=2.0, warmup=0.2), 10)
    expected = [2 * step / 2 for step in range(2)]
    expected += [1 + np.cos(np.pi * (step - 2) / 8) for step in range(2, 11)]
    np.testing.assert_allclose([cosine(step) for step in range(11)], expected, atol=1e-6)
    constant = optim.schedule(Optim(learning_rate=2.0, schedule="constant", warmup=0.2), 10)
    assert [float(constant(step)) for step in (0, 1, 2, 9)] == [0, 1, 2, 2]
    for warmup, start in ((0.0, [2, 2]), (0.2, [0, 1])):
        linear = optim.schedule(Optim(learning_rate=2.0, schedule="linear", warmup=warmup), 10)
        expected = [*start, 2, 2, 2, 2, 1.6, 1.2, 0.8, 0.4, 0]
        np.testing.assert_allclose([linear(step) for step in range(11)], expected, atol=1e-6)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"name": "lamb"}, "'lamb', expected one of adamw, adam, sgd"),
        ({"schedule": "step"}, "'step', expected cosine, constant, linear or steps"),
        ({"warmup": 1.0}, "warmup: found 1.0"),
        ({"rates": {"^neck/": 0.5}}, "pattern '\\^neck/' matches no parameter"),
        ({"rates": {"^head/": 0.5, "bias": 0}}, "'bias'\\] for head/bias, expected one at most"),
    ],
)
def test_bad_fields_are_named(fields, message):
    with pytest.raises(InputError, match=message):
        updates(Optim(**fields))


def test_a_rate_in_equal_parts_of_the_run():
    described = Optim(learning_rate=0.5, schedule="steps", decay=0.1, parts=3, warmup=0.2)
    rate = optim.schedule(described, 12)
    expected = [0.0, 0.25, 0.5, 0.5, 0.05, 0.05, 0.05, 0.05, 0.005, 0.005, 0.005, 0.005]
    np.testing.assert_allclose([rate(step) for step in range(12)], expected, rtol=1e-6)
    with pytest.raises(InputError, match=r"parts, decay: found 0 and 0\.1"):
        optim.schedule(Optim(schedule="steps", parts=0), 12)
