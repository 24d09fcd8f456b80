"""Datasets of stages: the run's database, pairs, photographs, or a stage's database."""

import dataclasses
import functools
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from jiqa.data.index import Index, Records, Several, concatenated
from jiqa.data.levels import quality_levels
from jiqa.data.pipeline import source
from jiqa.data.protocols import Split, by_contents
from jiqa.data.sampling import View
from jiqa.data.unpaired import Unpaired
from jiqa.databases import pairs, photographs
from jiqa.databases.photographs import Photographs
from jiqa.errors import InputError
from jiqa.experiment.config import DataConfig, Pairs, Pristine, RunConfig, StageConfig
from jiqa.tasks.task import Fitted
from jiqa.train.dataset import Dataset


class Input(NamedTuple):
    """Examples of a stage.

    Attributes:
        dataset: to learn from.
        split: of the dataset.
        known: values that identify the examples, for a stage whose result is shared between runs;
            None: the result stays in the run's folder.
    """

    dataset: Dataset
    split: Split
    known: list[Any] | None = None


class Inputs:
    """Datasets of a run's stages; stages with the same examples share one dataset.

    Attributes:
        photographs: of the stages that name photographs, by (stage, section).

    Raises:
        InputError: photographs are missing, too few or broken.
    """

    def __init__(self, config: RunConfig) -> None:
        self._config = config
        found_pairs, load = functools.cache(pairs_of), functools.cache(load_photographs)
        self._pairs: dict[str, PhotographPairs] = {}
        self.photographs: dict[tuple[str, str], Photographs] = {}
        for stage in config.stages:
            if stage.pairs and stage.pairs.photographs:
                self._pairs[stage.name] = found = found_pairs(stage.pairs)
                self.photographs[stage.name, "pairs"] = found.photographs
            if stage.pristine and stage.pristine.photographs:
                self.photographs[stage.name, "pristine"] = load(stage.pristine)
        self._unpaired: dict[tuple[Pristine, str], Dataset] = {}

    def of(
        self, stage: StageConfig, dataset: Dataset, split: Split, results: Mapping[str, Fitted]
    ) -> Input:
        """Examples that a stage learns from.

        Args:
            stage: the stage.
            dataset: the run's database.
            split: of the run's database.
            results: of the earlier stages, by name.

        Raises:
            InputError: a database has no references; an image is too small or broken.
        """
        data = self._config.data
        if found := self._pairs.get(stage.name):
            known = [found.photographs.digest, found.location]
            return Input(found.dataset, found.split, known)
        if stage.pairs:
            paired = pairs.paired(dataset.index, dataset.source.records, stage.pairs.view)
            return Input(Dataset(dataset.index, paired), split)
        if stage.pristine:
            return self._with_photographs(stage, dataset, split)
        view = stage.view or self._config.view
        if stage.database:
            maker = self._config.stage(stage.database).trains
            pictures = maker.database(results[stage.database].facts)
            if stage.real_levels:
                return real_for_generated(pictures, dataset, split, stage.real_levels, view, data)
            return generated(pictures, view, split.seed, data)
        if stage.view:
            return Input(cut(dataset.index, dataset.source.records, view, data), split)
        return Input(dataset, split)

    def _with_photographs(self, stage: StageConfig, dataset: Dataset, split: Split) -> Input:
        which, found = stage.pristine, self.photographs.get((stage.name, "pristine"))
        assert which is not None
        key = which, split.hash
        if key not in self._unpaired:  # stages of one split share decoded images
            self._unpaired = {key: unpaired(which, found, dataset, split, self._config.data)}
        digest = found.digest if found else ""
        known = [digest, dataset.index.database, split.hash, split.seed]
        return Input(self._unpaired[key], split, known)


def load_photographs(which: Pairs | Pristine) -> Photographs:
    """Photographs that a section names.

    Raises:
        InputError: from `jiqa.databases.photographs.load` or `joined`.
    """
    data_dir = which.data_dir or None
    found = photographs.load(which.photographs, data_dir)
    if isinstance(which, Pristine) and which.extra:
        more = photographs.load(which.more, data_dir)
        return photographs.joined(found, more, which.extra, which.seed)
    return found


class PhotographPairs(NamedTuple):
    """Pairs of photographs and their distorted pictures, independent of the run's database.

    Attributes:
        photographs: to distort.
        location: name of the folder of distorted pictures.
        dataset: of pairs.
        split: of the pairs.
    """

    photographs: Photographs
    location: str
    dataset: Dataset
    split: Split


def pairs_of(which: Pairs) -> PhotographPairs:
    """Pairs of the photographs that a section names.

    Raises:
        InputError: there are too few photographs; or from `jiqa.databases.photographs.load`.
    """
    found = load_photographs(which)
    distorted = pairs.distorted(found, which.view, which.data_dir or None)
    count, kept = len(found), which.held_out + which.val
    if min(which.held_out, which.val) < 0 or kept >= count:
        raise InputError(
            f"{found.name}: found {count} photographs, expected more than {which.held_out} held "
            f"out and {which.val} for validation"
        )
    order = np.random.default_rng(which.seed).permutation(found.ids)
    test, val, rest = np.split(order, [which.held_out, kept])
    split = by_contents(distorted.index, "photographs", which.seed, (rest, val, test))
    return PhotographPairs(found, distorted.folder.name, Dataset(distorted.index, distorted), split)


def cut(index: Index, records: Records, view: View, data: DataConfig) -> Dataset:
    """A database and the source of its crops.

    Args:
        index: of the database.
        records: of the images.
        view: of the crops.
        data: settings of the source: resident or streamed.

    Raises:
        InputError: from `jiqa.data.pipeline.source`.
    """
    return Dataset(index, _source(index, records, view, data))


def unpaired(
    which: Pristine, found: Photographs | None, dataset: Dataset, split: Split, data: DataConfig
) -> Dataset:
    """Pristine photographs, with the training images of a split.

    Args:
        which: section of the config.
        found: photographs of the section; None: the references of the training images.
        dataset: the run's database.
        split: of the database; images of its test part are never read.
        data: as in `cut`.

    Raises:
        InputError: the database has no references; an image is too small for the view.
    """
    index, records = dataset.index, dataset.source.records
    if found is None:
        found = photographs.of_rows(index, records, split.train)
    order = np.random.default_rng(which.seed).permutation(len(found))
    held_out, learned = np.split(order, [round(which.held_out * len(found))])
    both = Unpaired(
        pristine=_source(found.index, found.files, which.view, data),
        scored=_source(index, records, which.view, data),
        pristine_train=np.sort(learned),
        pristine_test=np.sort(held_out),
    )
    return Dataset(index, both)


def generated(pictures: tuple[Index, Records], view: View, seed: int, data: DataConfig) -> Input:
    """Database made by an earlier stage, split by photographs.

    Args:
        pictures: index and records of the database.
        view: as in `cut`.
        seed: of the split: a tenth of the photographs for validation, a tenth for the test.
        data: as in `cut`.

    Raises:
        InputError: as in `cut`.
    """
    index, records = pictures
    contents = np.random.default_rng(seed).permutation(np.unique(index.content_id))
    tenth = round(len(contents) / 10)
    test, val, rest = np.split(contents, [tenth, 2 * tenth])
    split = by_contents(index, "auxiliary", seed, (rest, val, test))
    return Input(cut(index, records, view, data), split)


def real_for_generated(
    pictures: tuple[Index, Records],
    dataset: Dataset,
    split: Split,
    levels: int,
    view: View,
    data: DataConfig,
) -> Input:
    """Training and validation images of the run's database; pictures of an earlier stage as test.

    Args:
        pictures: index and records of the earlier stage's database, all of them the test part.
        dataset: the run's database. Its training images are ranked by quality, over all types of
            distortion, and cut into levels of equal size; its validation images likewise.
        split: of the run's database; its test part is left out.
        levels: number of levels.
        view: as in `cut`.
        data: as in `cut`.

    Raises:
        InputError: as in `cut`.
    """
    made, records = pictures
    parts = [dataset.index.take(rows) for rows in (split.train, split.val)]
    parts = [dataclasses.replace(part, distortion=np.full(len(part), "all")) for part in parts]
    parts = [dataclasses.replace(part, level=quality_levels(part, levels)) for part in parts]
    files = [dataset.source.records] * sum(map(len, parts)) + [records] * len(made)
    index = concatenated([*parts, made])
    both = Records(Several(files, index.record), np.arange(len(index)))
    index = dataclasses.replace(index, record=np.arange(len(index)))
    bounds = np.cumsum([len(part) for part in parts])
    rows = np.split(np.arange(len(index)), bounds)
    split = dataclasses.replace(split, train=rows[0], val=rows[1], test=rows[2])
    return Input(cut(index, both, view, data), split)


def _source(index: Index, records: Records, view: View, data: DataConfig) -> Any:
    return source(index, records, view, resident_mb=data.resident_mb, workers=data.workers)
