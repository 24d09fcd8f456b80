"""Pristine photographs to distort: of a prepared database, or whatever lies in a folder."""

import dataclasses
import hashlib
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from jiqa import images
from jiqa.data import prepare
from jiqa.data.index import (
    REFERENCE,
    Index,
    Records,
    Several,
    load_photographs,
    open_references,
)
from jiqa.errors import InputError

# The family of the photographs of LIVE, TID2008 and TID2013, and what `fingerprint` says of them.
KODAK = "kodak"
KODAK_PRINTS = (
    0xD5D4C594919595E1,
    0xE6662263213520F0,
    0x3F8F472A6E696963,
    0x1E3F7C68793B3C3C,
    0x0C424974037A4AEB,
    0x80F0F808383C1C06,
    0xA0B8B8BAB8A989BD,
    0x0C2A4ACB8FAA8EAA,
    0xF0889A83B5CCEACC,
    0xCE8E1D5BC6C507CA,
    0x88B2BA92308C83DC,
    0xF0C09898989898DC,
    0x6858602CD6B9C953,
    0x64C0686CD2E6F8FC,
    0x09B99599910B0725,
    0xFCBC9DA69C9CBC5D,
    0x716170D4D9E58986,
    0xE3E91B1A862747DA,
    0x3DE72D3D196141C8,
    0x803061783C918B0F,
    0x3828747076F2CC34,
    0x88A0ACACCCCAE800,
    0x6E6E6CE060E2C2C3,
    0x08336959103058D9,
)
# Bits by which two pictures of one photograph may differ.
_NEAR = 6


@dataclasses.dataclass(frozen=True, eq=False)
class Photographs:
    """Photographs, sorted by id.

    Attributes:
        name: of the database, or of the folders.
        families: what databases of the same photographs call their family.
        ids: str [n], unique.
        files: stored bytes of each, by its number.
        digest: hexadecimal, of all that tells them from others.
        parts: what they were joined of.
    """

    name: str
    families: frozenset[str]
    ids: np.ndarray
    files: Records
    digest: str
    parts: tuple["Photographs", ...] = ()

    def __len__(self) -> int:
        return len(self.ids)

    def load(self, number: int) -> np.ndarray:
        """The pixels of one, uint8 [h, w, 3]."""
        return images.decode(self.files[number], f"{self.name} {self.ids[number]}")

    @property
    def index(self) -> Index:
        """A row each, whose `content_id` is its id; nobody scored them."""
        n = len(self)
        return Index(
            database=self.name,
            family="+".join(sorted(self.families)) or self.name,
            score_name="none",
            score_range=(0.0, 1.0),
            higher_better=True,
            id=self.ids,
            content_id=self.ids,
            distortion=np.full(n, "pristine"),
            level=np.zeros(n, np.int32),
            score=np.full(n, np.nan, np.float32),
            score_std=np.full(n, np.nan, np.float32),
            official=np.full(n, ""),
            record=np.arange(n),
        )


class _Files:
    """Image files as `Records` reads them."""

    def __init__(self, paths: list[Path]):
        self._paths = paths

    def __getitem__(self, number: int) -> dict[str, bytes]:
        return {"image": self._paths[number].read_bytes()}


def load(where: str, data_dir: str | Path | None = None) -> Photographs:
    """The photographs of a prepared database, or of folders joined by `+`.

    Kodak's photographs in a folder, whole and in any orientation, are recognised by their pictures.

    Raises:
        InputError: the database is not prepared or has none; a folder is missing or has no images;
            a file is broken; two files of the folders have one name.
    """
    base, _, config = where.partition("/")
    if base in prepare.DATABASES:
        found = of_database(base, config, data_dir)
        if found is None:
            raise InputError(f"{where}: found no references, expected pristine photographs")
        return found
    folders = [Path(folder) for folder in where.split("+")]
    paths = sorted(
        (path for folder in folders for path in images.photographs(folder)),
        key=lambda path: path.stem,
    )
    for folder in folders:
        if left_out := images.listed(folder).line():
            sys.stderr.write(f"jiqa: {folder}: left out {left_out}\n")
    ids = np.array([path.stem for path in paths])
    again = ids[1:][ids[1:] == ids[:-1]]
    if again.size:
        raise InputError(
            f"{where}: found two photographs called {again[0]}, expected one of a name"
        )
    files = Records(_Files(paths), np.arange(len(paths)))
    contents = (hashlib.sha256(path.read_bytes()).hexdigest() for path in paths)
    digest = _digest([*ids, *contents])
    found = Photographs(where, frozenset(), ids, files, digest)
    kodak = any(near(fingerprints(found.load(i)), KODAK_PRINTS) for i in range(len(found)))
    return dataclasses.replace(found, families=frozenset({KODAK}) if kodak else frozenset())


def of_database(
    database: str, config: str = "", data_dir: str | Path | None = None
) -> Photographs | None:
    """The references of a prepared database, or None where it has none.

    Raises:
        InputError: it is unknown or not prepared.
    """
    builder: Any = prepare.open_builder(database, config=config, data_dir=data_dir)
    if REFERENCE not in builder.info.splits:
        return None
    ids, records = load_photographs(database, config=config, data_dir=data_dir)
    family = builder.info.metadata.get("family") or database
    digest = _digest([builder.info.full_name, *ids])
    return Photographs(database, frozenset({family}), ids, records, digest)


def joined(first: Photographs, more: Photographs, count: int, seed: int) -> Photographs:
    """Photographs, and `count` of others drawn by `seed`, after them.

    Raises:
        InputError: there are too few others, or two of one id.
    """
    if not 0 < count <= len(more):
        raise InputError(f"{more.name}: found {len(more)} photographs, expected {count} or more")
    rows = np.sort(np.random.default_rng(seed).permutation(len(more))[:count])
    files = Records(more.files.source, more.files.position[rows])
    drawn = dataclasses.replace(more, ids=more.ids[rows], files=files)
    if again := sorted(set(first.ids) & set(drawn.ids)):
        raise InputError(f"{more.name}: found {again[0]}, expected no id that {first.name} has")
    ids = np.concatenate([first.ids, drawn.ids])
    sources = [first.files] * len(first) + [files] * count
    numbers = np.concatenate([np.arange(len(first)), np.arange(count)])
    return Photographs(
        f"{first.name}+{more.name}",
        first.families | more.families,
        ids,
        Records(Several(sources, numbers), np.arange(len(ids))),
        _digest([first.digest, more.digest, *ids]),
        (first, drawn),
    )


def of_rows(index: Index, records: Records, rows: np.ndarray) -> Photographs:
    """The references that some rows of a database were made from.

    Raises:
        InputError: the database has no references.
    """
    ids, files = open_references(index.database, records)
    named = {records.row(i)["reference"].decode() for i in index.record[rows].tolist()}
    kept = np.flatnonzero(np.isin(ids, sorted(named)))
    files = Records(files.source, files.position[kept])
    digest = _digest([index.database, *ids[kept]])
    return Photographs(index.database, frozenset({index.family}), ids[kept], files, digest)


def refuse_shared(
    found: Photographs, database: str, family: str, pristine: Photographs | None
) -> None:
    """Refuses photographs that a database to be tested on was made from.

    Args:
        found: what training reads.
        database: its name.
        family: of its photographs.
        pristine: its references, where it has any: those of a folder are compared by their looks.

    Raises:
        InputError: they are of one family, or one of a folder looks like a reference.
    """
    for part in found.parts:
        refuse_shared(part, database, family, pristine)
    if family in found.families:
        raise InputError(
            f"found photographs of the family {family} in {found.name}, expected none that "
            f"{database}, to be tested on, was made from"
        )
    if pristine is None or found.parts or found.families - {KODAK}:
        return
    known = {i: fingerprints(pristine.load(i))[0] for i in range(len(pristine))}
    for i in range(len(found)):
        prints = fingerprints(found.load(i))
        alike = [pristine.ids[j] for j, print_ in known.items() if near(prints, [print_])]
        if alike:
            raise InputError(
                f"found {found.ids[i]} in {found.name}, which looks like {alike[0]} of {database}, "
                "to be tested on, expected other photographs"
            )


def _digest(lines: Sequence[str]) -> str:
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


def fingerprints(image: np.ndarray) -> list[int]:
    """What a picture uint8 [h, w, 3] looks like, in each of its four orientations: 64 bits each.

    A bit says whether the mean luma grows from one ninth of a row to the next, in eight rows; it
    hardly changes with size, format or a mild distortion.
    """
    prints = []
    for turn in range(4):
        small = (
            Image.fromarray(np.rot90(image, turn)).convert("L").resize((9, 8), Image.Resampling.BOX)
        )
        bits = np.diff(np.asarray(small, np.int16), axis=1) > 0
        prints.append(int.from_bytes(np.packbits(bits).tobytes(), "big"))
    return prints


def near(prints: Sequence[int], known: Sequence[int]) -> bool:
    """Whether one of `prints` is one of the `known`, give or take a few bits."""
    return any((a ^ b).bit_count() <= _NEAR for a in prints for b in known)
