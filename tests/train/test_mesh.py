"""Devices of a batch; a training is the same on any number of devices, up to rounding.

Whole runs on several devices are in test_devices.py.
"""

import dataclasses

import fits
import jax
import jax.numpy as jnp
import numpy as np
import pytest
import tiny
import tiny_run
from kills import killed

from jiqa import models
from jiqa.data.pipeline import Streamed, source
from jiqa.data.protocols import Protocol
from jiqa.data.sampling import View
from jiqa.errors import InputError
from jiqa.experiment import stages
from jiqa.experiment.config import parse
from jiqa.results import plots
from jiqa.tasks.scores import Scores, ScoresConfig
from jiqa.train import loop, mesh
from jiqa.train.dataset import Dataset
from jiqa.train.optim import Optim


@dataclasses.dataclass(frozen=True)
class Device:
    """Stands in for a device of another process."""

    id: int
    process_index: int


def hosts(*counts):
    """Mesh with a number of devices for each process, in the alternating order of a TPU."""
    devices = [Device(i, p) for p, count in enumerate(counts) for i in range(count)]
    return mesh.make(sorted(devices, key=lambda device: device.id))


@pytest.mark.parametrize(
    ("devices", "batch", "used"),
    [(1, 7, 1), (8, 1, 1), (8, 4, 4), (8, 30, 6), (8, 7, 7), (8, 11, 1), (8, 32, 8), (3, 8, 2)],
)
def test_as_many_devices_as_the_batch_divides_over(devices, batch, used):
    whole = mesh.make(jax.devices()[:devices])
    part = mesh.fitting(whole, batch)
    assert list(part.devices) == jax.devices()[:used]
    assert mesh.fitting(part, batch) == part


@pytest.mark.parametrize(
    ("counts", "batch", "each"),
    [((4, 4), 8, 4), ((4, 4), 12, 3), ((4, 4), 30, 3), ((4, 4), 2, 1), ((4, 2), 12, 2)],
)
def test_every_process_has_as_many_devices_in_its_turn(counts, batch, each):
    part = mesh.fitting(hosts(*counts), batch)
    expected = [(process, i) for process in range(len(counts)) for i in range(each)]
    assert [(device.process_index, device.id) for device in part.devices] == expected


@pytest.mark.parametrize(
    ("counts", "batch", "expected"),
    [((4, 4), 3, "a multiple of the 2 processes"), ((8,), 0, "1 or more")],
)
def test_a_batch_that_does_not_divide_over_the_processes_is_refused(counts, batch, expected):
    with pytest.raises(
        InputError, match=f"^gan.fit.batch_size: found {batch}, expected {expected}$"
    ):
        mesh.fitting(hosts(*counts), batch, "gan.fit.batch_size")


def test_arrays_lie_on_the_devices_that_were_asked_for_last():
    index, records = tiny.database(n=3)
    blocks = source(index, records, View(None, 32, 1), resident_mb=1, workers=0)
    data = Dataset(index, blocks)
    for count in (8, 6):
        part = mesh.make(jax.devices()[:count])
        placed = data.on(part)["images"]
        assert placed is data.on(part)["images"]
        assert placed.devices() == set(jax.devices()[:count])
        np.testing.assert_array_equal(placed, blocks.arrays["images"])
    assert len(data._placed) == 1
    assert not dataclasses.replace(data)._placed


@pytest.fixture
def x64():
    jax.config.update("jax_enable_x64", True)  # in every thread: orbax restores in its own
    yield
    jax.config.update("jax_enable_x64", False)


@pytest.mark.slow
def test_a_training_in_x64_is_the_same_on_any_devices_and_resumed_on_others(
    x64, tmp_path, monkeypatch
):
    """In x64 one, two and eight devices agree: differences in float32 are rounding."""
    monkeypatch.setattr(plots, "loss_curves", lambda *_: None)
    index, records = tiny.database()
    (split,) = Protocol(kind="random", n=1, test=0.25, val=0.25).splits(index)
    view = View(None, 32, 1)
    data = Dataset(index, Streamed(index, records, view, "", 0))
    backbone = {"name": "resnet", "stage_sizes": (1, 1, 1, 1), "width": 4}
    model = models.build("iqa_nrtl", variant="semantic", dtype="float64", backbone=backbone)
    start = jax.jit(model.init)(jax.random.key(0), jnp.zeros((1, 32, 32, 3)))
    start = jax.tree.map(lambda leaf: np.asarray(leaf, np.float64), start)
    how = ScoresConfig(
        updates=4, batch_size=24, evaluate_updates=1, select="last", optim=Optim("sgd", 0.05)
    )

    def fit(name, count):
        part = mesh.make(jax.devices()[:count])
        return fits.fit(Scores(), model, start, data, split, how, tmp_path / name, part)

    ends = [fit(f"{count} devices", count) for count in (1, 2, 8)]
    with killed(loop.Report, "validation", 3):  # two updates are kept
        fit("moved", 8)
    with killed(loop.Report, "validation", 2):
        fit("moved", 2)
    ends.append(fit("moved", 1))
    learned = [jax.device_get(end.variables) for end in ends]
    assert {leaf.dtype for leaf in jax.tree.leaves(learned[0])} == {np.dtype("float64")}
    for other in learned[1:]:
        jax.tree.map(
            lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-9, atol=1e-9), learned[0], other
        )
    predictions = [end.predict(data, split.test) for end in ends]
    np.testing.assert_allclose(predictions[1:], [predictions[0]] * 3, rtol=1e-9)
    moved = jax.tree.map(lambda a, b: np.abs(a - b).max(), learned[0]["params"], start["params"])
    assert min(jax.tree.leaves(moved["backbone"])) > 1e-6


def test_stages_refuse_a_batch_that_does_not_divide_before_any_is_trained(tmp_path):
    fields = tiny_run.config(**{"scores.fit.batch_size": 9}).to_dict()
    with pytest.raises(InputError, match=r"^scores\.fit\.batch_size: found 9, expected a multiple"):
        stages.Stages(parse(fields), tmp_path, hosts(1, 1))
