"""A whole run on the tiny database, in this process or by the script `tiny_run.py WORKDIR`."""

import sys
from unittest import mock

import jax
import tiny
from absl import logging
from ml_collections import ConfigDict

from jiqa.errors import ended
from jiqa.experiment import run as experiment
from jiqa.train import mesh


def config(**changes) -> ConfigDict:
    """Config of a short run: a narrow network, 32x32 crops, four epochs, two splits."""
    fields = ConfigDict(
        {
            "run": "iqa_nrtl/tiny",
            "data": {
                "database": "tiny",
                "config": "",
                "data_dir": "",
                "resident_mb": 64,
                "workers": 0,
            },
            "protocol": {"kind": "random", "n": 2, "test": 0.25, "val": 0.25},
            "view": {"resize": None, "crop": 32, "blocks": 2},
            "tests": {},
            "weights": "",
            "model": {
                "name": "iqa_nrtl",
                "variant": "adapt",
                "window": 1,
                "global_dim": 8,
                "hidden": 8,
                "backbone": {
                    "name": "resnet",
                    "stage_sizes": (1, 1, 1, 1),
                    "width": 2,
                    "preprocess": "unit",
                },
            },
            "stages": ("scores",),
            "scores": {
                "task": "scores",
                "fit": {
                    "epochs": 4.0,
                    "batch_size": 8,
                    "log_every": 1,
                    "optim": {"learning_rate": 3e-3, "ema": 0.9},
                },
            },
        }
    )
    fields.update_from_flattened_dict(changes)
    return fields


def run(workdir, only=None, **changes):
    """Runs the config on one device."""
    with mock.patch.object(experiment, "load_index", return_value=tiny.database()):
        return experiment.run(
            config(**changes), str(workdir), "tiny", mesh=mesh.make(jax.devices()[:1]), only=only
        )


def main():
    logging.set_verbosity(logging.FATAL)
    run(sys.argv[1])


if __name__ == "__main__":
    sys.exit(ended(main))
