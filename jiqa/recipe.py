"""From a config to a table: every split's stages in order, resumed where they stopped."""

import dataclasses
import functools
import hashlib
import json
import os
import platform
from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import jax
import jax.numpy as jnp
import numpy as np
from flax import linen as nn
from jax.sharding import Mesh
from ml_collections import ConfigDict

from jiqa import mesh as meshes
from jiqa import models, plots, train, transfer, weights
from jiqa.data.index import Index, Records, load_index
from jiqa.data.pipeline import View, source
from jiqa.errors import InputError
from jiqa.evaluate import predict_test
from jiqa.predictions import FILE_NAME, Predictions, write_predictions
from jiqa.protocols import Protocol, Split, refuse_leak
from jiqa.report import report
from jiqa.steps import measure

T = TypeVar("T")

# What changes where or how fast a run goes, but not what it trains; and the count of splits, since
# a split does not depend on how many follow it.
UNHASHED = (
    ("data", "data_dir"),
    ("data", "resident_mb"),
    ("data", "workers"),
    ("protocol", "n"),
    ("tests",),
)

# What the stages of a split have in all is the sum of what each has.
ADDED = ("steps", "seconds")


@dataclasses.dataclass(frozen=True)
class Stage:
    """One training of a recipe.

    Attributes:
        name: of its folder.
        step: a key of `STEPS`: what an update does.
        fit: fields of that step's own description.
        model: fields of `models.build`; by default the config's `model`. Without any, the stage
            has no model.
        init_from: what the model inherits, see `transfer.inherit`. By default the first stage's
            backbone takes the config's `weights`, if there are any, and a later stage takes all
            that the one before it has learned.
        dont_load: what it does not inherit.
    """

    name: str
    step: str
    fit: Mapping[str, Any]
    model: Mapping[str, Any] | None = None
    init_from: Mapping[str, str] | None = None
    dont_load: Sequence[str] = ()


class Step(NamedTuple):
    """What trains a stage, and the dataclass that a config describes it by."""

    description: type
    train: Callable[..., train.Trained]


def _measure(
    model: None, variables: Any, data: train.Data, split: Split, how: measure.Measure, *_: Any
) -> train.Trained:
    """A measure in the place of a training; arguments as `train.fit`'s."""
    measure.scorer(how.metric, data.source)  # refuses a measure that the database has nothing for
    predict = functools.partial(measure.quality, how.metric)
    return train.Trained(lambda data, rows: predict(data.source, rows), variables, {"seconds": 0})


STEPS = {
    "supervised": Step(train.Fit, train.fit),
    "ridge": Step(train.RidgeFit, train.fit_ridge),
    "svr": Step(train.SvrFit, train.fit_svr),
    "measure": Step(measure.Measure, _measure),
}


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
        InputError: a field of the config, a file or the folder is not as it must be.
        DivergedError: the loss of a training is not finite.
    """
    mesh = mesh or meshes.make()
    fields = config.to_dict()
    stages = [Stage(**{"name": name, **fields[name]}) for name in fields["stages"]]
    if not stages:
        raise InputError("stages: found none, expected at least one")
    protocol = read(Protocol, fields["protocol"], "protocol")
    pretrained = weights.load(fields["weights"]) if fields["weights"] else None
    networks = [_build(stage.model or fields["model"], pretrained) for stage in stages]
    hashed = config_hash(fields)
    index, records = _index(fields["data"])
    splits = protocol.splits(index)
    tests = fields["tests"]
    if bool(tests) != (protocol.kind == "cross"):
        raise InputError("tests: expected other databases with the protocol cross, and only then")
    others = {name: _index(test["data"]) for name, test in tests.items()}
    labels = {name: protocol.label_of_test(index, other) for name, (other, _) in others.items()}
    for other, _ in others.values():
        refuse_leak(splits[0].seen, other)
    data = _ready(index, records, fields, mesh)

    @functools.cache
    def tested(name: str) -> train.Data:
        return _ready(*others[name], tests[name], mesh) if name else data

    folder = _open(Path(workdir or f"{root}/{_name(fields)}-{hashed[:6]}"), fields, hashed, command)
    say(f"{config.run} on {index.database}: {len(index)} images, {protocol.label(index.database)}")
    say(f"input: {data.source.kind}, {data.source.reason}")
    say(f"writing to {folder}")
    for split in splits:
        if only is not None and split.seed - protocol.seed not in only:
            continue
        here = folder / split.name
        missing = [name for name in tests or ("",) if not (here / name / FILE_NAME).exists()]
        if not missing:
            continue
        trained = _train(stages, networks, pretrained, data, split, here, mesh)
        if jax.process_index() == 0:
            parts = {part: len(getattr(split, part)) for part in ("train", "val", "test")}
            facts = {"hash": split.hash, "seed": split.seed, **parts, **trained.facts}
            here.mkdir(parents=True, exist_ok=True)
            _write_json(here / "split.json", facts)
            _draw_curves(here, stages, f"{fields['run']} on {index.database}, {split.name}")
        for name in missing:
            other = tested(name)
            rows = np.arange(len(other.index)) if name else split.test
            quality = predict_test(trained.predict, other, rows, split.seen)
            if jax.process_index() == 0:
                table = Predictions.from_index(
                    other.index.take(rows),
                    other.index.to_score(quality),
                    run=fields["run"],
                    config_hash=hashed,
                    protocol=labels.get(name, protocol.label(index.database)),
                    split=split.name,
                )
                write_predictions(here / name / FILE_NAME, [table])
                plots.scatter(table, here / name / "scatter.png")
    if jax.process_index() == 0:
        say(report(folder, protocol.aggregate))
    say(f"checkpoints, predictions, curves and table: {folder}")
    return folder


def _index(at: Mapping[str, Any]) -> tuple[Index, Records]:
    return load_index(at["database"], config=at["config"], data_dir=at["data_dir"] or None)


def _ready(index: Index, records: Records, fields: Mapping[str, Any], mesh: Mesh) -> train.Data:
    """A database on the devices, as the sections `data` and `view` of `fields` ask for it."""
    view, at = read(View, fields["view"], "view"), fields["data"]
    blocks = source(index, records, view, resident_mb=at["resident_mb"], workers=at["workers"])
    return train.Data(index, blocks, jax.device_put(blocks.arrays, meshes.replicated(mesh)))


def _train(
    stages: list[Stage],
    networks: list[nn.Module | None],
    pretrained: weights.Imported | None,
    data: train.Data,
    split: Split,
    here: Path,
    mesh: Mesh,
) -> train.Trained:
    """The stages of a split, one after the other; the last one's result, the facts of all."""
    learned = {} if pretrained is None else {transfer.WEIGHTS: pretrained.variables}
    told: list[train.Trained] = []
    for stage, network in zip(stages, networks, strict=True):
        variables = _initial(stage, network, data.source.view.crop, split.seed, learned)
        step = STEPS[stage.step]
        how = read(step.description, stage.fit, stage.name)
        told.append(
            step.train(network, variables, data, split, how, here / stage.name, mesh, split.seed)
        )
        learned[stage.name] = told[-1].variables
    if len(told) == 1:
        return told[0]
    facts = {stage.name: trained.facts for stage, trained in zip(stages, told, strict=True)}
    totals = {name: [each[name] for each in facts.values() if name in each] for name in ADDED}
    in_all = {name: sum(each) for name, each in totals.items() if each}
    return dataclasses.replace(told[-1], facts={**in_all, "stages": facts})


def _draw_curves(here: Path, stages: list[Stage], about: str) -> None:
    for stage in stages:
        metrics = here / stage.name / "metrics.csv"
        if metrics.exists():
            plots.loss_curves(metrics, here / stage.name / "curves.png", f"{about}, {stage.name}")


def say(line: str) -> None:
    """Prints a line once, however many processes run."""
    if jax.process_index() == 0:
        print(line, flush=True)


def read(kind: type[T], fields: Mapping[str, Any], name: str) -> T:
    """A dataclass made from a config's section, its dataclass fields from sections within.

    Raises:
        InputError: a field that it does not have, with those that it has.
    """
    known = {field.name: field for field in dataclasses.fields(kind)}  # type: ignore[arg-type]
    values = {}
    for field, value in fields.items():
        if field not in known:
            raise InputError(f"{name}.{field}: no such field, expected one of {', '.join(known)}")
        inner = known[field].type
        if dataclasses.is_dataclass(inner) and isinstance(inner, type):
            value = read(inner, value, f"{name}.{field}")
        values[field] = value
    return kind(**values)


def config_hash(fields: Mapping[str, Any]) -> str:
    """12 hex digits of what a config computes, whatever the machine; see `UNHASHED`.

    A file of weights counts by what is in it, not by where it lies.
    """
    kept = json.loads(json.dumps(fields))
    if fields["weights"]:
        kept["weights"] = hashlib.sha256(Path(fields["weights"]).read_bytes()).hexdigest()
    for *sections, field in UNHASHED:
        place = kept
        for section in sections:
            place = place[section]
        place.pop(field, None)
    return hashlib.sha256(json.dumps(kept, sort_keys=True).encode()).hexdigest()[:12]


def _name(fields: Mapping[str, Any]) -> str:
    parts = (fields["run"].replace("/", "-"), fields["data"]["database"], fields["data"]["config"])
    return "-".join(filter(None, parts))


def _open(folder: Path, fields: Mapping[str, Any], hashed: str, command: str) -> Path:
    """Makes the folder and its `run.json`, or checks that it is this run's."""
    path = folder / "run.json"
    if path.exists():
        found = json.loads(path.read_text())["config_hash"]
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
        _write_json(path, facts)
    return folder


def _write_json(path: Path, facts: Mapping[str, Any]) -> None:
    part = path.with_name(path.name + ".part")
    part.write_text(json.dumps(facts, indent=1) + "\n")
    part.replace(path)


def _build(options: Mapping[str, Any], pretrained: weights.Imported | None) -> nn.Module | None:
    """A stage's model, its backbone, if it has one, as the pre-trained weights ask."""
    if not options:
        return None
    if pretrained is not None and "backbone" in options:
        options = {**options, "backbone": {**options["backbone"], **pretrained.options}}
    return models.build(**options)


def _initial(
    stage: Stage, network: nn.Module | None, crop: int, seed: int, learned: dict[str, Any]
) -> dict[str, Any]:
    """The variables that a stage starts with; `learned`: of the weights and earlier stages."""
    if network is None:
        return {}
    # Initialisation runs once a stage: little compilation pays.
    init = jax.jit(network.init, compiler_options={"xla_backend_optimization_level": 0})
    fresh = init(jax.random.key(seed), jnp.zeros((1, crop, crop, 3)))
    init_from = stage.init_from
    if init_from is None:
        last = next(reversed(learned), "")
        init_from = {"backbone" if last == transfer.WEIGHTS else "": last} if last else {}
    return transfer.inherit(fresh, init_from, learned, stage.dont_load)
