"""What stages learn from: the run's database, pairs, photographs, what another stage has made."""

import dataclasses
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
from jiqa.tasks import hallucinate
from jiqa.train import loop


@dataclasses.dataclass(frozen=True)
class Pairs:
    """What a restorer learns from.

    Attributes:
        view: how pairs are cut.
        photographs: pristine ones to distort: a prepared database or folders, see
            `jiqa.databases.photographs.load`. The stage then does not depend on the split: it is trained
            once and kept below the folder of runs, for every run that has the same. By default the
            run's own database with its references, split as its scores are.
        val: how many of the photographs are kept for validation.
        held_out: how many are never learned from; what is restored of them is measured at the end.
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
        view: how they, and the scored images beside them, are cut.
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
                "many beside those of another source, or neither"
            )


def load(which: Pairs | Pristine) -> Photographs:
    """The photographs that a section names.

    Raises:
        InputError: what `jiqa.databases.photographs` refuses.
    """
    data_dir = which.data_dir or None
    found = photographs.load(which.photographs, data_dir)
    if isinstance(which, Pristine) and which.extra:
        more = photographs.load(which.more, data_dir)
        return photographs.joined(found, more, which.extra, which.seed)
    return found


class Apart(NamedTuple):
    """Pairs that have nothing to do with the run's database, made of photographs.

    Attributes:
        photographs: what they are made of.
        made: folder of the pictures, by name.
        data: the pairs.
        split: of them.
    """

    photographs: Photographs
    made: str
    data: loop.Data
    split: Split


def apart(which: Pairs) -> Apart:
    """The pairs of photographs.

    Raises:
        InputError: too few photographs, or what `jiqa.databases.photographs.load` refuses.
    """
    found = load(which)
    made = pairs.distorted(found, which.view, which.data_dir or None)
    count, kept = len(found), which.held_out + which.val
    if min(which.held_out, which.val) < 0 or kept >= count:
        raise InputError(
            f"{found.name}: found {count} photographs, expected more than {which.held_out} held "
            f"out and {which.val} for validation"
        )
    order = np.random.default_rng(which.seed).permutation(found.ids)
    test, val, rest = np.split(order, [which.held_out, kept])
    split = by_contents(made.index, "photographs", which.seed, (rest, val, test))
    return Apart(found, made.folder.name, loop.Data(made.index, made, {}), split)


def cut(index: Index, records: Records, view: View, at: Mapping[str, Any]) -> loop.Data:
    """A database and the source of its blocks.

    Args:
        index: of the database.
        records: of its images.
        view: how these are cut.
        at: `resident_mb` and `workers`, as the section `data` of a config.

    Raises:
        InputError: what `jiqa.data.pipeline.source` refuses.
    """
    blocks = _source(index, records, view, at)
    return loop.Data(index, blocks, blocks.arrays)


def recut(data: loop.Data, view: View, at: Mapping[str, Any]) -> loop.Data:
    """A database as another view has it; arguments and errors as `cut`'s."""
    return cut(data.index, data.source.records, view, at)


def beside(
    which: Pristine,
    found: Photographs | None,
    data: loop.Data,
    split: Split,
    at: Mapping[str, Any],
) -> loop.Data:
    """The photographs, beside the training images of a split; arguments else as `cut`'s.

    Args:
        which: how.
        found: what `which.photographs` says; None where these are the database's own references.
        data: the run's database.
        split: of it; nothing of its test part is read.

    Raises:
        InputError: the database has no references; an image is too small for the view.
    """
    if found is None:
        found = photographs.of_rows(data.index, data.source.records, split.train)
    order = np.random.default_rng(which.seed).permutation(len(found))
    held_out, learned = np.split(order, [round(which.held_out * len(found))])
    both = Unpaired(
        pristine=_source(found.index, found.files, which.view, at),
        scored=_source(data.index, data.source.records, which.view, at),
        pristine_train=np.sort(learned),
        pristine_test=np.sort(held_out),
    )
    return loop.Data(data.index, both, both.arrays)


def made(folder: str, view: View, seed: int, at: Mapping[str, Any]) -> tuple[loop.Data, Split]:
    """The database that a stage made; arguments and errors else as `cut`'s.

    Args:
        folder: the stage's fact `database`.
        seed: of the split.

    Returns:
        The database; its split by photographs, a tenth for validation and a tenth for the test.
    """
    index, records = hallucinate.database(folder)
    contents = np.random.default_rng(seed).permutation(np.unique(index.content_id))
    tenth = round(len(contents) / 10)
    test, val, rest = np.split(contents, [tenth, 2 * tenth])
    split = by_contents(index, "auxiliary", seed, (rest, val, test))
    return cut(index, records, view, at), split


def real_for_made(
    folder: str,
    data: loop.Data,
    split: Split,
    levels: int,
    view: View,
    at: Mapping[str, Any],
) -> tuple[loop.Data, Split]:
    """Images of the run's database to learn levels from, and those that a stage made to test on.

    Arguments and errors else as `made`'s and `cut`'s.

    Args:
        data: the run's database; the levels of its training images, and of its validation images,
            are equal parts by rank, whatever the type of distortion.
        split: of it; its test part is left out.
        levels: how many.

    Returns:
        Both as one database; its split, whose test part is all that the stage made.
    """
    pictures, records = hallucinate.database(folder)
    parts = [data.index.take(rows) for rows in (split.train, split.val)]
    parts = [dataclasses.replace(part, distortion=np.full(len(part), "all")) for part in parts]
    parts = [dataclasses.replace(part, level=quality_levels(part, levels)) for part in parts]
    files = [data.source.records] * sum(map(len, parts)) + [records] * len(pictures)
    index = concatenated([*parts, pictures])
    both = Records(Several(files, index.record), np.arange(len(index)))
    index = dataclasses.replace(index, record=np.arange(len(index)))
    bounds = np.cumsum([len(part) for part in parts])
    rows = np.split(np.arange(len(index)), bounds)
    split = dataclasses.replace(split, train=rows[0], val=rows[1], test=rows[2])
    return cut(index, both, view, at), split


def _source(index: Index, records: Records, view: View, at: Mapping[str, Any]) -> Any:
    return source(index, records, view, resident_mb=at["resident_mb"], workers=at["workers"])
