"""Fits the stages of a run in turn: initial variables, folders and facts of each stage."""

import contextlib
import dataclasses
import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jax
from jax.sharding import Mesh

from jiqa import models, weights
from jiqa.data.index import Index
from jiqa.data.protocols import Split, refuse_leak
from jiqa.databases import photographs
from jiqa.errors import InputError
from jiqa.experiment.config import RunConfig, StageConfig
from jiqa.experiment.inputs import Input, Inputs
from jiqa.files import digest, locked, write_json
from jiqa.tasks.task import Fitted, TaskContext, initial
from jiqa.train import inherit
from jiqa.train import mesh as meshes
from jiqa.train.dataset import Dataset

# Name of the fact with the `content_hash` of all images that a stage learned from.
SEEN = "seen"
# Fields of `Pairs` and `Pristine` that name a place and do not identify the content.
LOCATIONS = ("photographs", "more", "data_dir")
# File in the folder of a finished stage: model, settings of the training, facts.
FACTS = "stage.json"
# Facts of a split that are sums over its stages.
ADDED = ("steps", "seconds")


class Stages:
    """The stages of a run, to be fitted on one split after the other.

    Args:
        config: of the run.
        root: folder of runs; results that runs share are in `root/stages`.
        devices: a stage uses the largest part that its batch divides over; one line reports the
            number before the stage starts.
        command: of the run, recorded with the result of a stage.

    Attributes:
        photographs: see `Inputs`.

    Raises:
        InputError: a model, a file of weights or a photograph is wrong; a batch does not divide
            over the processes.
    """

    def __init__(self, config: RunConfig, root: Path, devices: Mesh, command: str = "") -> None:
        self._config, self._root, self._devices = config, root / "stages", devices
        self._command = command
        self._weights = {
            name: weights.load(file, dense=config.dense) for name, file in config.weights.items()
        }
        self._options = {stage.name: self._of_weights(stage) for stage in config.stages}
        self._networks = {
            name: models.build(**options) if options else None
            for name, options in self._options.items()
        }
        self._meshes = {stage.name: _fitting(devices, stage) for stage in config.stages}
        self._inputs = Inputs(config)
        self.photographs = self._inputs.photographs
        self._announced: set[str] = set()
        self._finished: dict[Path, Fitted] = {}

    def refuse_seen(self, index: Index) -> None:
        """Refuses photographs that a test database holds or was made from.

        Args:
            index: of the test rows.

        Raises:
            InputError: a stage learns from photographs of the database's family, or from
                photographs that look like a test image or its reference.
        """
        tested = index.shown if self.photographs else None
        stages = {found: name for name, found in reversed(self.photographs.items())}
        for found, name in stages.items():
            try:
                photographs.refuse_shared(found, index.database, index.family, tested)
            except InputError as error:
                raise InputError(f"{'.'.join(name)}: {error}") from None

    def fit(self, dataset: Dataset, split: Split, folder: Path) -> Fitted:
        """Fits all stages on one split, or resumes an interrupted stage.

        Args:
            dataset: the run's database.
            split: of the database.
            folder: of the split.

        Returns:
            The last stage's result, with the facts of all stages.

        Raises:
            InputError: a stage has learned from a content of the test part.
        """
        learned = {name: each.variables for name, each in self._weights.items()}
        results: dict[str, Fitted] = {}
        before = ""  # digest of the shared stages so far
        for stage in self._config.stages:
            examples = self._inputs.of(stage, dataset, split, results)
            if examples.known is None:
                fitted = self._one(stage, learned, examples, folder / stage.name)
            else:
                before = self._digest(stage, before, examples.known)
                shared = self._root / f"{stage.name}-{before}"
                fitted = self._once(stage, learned, examples, shared)
            refuse_leak(frozenset(fitted.facts.get(SEEN, ())), dataset.index.take(split.test))
            results[stage.name] = fitted
            learned[stage.name] = fitted.variables
        return _joined(results)

    def _once(
        self, stage: StageConfig, learned: Mapping[str, Any], examples: Input, folder: Path
    ) -> Fitted:
        """Fits a stage whose result is shared between runs; guarded by a lock."""
        if folder not in self._finished:
            first = jax.process_index() == 0
            with locked(folder.with_suffix(".lock")) if first else contextlib.nullcontext():
                fitted = self._one(stage, learned, examples, folder)
            facts = {"folder": str(folder), **fitted.facts}
            self._finished[folder] = dataclasses.replace(fitted, facts=facts)
        return self._finished[folder]

    def _one(
        self, stage: StageConfig, learned: Mapping[str, Any], examples: Input, folder: Path
    ) -> Fitted:
        task, split, index = stage.trains, examples.split, examples.dataset.index
        context = TaskContext(
            dataset=examples.dataset,
            split=split,
            folder=folder,
            seed=split.seed,
            config=stage.fit,
            model=self._networks[stage.name],
            inherited=self._start(stage, learned, examples),
            devices=self._meshes[stage.name],
            title=f"{self._config.run} on {index.database}, {split.name}, {stage.name}",
        )
        if not (folder / FACTS).exists():
            task.prepare(context)
        self._announce(stage)
        fitted = task.fit(context)
        if jax.process_index() == 0:
            task.report(context, fitted)
            about = {
                "command": self._command,
                "model": self._options[stage.name],
                "fit": dataclasses.asdict(stage.fit),
            }
            folder.mkdir(parents=True, exist_ok=True)
            write_json(folder / FACTS, about | fitted.facts)
        return fitted

    def _start(self, stage: StageConfig, learned: Mapping[str, Any], examples: Input) -> Any:
        """Initial variables of a stage; `learned` holds those of weights and earlier stages."""
        last = list(learned)[-1] if learned else ""
        if stage.trains.takes_previous:
            return learned[last]
        network = self._networks[stage.name]
        if network is None:
            return {}
        fresh = initial(network, examples.dataset.source.view.crop, examples.split.seed)
        init_from = stage.init_from
        if init_from is None and last in self._weights:
            init_from = {"backbone": last} if "backbone" in fresh["params"] else {}
        elif init_from is None:
            init_from = {"": last} if last else {}
        return inherit.inherit(fresh, init_from, learned, stage.dont_load)

    def _announce(self, stage: StageConfig) -> None:
        """Prints once how many of several devices a stage uses."""
        name, every, used = stage.name, self._devices.size, self._meshes[stage.name].size
        if every > 1 and name not in self._announced and jax.process_index() == 0:
            batch = getattr(stage.fit, "batch_size", 1)
            print(f"stage {name}: batch {batch} on {used} of {every} devices", flush=True)
        self._announced.add(name)

    def _digest(self, stage: StageConfig, before: str, known: list[Any]) -> str:
        """Hash, 12 hex digits, of everything that decides the result of a shared stage."""
        section = dataclasses.asdict(stage.pairs or stage.pristine)  # type: ignore[arg-type]
        options = self._options[stage.name]
        files = self._config.weights.values() if "backbone" in options else ()
        kept = [
            before,
            stage.task,
            dataclasses.asdict(stage.fit),
            {**section, **dict.fromkeys(LOCATIONS, "")},
            [stage.init_from, list(stage.dont_load), *map(digest, files)],
            options,
            known,
        ]
        return hashlib.sha256(json.dumps(kept, sort_keys=True).encode()).hexdigest()[:12]

    def _of_weights(self, stage: StageConfig) -> Mapping[str, Any]:
        """Options of a stage's model; pre-trained weights override options of its backbone."""
        if not self._weights or "backbone" not in stage.model:
            return stage.model
        named = (stage.init_from or {}).get("backbone", "")
        chosen = self._weights.get(named) or next(iter(self._weights.values()))
        return {**stage.model, "backbone": {**stage.model["backbone"], **chosen.options}}


def _fitting(devices: Mesh, stage: StageConfig) -> Mesh:
    """Devices of a stage; a stage without batches uses the first device."""
    if not hasattr(stage.fit, "batch_size"):
        return meshes.make([devices.local_devices[0]])
    return meshes.fitting(devices, stage.fit.batch_size, f"{stage.name}.fit.batch_size")


def _joined(results: Mapping[str, Fitted]) -> Fitted:
    """The last stage's result, with the facts of all stages."""
    last = list(results.values())[-1]
    if len(results) == 1:
        return last
    facts = {
        name: {field: fact for field, fact in each.facts.items() if field != SEEN}
        for name, each in results.items()
    }
    totals = {name: [each[name] for each in facts.values() if name in each] for name in ADDED}
    in_all = {name: sum(each) for name, each in totals.items() if each}
    return dataclasses.replace(last, facts={**in_all, "stages": facts})
