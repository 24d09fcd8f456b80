"""A stage of a recipe: what it trains, by which step, and what goes together."""

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple, TypeVar

import numpy as np
from flax import linen as nn

from jiqa.data.index import Index, Records
from jiqa.data.protocols import Split
from jiqa.errors import InputError
from jiqa.tasks import gan, hallucinate, levels, metric
from jiqa.tasks import restore as restoration
from jiqa.train import loop as train

T = TypeVar("T")

# Steps that make a database.
MAKERS = ("hallucinate", "simulate")


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
            backbone, if it has one, takes the config's `weights`, and a later stage takes all
            that the one before it has learned.
        dont_load: what it does not inherit.
        pairs: fields of `inputs.Pairs`, for a stage that learns from pairs of images.
        pristine: fields of `inputs.Pristine`, for a stage that shows photographs to generators.
            What it learns or makes is kept below the folder of runs, for every run that has the
            same and the same split.
        database: name of the stage that made the database which this one learns from; by default
            it is the run's own.
        real_levels: with `database`: it learns from the training images of the run's own database,
            in so many levels of quality, and is only tested on that one.
        view: fields of `View`: how images are cut; by default as the run's.
    """

    name: str
    step: str
    fit: Mapping[str, Any]
    model: Mapping[str, Any] | None = None
    init_from: Mapping[str, str] | None = None
    dont_load: Sequence[str] = ()
    pairs: Mapping[str, Any] | None = None
    pristine: Mapping[str, Any] | None = None
    database: str = ""
    real_levels: int = 0
    view: Mapping[str, Any] | None = None


class Step(NamedTuple):
    """What trains a stage.

    Attributes:
        description: the dataclass that a config describes it by.
        train: arguments and result as `train.fit`'s.
        input: the section that it needs besides, `pairs` or `pristine`; '' where it needs none.
        as_it_is: it takes what the stage before it has learned as it is, not as its own variables.
    """

    description: type
    train: Callable[..., train.Trained]
    input: str = ""
    as_it_is: bool = False


def _measure(
    model: nn.Module | None,
    variables: Any,
    data: train.Data,
    split: Split,
    how: metric.Measure,
    *_: Any,
) -> train.Trained:
    """A measure in the place of a training; arguments as `train.fit`'s."""
    restore = restoration.restorer(model, variables) if model else None

    def restored(image: np.ndarray) -> np.ndarray:
        return restore(image)[0] if restore else image

    def scorer(data: train.Data) -> metric.Scorer:
        if restore:
            return metric.Scorer(how.metric, data.source, restored)
        return metric.scorer(how.metric, data.source)

    def predict(data: train.Data, rows: np.ndarray) -> np.ndarray:
        return metric.quality(scorer(data), data.index, rows, how.turn)

    return train.Trained(predict, variables, {"seconds": 0})


STEPS = {
    "supervised": Step(train.Fit, train.fit),
    "ridge": Step(train.RidgeFit, train.fit_ridge),
    "svr": Step(train.SvrFit, train.fit_svr),
    "measure": Step(metric.Measure, _measure),
    "restore": Step(restoration.RestoreFit, restoration.fit_restore, "pairs"),
    "gan": Step(gan.GanFit, gan.fit_gan, "pristine"),
    "hallucinate": Step(hallucinate.Hallucinate, hallucinate.fit_hallucinate, "pristine", True),
    "simulate": Step(hallucinate.Simulate, hallucinate.fit_simulate, "pristine"),
    "levels": Step(levels.ClassifyFit, levels.fit_levels),
}


def check(stages: Sequence[Stage]) -> None:
    """Refuses what can be told to be wrong before any stage is trained; raises InputError."""
    depends, makers, before = False, set(), ""
    for stage in stages:
        if stage.step not in STEPS:
            known = ", ".join(STEPS)
            raise InputError(f"{stage.name}.step: found {stage.step!r}, expected {known}")
        needed = STEPS[stage.step].input
        for field in ("pairs", "pristine"):
            if (field == needed) != bool(getattr(stage, field)):
                found, expected = ("none", "some") if field == needed else ("some", "none")
                raise InputError(
                    f"{stage.name}.{field}: found {found}, expected {expected} with the step "
                    f"{stage.step}"
                )
        if stage.step == "hallucinate" and before != "gan":
            raise InputError(
                f"{stage.name}: found {before or 'nothing'} before it, expected the step gan"
            )
        if stage.database and stage.database not in makers:
            known = ", ".join(sorted(makers)) or "none, as no earlier stage makes one"
            raise InputError(f"{stage.name}.database: found {stage.database!r}, expected {known}")
        shared = stage.pristine or (stage.pairs and stage.pairs.get("photographs"))
        if shared and depends:
            raise InputError(
                f"{stage.name}: found photographs of its own after a stage that learns "
                "from the database, expected such stages first"
            )
        depends |= not shared
        before = stage.step
        if before in MAKERS:
            makers.add(stage.name)
    if before in ("restore", "gan", *MAKERS):
        raise InputError(f"stages: found {before} at the end, expected one that gives scores")


def declared(fields: Mapping[str, Any]) -> list[Stage]:
    """The stages of a config.

    Raises:
        InputError: there is none, or what can be told to be wrong before any is trained.
    """
    stages = [Stage(**{"name": name, **fields[name]}) for name in fields["stages"]]
    if not stages:
        raise InputError("stages: found none, expected at least one")
    check(stages)
    return stages


def check_tested(stages: Sequence[Stage], index: Index, records: Records) -> None:
    """Refuses a database to be tested on that the last stage, a measure, has nothing for.

    Raises:
        InputError: as `measure.check`.
    """
    for stage in stages[-1:]:
        if stage.step == "measure":
            how = read(metric.Measure, stage.fit, stage.name)
            metric.check(how.metric, index, records)


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
