"""Pristine photographs to distort: from a prepared database, or from folders."""

import dataclasses
import hashlib
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from jiqa import images
from jiqa.data import looks
from jiqa.data.contents import Contents, recognise, twins
from jiqa.data.index import REFERENCE, Index, Records, Several, unscored
from jiqa.data.recognise import Recogniser
from jiqa.databases import prepare
from jiqa.databases.load import load_photographs, open_references
from jiqa.errors import InputError

# Family of the photographs of LIVE, TID2008 and TID2013, and their `looks.hash_looks`.
KODAK = "kodak"
KODAK_LOOKS = (
    "70872cf2e6920711909349d1c9b2c7a5a4b7687f8ccd082ca1f3c4599f3e4698",
    "6493fc6718ce663833c719b1ca08dc66738ecce98e538b0ccb31e38339c66718",
    "3c83b14c79d3e18727c3dc7859e5a5699c4e6bcb47d2e0f1e13717ce56043495",
    "16de9c6259a1e7970f52bd53202edc54bda40348c18176dc1c9bb29291bd043b",
    "7e370b507e077049078d8367123e318d869dc4763d5380118be0119fd86f6fbe",
    "7b4f1e8382cf760c200e3e41615e67f49c7c932e3a0991ccf1f0cf9f9f87248f",
    "676c9836b35d22077b531e1cdd0f3761838564f59b07eaded9bc489210efceca",
    "3dff4c33afb647655d50d8a7d82f054f450778917913da48a9f6826470279166",
    "7439469823a5437c5b2b58d9c336f3c649552c66a9bc75a73724659de58d788a",
    "4dbe00012162b67dd38ebf294684704b4e816861b2c3ca1b77c3ff6df5fc136c",
    "42efc11da17cb31a992d1c653c7fd31b12c1cf08b1e3cf467c71dc9d97332b61",
    "736c091e67266098cf36811937c19084d6636106631b718c736c0ac766d89948",
    "0379892e1f5350e51ba6a00917778cab0390913e6495a5b3855c18f687ff3b49",
    "355c46e67641c133849cb789c964cc13319831b4f2b902cefce592476e9bcd80",
    "787abc1a8ad48668cb8589d28ea2c4a9acacf29c9d0c759ce56e54d502b88568",
    "297104ed273287b2b83d1f1f00fdd2fe305b3e00d281fcaf9fc73cf944ced2f4",
    "41ba6b70c93bb6785ec670adbb688c46a432e8d9ee6d679144c94174e15d5e8c",
    "5822cd19ee36472619beb8436ce26dc5720e39ae26b71c830c4cbe0e58623d18",
    "2ccdb930e9f29ff99966e6c182f8b24c4c0dc8ddf7d9a2c49ec326c849b3d8fc",
    "29c7c9e48cd016b73e2f9d1733875998b230e1e5c870b559ec79a8dd25c9e182",
    "31f2c1c716521bb0cd60e486cccdd8392cdc396b06e79d3ac862afc110e432ca",
    "33622770c0cc9fbc3c4c18e31c393261fed860e430390ecd03f0c879cbc3b6e3",
    "64b111facc0ede602d61878627b6606e2c3c6643c2918cb937cad0f0af9949b4",
    "77ecc83b0c61c2d79d9bb832eb81a6adcc499180cf93ff3b71156a134bdadc62",
)


@dataclasses.dataclass(frozen=True, eq=False)
class Photographs:
    """Photographs, sorted by id.

    Attributes:
        name: name of the database, or of the folders.
        families: names of the families of databases made from these photographs.
        ids: str [n], unique.
        files: stored bytes of each photograph, by its number.
        digest: hexadecimal, identifies the photographs.
        contents: one row per photograph; None if they belong to the database under test.
        parts: the photographs joined here.
    """

    name: str
    families: frozenset[str]
    ids: np.ndarray
    files: Records
    digest: str
    contents: Contents | None = None
    parts: tuple["Photographs", ...] = ()

    def __len__(self) -> int:
        return len(self.ids)

    def load(self, number: int) -> np.ndarray:
        """Pixels of a photograph, uint8 [h, w, 3]."""
        return images.decode(self.files[number], f"{self.name} {self.ids[number]}")

    @property
    def index(self) -> Index:
        """Index with a row per photograph, whose `content_id` is its id; without scores."""
        return unscored(self.name, self.ids, "+".join(sorted(self.families)))


class _Files:
    """Image files with the interface of `Records`."""

    def __init__(self, paths: list[Path]):
        self._paths = paths

    def __getitem__(self, number: int) -> dict[str, bytes]:
        return {"image": self._paths[number].read_bytes()}


def load(where: str, data_dir: str | Path | None = None) -> Photographs:
    """Photographs of a prepared database, or of folders joined by `+`.

    Kodak's photographs in a folder, uncropped but in any orientation, are recognised by looks.

    Raises:
        InputError: a database that is not prepared or has no photographs; a folder that is missing
            or empty; a broken file; two files of one name.
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
            f"{where}: found two photographs called {again[0]}, expected different names"
        )
    files = Records(_Files(paths), np.arange(len(paths)))
    contents = (hashlib.sha256(path.read_bytes()).hexdigest() for path in paths)
    digest = _digest([*ids, *contents])
    found = Photographs(where, frozenset(), ids, files, digest)
    recogniser = Recogniser()
    for i, id in enumerate(ids.tolist()):
        recogniser.add(id, found.load(i))
    hashes = recogniser.hashes()
    known = recognise(ids, np.full(len(ids), ""), ids, [hashes[id] for id in ids.tolist()])
    kodak = np.frombuffer(bytes.fromhex("".join(KODAK_LOOKS)), np.uint8).reshape(-1, looks.BYTES)
    families = frozenset({KODAK} if len(looks.alike(known.looks, kodak)) else ())
    return dataclasses.replace(found, families=families, contents=known)


def of_database(
    database: str, config: str = "", data_dir: str | Path | None = None
) -> Photographs | None:
    """References of a prepared database, or None if it has none.

    Raises:
        InputError: an unknown database, one not prepared, or prepared by a version that did not
            compare images.
    """
    builder: Any = prepare.open_builder(database, config=config, data_dir=data_dir)
    if REFERENCE not in builder.info.splits:
        return None
    ids, records = load_photographs(database, config=config, data_dir=data_dir)
    family = builder.info.metadata.get("family") or database
    digest = _digest([builder.info.full_name, *ids])
    known = prepare.contents_of(builder, database, config, data_dir)
    known = known.take(known.split == REFERENCE)
    known = known.take(np.argsort(known.id))
    return Photographs(database, frozenset({family}), ids, records, digest, known)


def joined(first: Photographs, more: Photographs, count: int, seed: int) -> Photographs:
    """The photographs `first`, followed by `count` of `more`, drawn by `seed`.

    Raises:
        InputError: too few photographs in `more`, or two with one id.
    """
    if not 0 < count <= len(more):
        raise InputError(f"{more.name}: found {len(more)} photographs, expected {count} or more")
    rows = np.sort(np.random.default_rng(seed).permutation(len(more))[:count])
    files = Records(more.files.source, more.files.position[rows])
    known = more.contents and more.contents.take(rows)
    drawn = dataclasses.replace(more, ids=more.ids[rows], files=files, contents=known)
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
        parts=(first, drawn),
    )


def of_rows(index: Index, records: Records, rows: np.ndarray) -> Photographs:
    """References of some rows of a database.

    Raises:
        InputError: a database without references.
    """
    ids, files = open_references(index.database, records)
    named = {records.row(i)["reference"].decode() for i in index.record[rows].tolist()}
    kept = np.flatnonzero(np.isin(ids, sorted(named)))
    files = Records(files.source, files.position[kept])
    digest = _digest([index.database, *ids[kept]])
    return Photographs(index.database, frozenset({index.family}), ids[kept], files, digest)


def refuse_shared(found: Photographs, database: str, family: str, tested: Contents | None) -> None:
    """Refuses training photographs that occur in the test, or that tested images were made from.

    Args:
        found: photographs that training reads.
        database: name of the database under test.
        family: family of its photographs.
        tested: `Index.shown` of the tested rows; None if images were never compared.

    Raises:
        InputError: a shared family, or a photograph with the pixels or the looks of a tested image.
    """
    for part in found.parts:
        refuse_shared(part, database, family, tested)
    if family in found.families:
        raise InputError(
            f"found photographs of the family {family} in {found.name}, expected none that "
            f"{database}, to be tested on, was made from"
        )
    if tested is None or found.parts or found.contents is None:
        return
    if pairs := twins(found.contents, tested):
        first, second, kind, _ = pairs[0]
        exactly = ", pixel for pixel" if kind == "pixels" else ""
        raise InputError(
            f"found {found.contents.id[first]} in {found.name}, which looks like "
            f"{tested.id[second]} of {database}, to be tested on{exactly} ({len(pairs)} such), "
            "expected other photographs"
        )


def _digest(lines: Sequence[str]) -> str:
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()
