import math
import subprocess
import sys

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jiqa.errors import InputError
from jiqa.train import mesh as meshes
from jiqa.train.checkpoint import Checkpoints, merge


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


def test_a_state_without_a_score_is_the_latest_and_never_the_best(tmp_path):
    with Checkpoints(tmp_path) as checkpoints:
        checkpoints.save(1, {"weight": jnp.ones(3)})
        checkpoints.wait()
        assert (checkpoints.latest, checkpoints.best) == (1, None)
        checkpoints.save(2, {"weight": jnp.ones(3)}, math.nan)
        checkpoints.save(3, {"weight": jnp.ones(3)})
        checkpoints.wait()
        assert (checkpoints.latest, checkpoints.best) == (3, 2)
        checkpoints.save(4, {"weight": jnp.ones(3)}, math.nan)
    assert [path.name for path in tmp_path.iterdir()] == ["4"]


FULL = """
import resource, sys
import jax.numpy as jnp
from absl import logging
from jiqa.train.checkpoint import Checkpoints
from jiqa.errors import ended

def run():
    state = {str(i): jnp.arange(i, i + 10_000.0) for i in range(20)}
    with Checkpoints(sys.argv[1]) as checkpoints:
        checkpoints.save(1, state, 0.0)
        checkpoints.wait()
        resource.setrlimit(resource.RLIMIT_FSIZE, (4000, resource.RLIM_INFINITY))
        checkpoints.save(2, state, 0.0)

logging.set_verbosity(logging.FATAL)
sys.exit(ended(run))
"""


def test_a_disk_without_room_is_one_line_and_the_state_before_is_kept(tmp_path):
    command = [sys.executable, "-c", FULL, str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert done.stderr.startswith(f"jiqa: error: {tmp_path}: a checkpoint cannot be written: file ")
    assert done.stderr.count("\n") == 1
    with Checkpoints(tmp_path) as checkpoints:
        assert checkpoints.latest == 1


def test_a_damaged_state_is_named(tmp_path):
    with Checkpoints(tmp_path) as checkpoints:
        checkpoints.save(1, {"weight": jnp.arange(1000.0)}, 0.0)
    for path in tmp_path.glob("1/default/**/*"):
        if path.is_file():
            path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with Checkpoints(tmp_path) as checkpoints:
        for read in (checkpoints.variables, lambda step: checkpoints.restore(step, {"weight": 1})):
            with pytest.raises(InputError, match=f"{tmp_path}/1: .*, expected a whole") as error:
                read(1)
            assert "\n" not in str(error.value)


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
