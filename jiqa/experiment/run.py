"""From a config to a table: every split's stages in order, resumed where they stopped."""

import contextlib
import dataclasses
import functools
import hashlib
import json
import os
import platform
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

import jax
import numpy as np
from jax.sharding import Mesh
from ml_collections import ConfigDict

from jiqa import files, weights
from jiqa.data.index import Index, Records, load_index
from jiqa.data.pipeline import View
from jiqa.data.protocols import SHARED, Protocol, refuse_leak
from jiqa.databases.photographs import Photographs
from jiqa.errors import InputError, drop_unwritten
from jiqa.experiment import inputs
from jiqa.experiment.config import check_tested, declared, read
from jiqa.experiment.stages import PLACES, Stages
from jiqa.files import digest, read_json, write_json
from jiqa.results import plots
from jiqa.results.predictions import FILE_NAME, Predictions, write_predictions
from jiqa.results.report import report
from jiqa.tasks import hallucinate
from jiqa.train import loop
from jiqa.train import mesh as meshes
from jiqa.train.predict import predict_test

# In the run's folder: which splits a process is at work on.
LOCK = "run.lock"
# What changes where or how fast a run goes, but not what it trains; and the count of splits, since
# a split does not depend on how many follow it.
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
    """Runs an experiment, or what is missing of it.

    Args:
        config: as the files in configs/ make it.
        workdir: folder of the run; by default `root/NAME`, NAME made of the config.
        command: recorded beside the results.
        mesh: devices; by default all.
        root: folder of runs.
        only: numbers of the draws to run, from 0, where other machines run the others; by default
            all of them.

    Returns:
        The run's folder: `run.json`, and for every split `predictions.csv` (in a folder for each
        database of `tests`, where there are any), `split.json` and the stages' folders.

    Raises:
        InputError: a field of the config, a file or the folder is not as it must be, or another
            process is at work on one of the splits in the folder.
        DivergedError: the loss of a training is not finite.
    """
    with contextlib.ExitStack() as held:
        return _run(config, workdir, command, mesh or meshes.make(), root, only, held)


def _run(
    config: ConfigDict,
    workdir: str,
    command: str,
    mesh: Mesh,
    root: str,
    only: Collection[int] | None,
    held: contextlib.ExitStack,
) -> Path:
    """As `run`; `held` gets the lock of its splits."""
    fields = config.to_dict()
    protocol = read(Protocol, fields["protocol"], "protocol")
    listed = declared(fields)
    if fields["weights"]:
        weights.check(fields["weights"])
    index, records = _index(fields["data"])
    splits = protocol.splits(index)
    tests = fields["tests"]
    if bool(tests) != (protocol.kind == "cross"):
        raise InputError("tests: expected other databases with the protocol cross, and only then")
    made = {name: test["made_by"] for name, test in tests.items() if "made_by" in test}
    others = {name: _index(tests[name]["data"]) for name in tests if name not in made}
    labels = {name: protocol.label_of_test(index, other) for name, (other, _) in others.items()}
    for tested_on in others.values() if tests else [(index, records)]:
        check_tested(listed, *tested_on)
    stages = Stages(fields, Path(root), mesh, command)
    hashed = config_hash(fields, stages.photographs)
    for name, (other, _) in others.items():
        shared = labels[name].endswith(SHARED)
        refuse_leak(splits[0].seen, other, None if shared else index)
        stages.refuse_seen(other)
    for split in splits if not tests else ():
        refuse_leak(split.seen, index.take(split.test))
    if not tests:
        stages.refuse_seen(index.take(splits[0].test) if protocol.kind == "official" else index)
    folder = Path(workdir or f"{root}/{_name(fields)}-{hashed[:6]}")
    splits = [each for each in splits if only is None or each.seed - protocol.seed in only]
    if jax.process_index() == 0:
        slots = [each.seed - protocol.seed for each in splits]
        held.enter_context(files.held(folder / LOCK, slots, f"workdir {folder}"))
    data = _ready(index, records, fields)

    @functools.cache
    def ready(name: str) -> loop.Data:
        return _ready(*others[name], tests[name])

    def tested(name: str, trained: loop.Trained) -> loop.Data:
        if name in made:
            index, records = hallucinate.database(trained.facts["stages"][made[name]]["database"])
            return _ready(dataclasses.replace(index, database=name), records, tests[name])
        return ready(name) if name else data

    _open(folder, fields, hashed, command)
    say(f"{config.run} on {index.database}: {len(index)} images, {protocol.label(index.database)}")
    say(f"input: {data.source.kind}, {data.source.reason}")
    for twins, test in ((split.twins, split.test) for split in splits[:1] if len(split.twins)):
        say(
            f"{len(twins)} of the {len(test)} official test images have a twin among the other "
            "parts (duplicates.csv of the database); they are tested all the same"
        )
    say(f"writing to {folder}")
    for split in splits:
        here = folder / split.name
        missing = [name for name in tests or ("",) if not (here / name / FILE_NAME).exists()]
        if not missing:
            continue
        trained = stages.fit(data, split, here)
        if jax.process_index() == 0:
            parts = {part: len(getattr(split, part)) for part in ("train", "val", "test")}
            parts["twins"] = len(split.twins)
            facts = {"hash": split.hash, "seed": split.seed, **parts, **trained.facts}
            here.mkdir(parents=True, exist_ok=True)
            write_json(here / "split.json", facts)
        for name in missing:
            on = tested(name, trained)
            rows = np.arange(len(on.index)) if name else split.test
            quality = predict_test(trained.predict, on, rows, split.seen)
            if jax.process_index() == 0:
                table = Predictions.from_index(
                    on.index.take(rows),
                    on.index.to_score(quality),
                    run=fields["run"],
                    config_hash=hashed,
                    protocol=labels.get(name, protocol.label(index.database)),
                    split=split.name,
                    twin=np.isin(rows, split.twins) if not name else None,
                )
                write_predictions(here / name / FILE_NAME, [table])
                plots.scatter(table, here / name / "scatter.png")
    if jax.process_index() == 0:
        say(report(folder, protocol.aggregate))
    say(f"checkpoints, predictions, curves and table: {folder}")
    return folder


def _index(at: Mapping[str, Any]) -> tuple[Index, Records]:
    return load_index(at["database"], config=at["config"], data_dir=at["data_dir"] or None)


def _ready(index: Index, records: Records, fields: Mapping[str, Any]) -> loop.Data:
    """A database as the sections `data` and `view` of `fields` ask for it."""
    return inputs.cut(index, records, read(View, fields["view"], "view"), fields["data"])


def say(line: str) -> None:
    """Prints a line once, however many processes run; a run goes on where nobody reads it."""
    if jax.process_index() == 0:
        try:
            print(line, flush=True)
        except BrokenPipeError:
            drop_unwritten()


def config_hash(
    fields: Mapping[str, Any], photographs: Mapping[tuple[str, str], Photographs]
) -> str:
    """12 hex digits of what a config computes, whatever the machine; see `UNHASHED`.

    A file of weights counts by what is in it, not by where it lies; so do the photographs of the
    stages that have any.
    """
    kept = json.loads(json.dumps(fields))
    if fields["weights"]:
        kept["weights"] = digest(fields["weights"])
    for (stage, section), found in photographs.items():
        kept[stage][section] |= {**dict.fromkeys(PLACES, ""), "photographs": found.digest}
    for *sections, field in UNHASHED:
        place = kept
        for section in sections:
            place = place[section]
        place.pop(field, None)
    return hashlib.sha256(json.dumps(kept, sort_keys=True).encode()).hexdigest()[:12]


def _name(fields: Mapping[str, Any]) -> str:
    parts = (fields["run"].replace("/", "-"), fields["data"]["database"], fields["data"]["config"])
    return "-".join(filter(None, parts))


def _open(folder: Path, fields: Mapping[str, Any], hashed: str, command: str) -> None:
    """Makes the folder and its `run.json`, or checks that it is this run's."""
    path = folder / "run.json"
    if path.exists():
        found = read_json(path, "config_hash")["config_hash"]
        if found != hashed:
            raise InputError(
                f"{path}: a run of another config ({found}), expected {hashed}; "
                "give this one another --workdir"
            )
    if jax.process_index() == 0:
        folder.mkdir(parents=True, exist_ok=True)
        facts = {
            "run": fields["run"],
            "config_hash": hashed,
            "command": command,
            "config": fields,
            "machine": f"{jax.device_count()} x {jax.devices()[0].device_kind}, "
            f"{platform.machine()}, {os.cpu_count()} cores",
            "jax": jax.__version__,
        }
        write_json(path, facts)
