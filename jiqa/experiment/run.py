"""Runs an experiment: trains and tests every split, and writes predictions and tables."""

import contextlib
import dataclasses
import hashlib
import json
import os
import platform
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

import jax
import numpy as np
from jax.sharding import Mesh
from ml_collections import ConfigDict

from jiqa import __version__, files, weights
from jiqa.data.index import Index, Records
from jiqa.data.protocols import SHARED, Split, refuse_leak
from jiqa.databases.load import load_index
from jiqa.databases.photographs import Photographs
from jiqa.errors import InputError, drop_unwritten
from jiqa.experiment.config import DataConfig, RunConfig, parse
from jiqa.experiment.inputs import cut
from jiqa.experiment.stages import LOCATIONS, Stages
from jiqa.files import digest, read_json, write_json
from jiqa.results import plots
from jiqa.results.predictions import FILE_NAME, Predictions, write_predictions
from jiqa.results.report import report
from jiqa.tasks.task import Fitted
from jiqa.train import mesh as meshes
from jiqa.train.dataset import Dataset
from jiqa.train.predict import predict_test

# Lock file in the run's folder: the splits that a process works on.
LOCK = "run.lock"
# Fields that do not change the result of a split: places, speed, and the number of splits.
UNHASHED = (
    ("data", "data_dir"),
    ("data", "resident_mb"),
    ("data", "workers"),
    ("protocol", "n"),
    ("tests",),
)


def run(
    config: ConfigDict,
    workdir: str = "",
    command: str = "",
    mesh: Mesh | None = None,
    root: str = "runs",
    only: Collection[int] | None = None,
) -> Path:
    """Runs the missing splits and tests of an experiment.

    Args:
        config: made by a file in configs/.
        workdir: folder of the run; by default `root/NAME` with a name made of the config.
        command: recorded with the results.
        mesh: of devices; by default all.
        root: folder of runs.
        only: numbers, from 0, of the splits to run on this machine; by default all.

    Returns:
        The run's folder, with `run.json` and, for every split, `predictions.csv` (with `tests`, one
        in a folder for each database), `split.json` and the stages' folders.

    Raises:
        InputError: a field of the config, a file or the folder is wrong, or another process works
            on one of the splits.
        DivergedError: the loss of a training is not finite.
    """
    fields = config.to_dict()
    parsed = parse(fields)
    for file in parsed.weights.values():
        weights.check(file)
    experiment = Experiment(parsed, mesh or meshes.make(), root, command)
    return experiment.run(workdir, only)


class Experiment:
    """A run ready to start: databases are read, splits drawn, leaks refused.

    Args:
        config: of the run.
        devices: to run on.
        root: folder of runs.
        command: recorded with the results.

    Raises:
        InputError: a database is not prepared; a test image is among the training images; a file is
            wrong.
    """

    def __init__(self, config: RunConfig, devices: Mesh, root: str, command: str) -> None:
        self._config, self._root, self._command = config, root, command
        index, records = _index(config.data)
        self._splits = config.protocol.splits(index)
        self._others = {
            name: _index(test.data) for name, test in config.tests.items() if not test.made_by
        }
        self._labels = {
            name: config.protocol.label_of_test(index, other)
            for name, (other, _) in self._others.items()
        }
        last = config.stages[-1]
        for tested in self._others.values() if config.tests else [(index, records)]:
            last.trains.check(last.fit, *tested)
        self._stages = Stages(config, Path(root), devices, command)
        self._hash = config_hash(config, self._stages.photographs)
        self._refuse_leaks(index)
        self._dataset = cut(index, records, config.view, config.data)
        self._label = config.protocol.label(index.database)
        self._cut: dict[str, Dataset] = {}

    def _refuse_leaks(self, index: Index) -> None:
        """Refuses, before any training, test images that are among the training images."""
        splits, tests = self._splits, self._config.tests
        for name, (other, _) in self._others.items():
            shared = self._labels[name].endswith(SHARED)
            refuse_leak(splits[0].seen, other, None if shared else index)
            self._stages.refuse_seen(other)
        if tests:
            return
        for split in splits:
            refuse_leak(split.seen, index.take(split.test))
        official = self._config.protocol.kind == "official"
        self._stages.refuse_seen(index.take(splits[0].test) if official else index)

    def run(self, workdir: str, only: Collection[int] | None) -> Path:
        """Trains and tests the missing splits; arguments and result as in `run`."""
        config, first = self._config, self._config.protocol.seed
        folder = Path(workdir or f"{self._root}/{_name(config)}-{self._hash[:6]}")
        splits = [each for each in self._splits if only is None or each.seed - first in only]
        with contextlib.ExitStack() as held:
            if jax.process_index() == 0:
                slots = [each.seed - first for each in splits]
                held.enter_context(files.held(folder / LOCK, slots, f"workdir {folder}"))
            self._open(folder)
            self._announce(folder, splits)
            for split in splits:
                self._run(split, folder / split.name)
        if jax.process_index() == 0:
            say(report(folder, config.protocol.aggregate))
        say(f"checkpoints, predictions, curves and table: {folder}")
        return folder

    def _announce(self, folder: Path, splits: Sequence[Split]) -> None:
        index, source = self._dataset.index, self._dataset.source
        say(f"{self._config.run} on {index.database}: {len(index)} images, {self._label}")
        say(f"input: {source.kind}, {source.reason}")
        for twins, test in ((split.twins, split.test) for split in splits[:1] if len(split.twins)):
            say(
                f"{len(twins)} of the {len(test)} official test images have a twin among the other "
                "parts (duplicates.csv of the database); they are tested all the same"
            )
        say(f"writing to {folder}")

    def _run(self, split: Split, here: Path) -> None:
        """Trains and tests a split, unless its predictions exist."""
        tests = self._config.tests or ("",)
        missing = [name for name in tests if not (here / name / FILE_NAME).exists()]
        if not missing:
            return
        fitted = self._stages.fit(self._dataset, split, here)
        _record(here, split, fitted)
        for name in missing:
            self._test(name, split, fitted, here)

    def _test(self, name: str, split: Split, fitted: Fitted, here: Path) -> None:
        """Predicts the test part, or the test database `name`, and writes the predictions."""
        on = self._tested(name, fitted)
        rows = np.arange(len(on.index)) if name else split.test
        quality = predict_test(fitted.predict, on, rows, split.seen)
        if jax.process_index() == 0:
            table = Predictions.from_index(
                on.index.take(rows),
                on.index.to_score(quality),
                run=self._config.run,
                config_hash=self._hash,
                protocol=self._labels.get(name, self._label),
                split=split.name,
                twin=None if name else np.isin(rows, split.twins),
            )
            write_predictions(here / name / FILE_NAME, [table])
            plots.scatter(table, here / name / "scatter.png")

    def _tested(self, name: str, fitted: Fitted) -> Dataset:
        """The test database of this name; '' is the run's own database."""
        if not name:
            return self._dataset
        test = self._config.tests[name]
        if test.made_by:
            maker = self._config.stage(test.made_by).trains
            index, records = maker.database(fitted.facts["stages"][test.made_by])
            index = dataclasses.replace(index, database=name)
            return cut(index, records, test.view, test.data)
        if name not in self._cut:
            self._cut[name] = cut(*self._others[name], test.view, test.data)
        return self._cut[name]

    def _open(self, folder: Path) -> None:
        """Makes the folder and `run.json`; refuses the folder of another config."""
        path = folder / "run.json"
        if path.exists():
            found = read_json(path, "config_hash")["config_hash"]
            if found != self._hash:
                raise InputError(
                    f"{path}: a run of another config ({found}), expected {self._hash}; "
                    "give this one another --workdir"
                )
        if jax.process_index() == 0:
            folder.mkdir(parents=True, exist_ok=True)
            facts = {
                "run": self._config.run,
                "config_hash": self._hash,
                "command": self._command,
                "config": self._config.record,
                "machine": f"{jax.device_count()} x {jax.devices()[0].device_kind}, "
                f"{platform.machine()}, {os.cpu_count()} cores",
                "jax": jax.__version__,
                "jiqa": __version__,
            }
            write_json(path, facts)


def _record(here: Path, split: Split, fitted: Fitted) -> None:
    """Writes `split.json`."""
    if jax.process_index() == 0:
        parts = {part: len(getattr(split, part)) for part in ("train", "val", "test", "twins")}
        here.mkdir(parents=True, exist_ok=True)
        write_json(
            here / "split.json", {"hash": split.hash, "seed": split.seed, **parts, **fitted.facts}
        )


def _index(data: DataConfig) -> tuple[Index, Records]:
    return load_index(data.database, config=data.config, data_dir=data.data_dir or None)


def say(line: str) -> None:
    """Prints a line in the first process alone; a closed output does not stop the run."""
    if jax.process_index() == 0:
        try:
            print(line, flush=True)
        except BrokenPipeError:
            drop_unwritten()


def config_hash(config: RunConfig, photographs: Mapping[tuple[str, str], Photographs]) -> str:
    """Hash of a config, 12 hex digits, that does not depend on the machine; see `UNHASHED`.

    Weights and photographs count by their content, not by their path.
    """
    kept = json.loads(json.dumps(config.record))
    kept["weights"] = {name: digest(file) for name, file in config.weights.items()}
    for (stage, section), found in photographs.items():
        kept[stage][section] |= {**dict.fromkeys(LOCATIONS, ""), "photographs": found.digest}
    for *sections, field in UNHASHED:
        place = kept
        for section in sections:
            place = place[section]
        place.pop(field, None)
    return hashlib.sha256(json.dumps(kept, sort_keys=True).encode()).hexdigest()[:12]


def _name(config: RunConfig) -> str:
    parts = (config.run.replace("/", "-"), config.data.database, config.data.config)
    return "-".join(filter(None, parts))
