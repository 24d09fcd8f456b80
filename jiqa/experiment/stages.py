"""The stages of a recipe, trained in turn: on what, what each starts from, and what is kept."""

import contextlib
import dataclasses
import functools
import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar

import jax
import jax.numpy as jnp
from flax import linen as nn
from jax.sharding import Mesh

from jiqa import models, weights
from jiqa.data.index import Index
from jiqa.data.protocols import Split, refuse_leak
from jiqa.data.sampling import View
from jiqa.databases import pairs, photographs
from jiqa.databases.photographs import Photographs
from jiqa.errors import InputError
from jiqa.experiment import inputs
from jiqa.experiment.config import STEPS, Stage, declared, read
from jiqa.experiment.inputs import Pairs, Pristine
from jiqa.files import digest, locked, write_json
from jiqa.results import plots
from jiqa.tasks import attention
from jiqa.train import inherit, loop
from jiqa.train import mesh as meshes

T = TypeVar("T")

# The fact that holds the `content_hash` of all that a stage learned from.
SEEN = "seen"
# Fields of `Pairs` and `Pristine` that say where something lies, not what it is.
PLACES = ("photographs", "more", "data_dir")
# Beside the checkpoints of a finished stage: the model, the training and what came of it.
FACTS = "stage.json"
# What the stages of a split have in all is the sum of what each has.
ADDED = ("steps", "seconds")


class Stages:
    """The stages of a run, to be trained on one split after the other.

    Args:
        fields: of the config.
        root: folder of runs; stages that do not depend on the split lie in `root/stages`.
        mesh: of the devices. A stage uses as many of them as its batch divides over, which one
            line says before it begins.
        command: of the run, kept beside what a stage has learned.

    Raises:
        InputError: a field of a stage, the file of weights or a photograph is not as it must be; a
            batch does not divide over the processes.
    """

    def __init__(self, fields: Mapping[str, Any], root: Path, mesh: Mesh, command: str = ""):
        self._stages = declared(fields)
        self._hows = [read(STEPS[s.step].description, s.fit, s.name) for s in self._stages]
        self._file = fields["weights"]
        self._weights = (
            weights.load(self._file, dense=fields.get("dense", False)) if self._file else None
        )
        self._options = [self._of_weights(s.model or fields["model"]) for s in self._stages]
        self._networks = [models.build(**each) if each else None for each in self._options]
        self._run, self._command = fields["run"], command
        self._root, self._mesh = root / "stages", mesh
        named = zip(self._stages, self._hows, strict=True)
        self._meshes = [_fitting(mesh, stage.name, how) for stage, how in named]
        self._announced: set[str] = set()
        self._at, self._view = fields["data"], fields["view"]
        paired = self._sections("pairs", Pairs)
        self._own = {name: each.view for name, each in paired.items() if not each.photographs}
        apart = functools.cache(inputs.apart)  # stages that learn from the same share it
        self._apart = {name: apart(each) for name, each in paired.items() if each.photographs}
        self._pristine = self._sections("pristine", Pristine)
        load = functools.cache(inputs.load)
        self._photographs = {
            name: load(each) for name, each in self._pristine.items() if each.photographs
        }
        self._beside: dict[tuple[Pristine, str], loop.Data] = {}
        self._finished: dict[Path, loop.Trained] = {}

    def _sections(self, field: str, kind: type[T]) -> dict[str, T]:
        """What the stages say in a section that only some of them have, by their names."""
        return {
            stage.name: read(kind, section, f"{stage.name}.{field}")
            for stage in self._stages
            if (section := getattr(stage, field))
        }

    @property
    def photographs(self) -> dict[tuple[str, str], Photographs]:
        """What the stages learn from that have photographs of their own, by stage and section."""
        found = {(name, "pairs"): apart.photographs for name, apart in self._apart.items()}
        return found | {(name, "pristine"): each for name, each in self._photographs.items()}

    def refuse_seen(self, index: Index) -> None:
        """Refuses photographs that are to be tested on, or that a tested database was made from.

        Args:
            index: of the rows to be tested on.

        Raises:
            InputError: a stage learns from photographs of the database's family, or that have the
                pixels or the looks of the images, or of their references.
        """
        tested = index.shown if self.photographs else None
        stages = {found: name for name, found in reversed(self.photographs.items())}
        for found, name in stages.items():
            try:
                photographs.refuse_shared(found, index.database, index.family, tested)
            except InputError as error:
                raise InputError(f"{'.'.join(name)}: {error}") from None

    def fit(self, data: loop.Data, split: Split, here: Path) -> loop.Trained:
        """Trains the stages, one after the other, or goes on where they stopped.

        Args:
            data: the run's database.
            split: of it.
            here: folder of the split.

        Returns:
            The last one's result, with the facts of all.

        Raises:
            InputError: a stage has learned from a content of the test part.
        """
        learned = {inherit.WEIGHTS: self._weights.variables} if self._weights else {}
        told: dict[str, loop.Trained] = {}
        before = ""  # what decided all stages so far, while each is kept for other runs too
        for number, stage in enumerate(self._stages):
            on, part, known = self._input(stage, data, split, told)
            if known is None:
                trained = self._one(number, learned, on, part, here / stage.name)
            else:
                before = self._digest(number, before, known)
                folder = self._root / f"{stage.name}-{before}"
                trained = self._once(number, learned, on, part, folder)
            refuse_leak(frozenset(trained.facts.get(SEEN, ())), data.index.take(split.test))
            told[stage.name] = trained
            learned[stage.name] = trained.variables
        trained = list(told.values())[-1]
        if len(told) == 1:
            return trained
        facts = {
            name: {field: fact for field, fact in each.facts.items() if field != SEEN}
            for name, each in told.items()
        }
        totals = {name: [each[name] for each in facts.values() if name in each] for name in ADDED}
        in_all = {name: sum(each) for name, each in totals.items() if each}
        return dataclasses.replace(trained, facts={**in_all, "stages": facts})

    def _input(
        self, stage: Stage, data: loop.Data, split: Split, told: Mapping[str, loop.Trained]
    ) -> tuple[loop.Data, Split, list[Any] | None]:
        """What a stage learns from, how it is split, and what tells it from all others.

        The last is None where the stage is kept in the run's folder.
        """
        if apart := self._apart.get(stage.name):
            return apart.data, apart.split, [apart.photographs.digest, apart.made]
        if view := self._own.get(stage.name):
            source = pairs.paired(data.index, data.source.records, view)
            return loop.Data(data.index, source, {}), split, None
        if which := self._pristine.get(stage.name):
            found, key = self._photographs.get(stage.name), (which, split.hash)
            if key not in self._beside:  # stages of one split share what is decoded
                self._beside = {key: inputs.beside(which, found, data, split, self._at)}
            shown = found.digest if found else ""
            return self._beside[key], split, [shown, data.index.database, split.hash, split.seed]
        if stage.database:
            folder = told[stage.database].facts["database"]
            view = read(View, stage.view or self._view, f"{stage.name}.view")
            if n := stage.real_levels:
                return *inputs.real_for_made(folder, data, split, n, view, self._at), None
            return *inputs.made(folder, view, split.seed, self._at), None
        if stage.view:
            view = read(View, stage.view, f"{stage.name}.view")
            return inputs.recut(data, view, self._at), split, None
        return data, split, None

    def _once(
        self,
        number: int,
        learned: Mapping[str, Any],
        data: loop.Data,
        split: Split,
        folder: Path,
    ) -> loop.Trained:
        """A stage that is kept for all runs; another one may be at it at the same time."""
        if folder not in self._finished:
            first = jax.process_index() == 0
            with locked(folder.with_suffix(".lock")) if first else contextlib.nullcontext():
                trained = self._one(number, learned, data, split, folder)
            facts = {"folder": str(folder), **trained.facts}
            self._finished[folder] = dataclasses.replace(trained, facts=facts)
        return self._finished[folder]

    def _one(
        self,
        number: int,
        learned: Mapping[str, Any],
        data: loop.Data,
        split: Split,
        folder: Path,
    ) -> loop.Trained:
        stage, network, how = self._stages[number], self._networks[number], self._hows[number]
        if isinstance(data.source, pairs.Distorted) and not (folder / FACTS).exists():
            data.source.make()
        step = STEPS[stage.step]
        if step.as_it_is:
            variables = list(learned.values())[-1]
        else:
            variables = _initial(stage, network, data.source.view.crop, split.seed, learned)
        self._announce(number)
        mesh = self._meshes[number]
        trained = step.train(network, variables, data, split, how, folder, mesh, split.seed)
        descended = (folder / "metrics.csv").exists()
        if jax.process_index() == 0 and descended:
            about = f"{self._run} on {data.index.database}, {split.name}, {stage.name}"
            plots.loss_curves(folder / "metrics.csv", folder / "curves.png", about)
            if isinstance(network, models.SFTnet) and network.attention:
                attention.show(network, trained.variables, data, split.test, folder, about)
        if jax.process_index() == 0 and (descended or stage.pristine):
            about = {"command": self._command, "model": self._options[number], "fit": stage.fit}
            write_json(folder / FACTS, about | trained.facts)
        return trained

    def _announce(self, number: int) -> None:
        """Says once, where there is more than one device, how many of them a stage uses."""
        name, every, used = self._stages[number].name, self._mesh.size, self._meshes[number].size
        if every > 1 and name not in self._announced and jax.process_index() == 0:
            batch = getattr(self._hows[number], "batch_size", 1)
            print(f"stage {name}: batch {batch} on {used} of {every} devices", flush=True)
        self._announced.add(name)

    def _digest(self, number: int, before: str, known: list[Any]) -> str:
        """12 hex digits of all that decides what a stage learns that is kept for other runs."""
        stage, how = self._stages[number], dataclasses.asdict(self._hows[number])
        section = {**(stage.pairs or stage.pristine or {}), **dict.fromkeys(PLACES, "")}
        starts = [stage.init_from, list(stage.dont_load)]
        file = self._file if "backbone" in self._options[number] else ""
        learned = [starts, digest(file) if file else ""]
        kept = [before, stage.step, how, section, learned, self._options[number], known]
        return hashlib.sha256(json.dumps(kept, sort_keys=True).encode()).hexdigest()[:12]

    def _of_weights(self, options: Mapping[str, Any]) -> Mapping[str, Any]:
        """A model's options, its backbone's, if it has one, as the pre-trained weights ask."""
        if self._weights is None or "backbone" not in options:
            return options
        return {**options, "backbone": {**options["backbone"], **self._weights.options}}


def _fitting(mesh: Mesh, name: str, how: Any) -> Mesh:
    """The devices of a stage; one that has no batches takes images one by one, on the first."""
    if not hasattr(how, "batch_size"):
        return meshes.make([mesh.local_devices[0]])
    return meshes.fitting(mesh, how.batch_size, f"{name}.fit.batch_size")


def _initial(
    stage: Stage, network: nn.Module | None, crop: int, seed: int, learned: Mapping[str, Any]
) -> dict[str, Any]:
    """The variables that a stage starts with; `learned`: of the weights and earlier stages."""
    if network is None:
        return {}
    # Initialisation runs once a stage: little compilation pays.
    init = jax.jit(network.init, compiler_options={"xla_backend_optimization_level": 0})
    fresh = init(jax.random.key(seed), jnp.zeros((1, crop, crop, 3)))
    init_from = stage.init_from
    if init_from is None:
        last = list(learned)[-1] if learned else ""
        if last == inherit.WEIGHTS:
            init_from = {"backbone": last} if "backbone" in fresh["params"] else {}
        else:
            init_from = {"": last} if last else {}
    return inherit.inherit(fresh, init_from, learned, stage.dont_load)
