"""Settings of JAX made by conftest for all tests."""

import jax
import jax.numpy as jnp
import pytest


def test_eight_host_devices():
    assert len(jax.devices("cpu")) == 8


def test_rank_promotion_is_refused():
    with pytest.raises(ValueError, match="rank_promotion"):
        jnp.ones((2, 3)) + jnp.ones(3)
