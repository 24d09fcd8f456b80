import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jiqa import mesh as meshes
from jiqa.checkpoint import Checkpoints, merge
from jiqa.errors import InputError


def test_latest_and_best_are_kept(tmp_path):
    with Checkpoints(tmp_path) as checkpoints:
        for step, srocc in enumerate((0.1, 0.7, math.nan, 0.3, 0.5), start=1):
            checkpoints.save(step, {"weight": jnp.full(3, float(step))}, srocc)
        checkpoints.wait()
        assert (checkpoints.latest, checkpoints.best) == (5, 2)
    with Checkpoints(tmp_path) as again:
        best = again.restore(2, {"weight": jnp.zeros(3)})
        assert sorted(int(path.name) for path in tmp_path.iterdir()) == [2, 5]
    np.testing.assert_array_equal(best["weight"], 2.0)


def test_what_eight_devices_saved_is_read_on_one(tmp_path):
    whole = meshes.replicated(meshes.make())
    state = {"params": {"kernel": np.arange(6.0)}, "ema": None, "batch_stats": {}, "step": 3}
    state = jax.device_put(jax.tree.map(jnp.asarray, state), whole)
    with Checkpoints(tmp_path) as checkpoints:
        checkpoints.save(3, state, 0.0)
    with Checkpoints(tmp_path) as again:
        variables = again.variables(3)
    assert variables["batch_stats"] == {}
    kernel = variables["params"]["kernel"]
    assert len(state["params"]["kernel"].devices()) == 8
    assert len(kernel.devices()) == 1
    np.testing.assert_array_equal(kernel, np.arange(6.0))


def test_merge_takes_every_tensor_in_the_dtype_of_the_model():
    fresh = {"conv": {"kernel": jnp.zeros((2, 3), jnp.bfloat16)}}
    merged = merge(fresh, {"conv": {"kernel": np.full((2, 3), 2.0)}}, "weights")
    assert merged["conv"]["kernel"].dtype == jnp.bfloat16
    np.testing.assert_array_equal(merged["conv"]["kernel"].astype(np.float32), 2.0)


@pytest.mark.parametrize(
    ("trained", "message"),
    [
        ({}, r"weights: tensor conv/kernel is missing, expected shape \(2, 3\)"),
        (
            {"conv": {"kernel": np.zeros((3, 2))}},
            r"weights: tensor conv/kernel has shape \(3, 2\), expected \(2, 3\)",
        ),
        (
            {"conv": {"kernel": np.zeros((2, 3)), "bias": np.zeros(3)}},
            "weights: tensor conv/bias is spare",
        ),
    ],
)
def test_merge_names_what_does_not_fit(trained, message):
    with pytest.raises(InputError, match=message):
        merge({"conv": {"kernel": jnp.zeros((2, 3))}}, trained, "weights")
