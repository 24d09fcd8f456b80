"""Typed config of a run: parsed and checked once, then frozen."""

import copy
import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

from jiqa import models
from jiqa.data.protocols import Protocol
from jiqa.data.sampling import View
from jiqa.errors import InputError
from jiqa.experiment.fields import checked, read
from jiqa.tasks import TASKS
from jiqa.tasks.task import Fitter
from jiqa.train import optim
from jiqa.train.inherit import WEIGHTS
from jiqa.train.loop import DescentConfig


@dataclasses.dataclass(frozen=True)
class DataConfig:
    """A prepared database, and the place of its decoded images.

    Attributes:
        database: name.
        config: builder config of the database; '' is the first.
        data_dir: folder of databases; '' is the default folder.
        resident_mb: a decoded database of up to this many MiB stays on the devices; a larger one is
            streamed.
        workers: processes that read and cut streamed images.
    """

    database: str
    config: str = ""
    data_dir: str = ""
    resident_mb: int = 4096
    workers: int = 0


@dataclasses.dataclass(frozen=True)
class TestConfig:
    """A database that is only tested on.

    Attributes:
        data: the database.
        view: crops of the database's images.
        made_by: stage that makes the database; '' for a prepared database.
    """

    data: DataConfig
    view: View
    made_by: str = ""


@dataclasses.dataclass(frozen=True)
class Pairs:
    """Pairs of a photograph and its distorted picture, for a restorer.

    Attributes:
        view: crops of the pairs.
        photographs: pristine photographs to distort: a prepared database or folders, see
            `jiqa.databases.photographs.load`. The stage is then independent of the split: it is
            trained once, and its result is shared between runs with the same settings. '': pairs of
            the run's database and its references, split as the scores are.
        val: number of photographs for validation.
        held_out: number of photographs for the test, which are restored at the end.
        seed: of the choice of both, and of the training.
        data_dir: folder of databases and of the distorted pictures.
    """

    view: View
    photographs: str = ""
    val: int = 4
    held_out: int = 6
    seed: int = 0
    data_dir: str = ""


@dataclasses.dataclass(frozen=True)
class Pristine:
    """Pristine photographs that a DT-GAN hallucinates distortions onto.

    Attributes:
        view: crops of the photographs and of the scored images.
        photographs: as in `Pairs`; '': the references of the split's training images.
        more: folders of further photographs, for a stage that applies generators.
        extra: number of photographs to take from `more`.
        held_out: share of the photographs that the generators never learn from.
        seed: of the choice of these photographs.
        data_dir: folder of databases.
    """

    view: View
    photographs: str = ""
    more: str = ""
    extra: int = 0
    held_out: float = 0.2
    seed: int = 0
    data_dir: str = ""

    def __post_init__(self) -> None:
        if not 0 <= self.held_out < 1:
            raise InputError(f"held_out: found {self.held_out}, expected a share in [0, 1)")
        asked = bool(self.more), bool(self.extra)
        if any(asked) and not (all(asked) and self.photographs):
            found = f"{self.photographs!r}, {self.more!r} and {self.extra}"
            raise InputError(
                f"photographs, more, extra: found {found}, expected further photographs and how "
                "many of another source, or neither"
            )


@dataclasses.dataclass(frozen=True)
class StageConfig:
    """One stage of a recipe.

    Attributes:
        name: of the stage and of its folder.
        task: a key of `jiqa.tasks.TASKS`.
        fit: settings, of the task's own config class.
        model: options of `jiqa.models.build`, by default the run's; {}: the stage has no model.
        init_from: inherited parts of the model, see `jiqa.train.inherit`. By default the backbone
            of the first stage inherits the config's `weights`, and a later stage inherits all
            variables of the previous stage.
        dont_load: patterns of tensors that are not inherited.
        pairs: for a stage that learns from pairs of images.
        pristine: for a stage that shows photographs to generators. Its result is shared between
            runs with the same settings and the same split.
        database: earlier stage that made the database to learn from; '' is the run's database.
        real_levels: with `database`: the number of quality levels of the run's training images,
            which the stage then learns from; the stage's database is used for the test alone.
        view: crops of the images; by default the run's.
    """

    name: str
    task: str
    fit: Any
    model: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    init_from: Mapping[str, str] | None = None
    dont_load: Sequence[str] = ()
    pairs: Pairs | None = None
    pristine: Pristine | None = None
    database: str = ""
    real_levels: int = 0
    view: View | None = None

    @property
    def trains(self) -> Fitter[Any]:
        """The task named by `task`."""
        return TASKS[self.task]


@dataclasses.dataclass(frozen=True)
class RunConfig:
    """Config of an experiment.

    Attributes:
        run: name of the run in the tables.
        data: database to train on.
        protocol: splits of the database.
        view: crops of the images, in training and test.
        stages: in the order of their training.
        tests: other databases to test on, by name; none: the run is tested on its test part.
        weights: files of pre-trained weights, by their names in `init_from`; a single file is named
            `weights`.
        dense: import the dense layers of a VGG-16 too.
        record: the given fields, for the record of the run.
    """

    run: str
    data: DataConfig
    protocol: Protocol
    view: View
    stages: tuple[StageConfig, ...]
    tests: Mapping[str, TestConfig]
    weights: Mapping[str, str]
    dense: bool
    record: Mapping[str, Any]

    def stage(self, name: str) -> StageConfig:
        """The stage of this name."""
        return next(stage for stage in self.stages if stage.name == name)


# Fields of a config, without the sections of the stages.
_FIELDS = ("run", "data", "protocol", "view", "model", "stages", "tests", "weights", "dense")


def parse(fields: Mapping[str, Any]) -> RunConfig:
    """Typed config from the fields of a config file.

    Args:
        fields: of a file in configs/: sections `data`, `protocol`, `view`, `tests`, `model`,
            `weights`, and one section for each of the `stages`.

    Raises:
        InputError: a field is unknown, missing or out of its range, or stages do not fit together.
    """
    names = tuple(fields.get("stages", ()))
    if not names:
        raise InputError("stages: found none, expected at least one")
    for field, value in fields.items():
        unused = isinstance(value, Mapping) and "task" in value  # a stage that is left out
        if field not in (*_FIELDS, *names) and not unused:
            known = ", ".join((*_FIELDS, *names))
            raise InputError(f"config: found the field {field!r}, expected {known}")
    for field in ("run", "data", "protocol", "view", *names):
        if field not in fields:
            raise InputError(f"config: found no {field}, expected the section or field")
    stages = tuple(_stage(name, fields[name], fields.get("model") or {}) for name in names)
    check(stages)
    protocol = read(Protocol, fields["protocol"], "protocol")
    tests = {
        name: read(TestConfig, test, f"tests.{name}")
        for name, test in fields.get("tests", {}).items()
    }
    if bool(tests) != (protocol.kind == "cross"):
        raise InputError("tests: expected other databases with the protocol cross, and only then")
    return RunConfig(
        run=checked(str, fields["run"], "run"),
        data=read(DataConfig, fields["data"], "data"),
        protocol=protocol,
        view=read(View, fields["view"], "view"),
        stages=stages,
        tests=tests,
        weights=_weights(fields.get("weights") or {}),
        dense=checked(bool, fields.get("dense", False), "dense"),
        record=copy.deepcopy(dict(fields)),
    )


def _weights(given: str | Mapping[str, str]) -> Mapping[str, str]:
    """Files by name; a file without a name is called `weights`."""
    named = {WEIGHTS: given} if isinstance(given, str) else given
    return checked(Mapping[str, str], named, "weights")


def _stage(name: str, fields: Mapping[str, Any], model: Mapping[str, Any]) -> StageConfig:
    """Config of a stage from its section; `model` is the run's model section."""
    fields = {"model": None, "fit": {}, **fields}
    task = fields.get("task")
    if task not in TASKS:
        raise InputError(f"{name}.task: found {task!r}, expected {', '.join(TASKS)}")
    fields |= {"name": name, "model": model if fields["model"] is None else fields["model"]}
    fields["fit"] = read(TASKS[task].config, fields["fit"], f"{name}.fit")
    if isinstance(fields["fit"], DescentConfig):
        optim.check(fields["fit"].optim)
    stage = read(StageConfig, fields, name)
    if stage.model:
        models.build(**stage.model)  # refuses unknown names and options before any work
    return stage


def check(stages: Sequence[StageConfig]) -> None:
    """Refuses stages that do not fit together; raises InputError."""
    depends, makers, before = False, set(), None
    for stage in stages:
        task = stage.trains
        for field in ("pairs", "pristine"):
            if (field == task.needs) != bool(getattr(stage, field)):
                found, expected = ("none", "some") if field == task.needs else ("some", "none")
                raise InputError(
                    f"{stage.name}.{field}: found {found}, expected {expected} with the task "
                    f"{stage.task}"
                )
        if task.follows and (before is None or before.task != task.follows):
            found = before.task if before else "nothing"
            raise InputError(
                f"{stage.name}: found {found} before it, expected the task {task.follows}"
            )
        if stage.database and stage.database not in makers:
            known = ", ".join(sorted(makers)) or "none, as no earlier stage makes one"
            raise InputError(f"{stage.name}.database: found {stage.database!r}, expected {known}")
        shared = bool(stage.pristine or (stage.pairs and stage.pairs.photographs))
        if shared and depends:
            raise InputError(
                f"{stage.name}: found photographs of its own after a stage that learns "
                "from the database, expected such stages first"
            )
        depends |= not shared
        before = stage
        if task.makes_database:
            makers.add(stage.name)
    if before is not None and not before.trains.gives_scores:
        raise InputError(f"stages: found {before.task} at the end, expected one that gives scores")
