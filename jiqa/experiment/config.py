"""The typed config of a run: parsed and checked once, frozen from then on."""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

from jiqa.data.protocols import Protocol
from jiqa.data.sampling import View
from jiqa.errors import InputError
from jiqa.tasks import TASKS
from jiqa.tasks.task import Fitter
from jiqa.train.inherit import WEIGHTS

T = TypeVar("T")


@dataclasses.dataclass(frozen=True)
class DataConfig:
    """A prepared database, and where its images stay.

    Attributes:
        database: name.
        config: of its builder; '' is the first.
        data_dir: folder of databases; '' is the default one.
        resident_mb: decoded databases up to so many MiB stay on the devices.
        workers: processes that read and cut images, where they are streamed.
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
        view: how its images are cut.
        made_by: stage that makes the database; '' where it is prepared.
    """

    data: DataConfig
    view: View
    made_by: str = ""


@dataclasses.dataclass(frozen=True)
class Pairs:
    """Pairs of a photograph and a distorted picture of it, for a restorer.

    Attributes:
        view: how pairs are cut.
        photographs: pristine ones to distort: a prepared database or folders, see
            `jiqa.databases.photographs.load`. The stage then does not depend on the split: it is
            trained once and kept below the folder of runs, for every run that has the same. By
            default the run's own database with its references, split as its scores are.
        val: how many of the photographs are kept for validation.
        held_out: how many are never learned from; restored at the end for the record.
        seed: of the choice of both, and of the training.
        data_dir: folder of databases, where the distorted pictures are kept too.
    """

    view: View
    photographs: str = ""
    val: int = 4
    held_out: int = 6
    seed: int = 0
    data_dir: str = ""


@dataclasses.dataclass(frozen=True)
class Pristine:
    """The photographs that a DT-GAN hallucinates distortions onto.

    Attributes:
        view: how they, and the scored images with them, are cut.
        photographs: as in `Pairs`; by default the references of the run's own database, those of a
            split's training images alone.
        more: folders of others, for a stage that only shows them to the generators.
        extra: how many of these are taken.
        held_out: share of them that the generators never learn from, though they are shown all.
        seed: of that choice.
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
    """One training of a recipe.

    Attributes:
        name: of its folder.
        task: a key of `jiqa.tasks.TASKS`: what it trains.
        fit: of the task's own config class.
        model: options of `jiqa.models.build`, by default the run's; {}: the stage has no model.
        init_from: what the model inherits, see `jiqa.train.inherit`. By default the first stage's
            backbone, if it has one, takes the config's `weights`, and a later stage takes all
            variables of the stage before it.
        dont_load: what it does not inherit.
        pairs: for a stage that learns from pairs of images.
        pristine: for a stage that shows photographs to generators. Its results are kept below the
            folder of runs, for every run that has the same and the same split.
        database: stage that made the database which this one learns from; '' is the run's own.
        real_levels: with `database`: the stage learns from the training images of the run's own
            database, in so many levels of quality, and is only tested on `database`.
        view: how images are cut; by default as the run's.
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
        """The task itself."""
        return TASKS[self.task]


@dataclasses.dataclass(frozen=True)
class RunConfig:
    """A whole experiment.

    Attributes:
        run: its name in the tables.
        data: database to train on.
        protocol: how it is split.
        view: how images are cut, in training and test.
        stages: in their order.
        tests: databases to test on in the place of a test part, by name.
        weights: files of pre-trained weights, by the names that `init_from` uses; the only one is
            called `weights`.
        dense: import the dense layers of a VGG-16 too.
        record: the fields as they were given, to be kept with the results.
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


# Fields of a config beside the stages' own sections.
_FIELDS = ("run", "data", "protocol", "view", "model", "stages", "tests", "weights", "dense")


def parse(fields: Mapping[str, Any]) -> RunConfig:
    """The config that the fields of a config file describe.

    Args:
        fields: as the files in configs/ make them: sections `data`, `protocol`, `view`, `tests`,
            `model`, `weights`, and a section for each of the `stages`.

    Raises:
        InputError: a field is unknown, missing or out of its range, or stages don't go together.
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
    weights = fields.get("weights")
    protocol = read(Protocol, fields["protocol"], "protocol")
    tests = {
        name: read(TestConfig, test, f"tests.{name}")
        for name, test in fields.get("tests", {}).items()
    }
    if bool(tests) != (protocol.kind == "cross"):
        raise InputError("tests: expected other databases with the protocol cross, and only then")
    return RunConfig(
        run=fields["run"],
        data=read(DataConfig, fields["data"], "data"),
        protocol=protocol,
        view=read(View, fields["view"], "view"),
        stages=stages,
        tests=tests,
        weights={WEIGHTS: weights} if isinstance(weights, str) and weights else dict(weights or {}),
        dense=fields.get("dense", False),
        record=fields,
    )


def _stage(name: str, fields: Mapping[str, Any], model: Mapping[str, Any]) -> StageConfig:
    """A stage from its section; `model` is the run's."""
    fields = {"model": None, "fit": {}, **fields}
    task = fields.get("task")
    if task not in TASKS:
        raise InputError(f"{name}.task: found {task!r}, expected {', '.join(TASKS)}")
    fields |= {"name": name, "model": model if fields["model"] is None else fields["model"]}
    fields["fit"] = read(TASKS[task].config, fields["fit"], f"{name}.fit")
    for field, kind in (("pairs", Pairs), ("pristine", Pristine), ("view", View)):
        if fields.get(field):
            fields[field] = read(kind, fields[field], f"{name}.{field}")
    return read(StageConfig, fields, name)


def check(stages: Sequence[StageConfig]) -> None:
    """Refuses stages that don't go together, before any is trained; raises InputError."""
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


def read(kind: type[T], fields: Mapping[str, Any], name: str) -> T:
    """A dataclass made from a config's section, its dataclass fields from sections within.

    Raises:
        InputError: a field that the class does not have, or one that it needs is missing.
    """
    known = {field.name: field for field in dataclasses.fields(kind)}  # type: ignore[arg-type]
    values = {}
    for field, value in fields.items():
        if field not in known:
            raise InputError(f"{name}.{field}: no such field, expected one of {', '.join(known)}")
        inner = known[field].type
        if isinstance(value, Mapping) and dataclasses.is_dataclass(inner):
            value = read(inner, value, f"{name}.{field}")  # type: ignore[arg-type]
        values[field] = value
    for field in known.values():
        given = field.name in values
        optional = field.default is not dataclasses.MISSING
        if not (given or optional or field.default_factory is not dataclasses.MISSING):
            raise InputError(f"{name}.{field.name}: found nothing, expected a value")
    return kind(**values)
