"""Base and helpers of the builders' tests; TFDS's own test base needs TensorFlow."""

import dataclasses
import importlib
import io
import re
import shutil
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest
import tensorflow_datasets as tfds
from PIL import Image
from scipy import io as scipy_io

from jiqa import images
from jiqa.databases import builder as database
from jiqa.databases.prepare import prepare
from jiqa.errors import InputError


def picture(seed: int, format: str = "JPEG") -> bytes:
    """A stored image of 24 rows and 32 columns, with pixels determined by `seed`."""
    pixels = np.random.default_rng(seed).integers(0, 256, (24, 32, 3), np.uint8)
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, format)
    return stream.getvalue()


def write_picture(file: Path, seed: int = 0) -> None:
    """Writes a `picture` in the format given by the file's suffix."""
    file.parent.mkdir(parents=True, exist_ok=True)
    format = {".bmp": "BMP", ".png": "PNG"}.get(file.suffix.lower(), "JPEG")
    file.write_bytes(picture(seed, format))


def write_biq2021(folder: Path, train: int = 3, test: int = 2) -> Path:
    """Writes a release in the layout of BIQ2021, with scores 0.1000, 0.2000, ... in order."""
    names = [f"ss01 ({number}).jpg" for number in range(1, train + test + 1)]
    rows = [f"{name},{number / 10:.4f}" for number, name in enumerate(names, start=1)]
    for seed, name in enumerate(names):
        write_picture(folder / "Images" / name, seed)
    # As in the release, the table of the training part has two more columns, both empty.
    training = "".join(f"{row},,\n" for row in ["Image Name,MOS", *rows[:train]])
    testing = "".join(f"{row}\n" for row in ["Image Name,MOS", *rows[train:]])
    (folder / "Train (Images and MOS).csv").write_text(training)
    (folder / "Test (Images and MOS).csv").write_text(testing)
    return folder


Damage = Callable[[Path], Any]


def edit(file: str, old: str, new: str) -> Damage:
    """A damage that replaces the first `old` in a text of the release."""

    def damage(folder: Path) -> None:
        text = (folder / file).read_text()
        assert old in text
        (folder / file).write_text(text.replace(old, new, 1))

    return damage


def edit_mat(file: str, **fields: Any) -> Damage:
    """A damage that sets fields of a MATLAB file of the release; None removes a field."""

    def damage(folder: Path) -> None:
        found = scipy_io.loadmat(folder / file)
        kept = {name: value for name, value in found.items() if not name.startswith("__")} | fields
        kept = {name: value for name, value in kept.items() if value is not None}
        scipy_io.savemat(folder / file, kept)

    return damage


def cells(*names: str) -> np.ndarray:
    """A list of strings as MATLAB stores it."""
    array = np.empty((len(names), 1), object)
    array[:, 0] = names
    return array


def overwrite(file: str, stored: bytes) -> Damage:
    """A damage that replaces the content of a file of the release."""
    return lambda folder: (folder / file).write_bytes(stored)


class ReleaseTests:
    """Tests of every builder that reads a release; each builder's test class derives from this.

    Attributes:
        name: the database.
        expected: expected content of the test's release: split -> path of an image in the release
            -> its other columns. Default values: `id` is the file's name, `content_id` the id,
            `distortion` "authentic", `level` 0, score and `<score>_std` nan; for a reference those
            of `database.pristine`.
        broken: further ways to break a release: name -> (damage, part of the message).
    """

    name: ClassVar[str]
    expected: ClassVar[dict[str, dict[str, dict[str, Any]]]]
    broken: ClassVar[dict[str, tuple[Damage, str]]] = {}

    def write(self, folder: Path) -> None:
        """Writes labels and everything else but images into `folder`, which holds the images."""
        raise NotImplementedError

    def pytest_generate_tests(self, metafunc: pytest.Metafunc) -> None:
        """One test for each way to break a release, common ones included."""
        if "damage" in metafunc.fixturenames:
            cases = self._broken_images() | self.broken
            metafunc.parametrize(("damage", "message"), cases.values(), ids=cases)

    def _broken_images(self) -> dict[str, tuple[Damage, str]]:
        cases = {}
        for split, files in self.expected.items():
            file = list(files)[-1]
            named = f"(?i:{re.escape(Path(file).name)})"
            cases |= {
                f"{split} image missing": (lambda folder, f=file: (folder / f).unlink(), named),
                f"{split} image truncated": (
                    lambda folder, f=file: _cut(folder / f),
                    f"{named}: .*expected a whole image",
                ),
            }
        folder = Path(file).parts[0]
        missing = f"{re.escape(folder)}.*: not found, expected"
        return cases | {"no images": (lambda release: shutil.rmtree(release / folder), missing)}

    @pytest.fixture
    def release(self, tmp_path: Path) -> Path:
        """A folder of tiny pictures with the names of `expected`, and the files of `write`."""
        folder = tmp_path / "release"
        files = [file for files in self.expected.values() for file in files]
        for seed, file in enumerate(files):
            write_picture(folder / file, seed)
        self.write(folder)
        return folder

    @pytest.fixture
    def builder(self) -> type[database.ReleaseBuilder]:
        """The builder's class, to patch its facts."""
        module = f"jiqa.tfds_builders.{self.name}.{self.name}_dataset_builder"
        return importlib.import_module(module).Builder

    @pytest.fixture
    def whole(
        self, builder: type[database.ReleaseBuilder], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Declares the files of `write` to be the whole release."""
        assert set(builder.facts.counts) == set(self.expected)
        counts = {split: len(files) for split, files in self.expected.items()}
        rows = [row for files in self.expected.values() for row in files.values()]
        scores = [row[builder.facts.score] for row in rows if builder.facts.score in row]
        extremes = (f"{min(scores):.9f}", f"{max(scores):.9f}") if scores else None
        facts = dataclasses.replace(builder.facts, counts=counts, extremes=extremes)
        monkeypatch.setattr(builder, "facts", facts)

    def prepare(self, release: Path, config: str = "sample") -> Path:
        """The database built from `release`, in a folder of its own."""
        data = release.parent / "data"
        return prepare(self.name, config=config, manual_dir=release, data_dir=data)

    def check(self, release: Path, folder: Path) -> None:
        """Compares the database in `folder`, built from `release`, with `expected`."""
        counts = {split: len(files) for split, files in self.expected.items()}
        splits = read_database(folder, counts)
        score = tfds.builder_from_directory(folder).info.metadata["score"]
        for split, files in self.expected.items():
            found = {row["id"]: row for row in splits[split]}
            for file, columns in files.items():
                row = {"id": Path(file).name, "distortion": "authentic", "level": 0} | columns
                row["content_id"] = row.get("content_id", row["id"]).lower()
                if score:
                    row = {score: np.nan, f"{score}_std": np.nan} | row
                if split == "reference":
                    row |= {"distortion": database.PRISTINE, "reference": row["id"]}
                stored = found[row["id"]]
                assert stored.pop("image") == (release / file).read_bytes()
                assert stored.keys() == row.keys()
                for name, value in row.items():
                    if isinstance(value, float):
                        value = np.float32(value)
                    np.testing.assert_equal(stored[name], value, f"{file}, {name}")

    def test_release_is_read_as_it_is(self, release: Path) -> None:
        """Bytes, columns and splits equal those of the release."""
        folder = self.prepare(release)
        self.check(release, folder)
        assert tfds.builder_from_directory(folder).info.metadata["sample"] is True

    def test_whole_release_is_checked_and_taken(self, release: Path, whole: None) -> None:
        """Counts and extremes of the facts are compared with the release."""
        folder = self.prepare(release, "full")
        self.check(release, folder)
        assert tfds.builder_from_directory(folder).info.metadata["sample"] is False

    def test_smaller_release_is_not_taken_for_the_database(
        self, release: Path, builder: type[database.ReleaseBuilder]
    ) -> None:
        """The message has the number of images found, and suggests `sample`."""
        split, count = next(iter(builder.facts.counts.items()))
        found = len(self.expected[split])
        message = f"found {found} {split} images, expected {count} .*--config=sample"
        self.fails(release, message, "full")

    def test_broken_release_is_named_in_a_line_and_leaves_nothing(
        self, release: Path, damage: Damage, message: str
    ) -> None:
        """Each damage gives its message, and leaves no database."""
        damage(release)
        self.fails(release, message)

    def fails(self, release: Path, message: str, config: str = "sample") -> None:
        """Checks that `release` is refused in one line with `message`, and that nothing is left."""
        with pytest.raises(InputError, match=message) as error:
            self.prepare(release, config)
        assert "\n" not in str(error.value)
        assert str(release) in str(error.value)
        data = release.parent / "data"
        assert [path.name for path in data.rglob("*")] == [f".{self.name}.lock"]


def _cut(path: Path) -> None:
    stored = path.read_bytes()
    path.write_bytes(stored[: len(stored) // 2])


def read_database(folder: Path, counts: Mapping[str, int]) -> dict[str, list[dict[str, Any]]]:
    """Examples by split, text decoded, after checks that hold for every database."""
    builder = tfds.builder_from_directory(folder)
    info = builder.info
    assert {name: split.num_examples for name, split in info.splits.items()} == dict(counts)
    assert info.description
    assert info.citation.startswith("@")
    facts = info.metadata
    score = facts["score"]
    assert score in ("mos", "dmos", "pseudo_mos", "")
    assert bool(facts["pseudo"]) == score.startswith("pseudo")
    assert facts["licence"]
    assert facts["terms"]
    assert facts["source"].startswith("https://")
    assert {type(facts[name]) for name in ("higher_better", "sample")} == {bool}
    for column in (score, f"{score}_std") if score else ():
        assert info.features[column].np_dtype == np.float32
    splits = {}
    ids = set()
    for split in counts:
        source = builder.as_data_source(split, decoders={"image": tfds.decode.SkipDecoding()})
        examples = [{name: _decoded(name, value) for name, value in row.items()} for row in source]
        for example in examples:
            assert example["id"] not in ids
            ids.add(example["id"])
            assert example["content_id"]
            assert example["distortion"]
            assert images.decode(example["image"]).ndim == 3
            if split == "reference":
                assert example["distortion"] == database.PRISTINE
                assert example["reference"] == example["id"]
                assert not score or np.isnan(example[score])
            elif score:
                assert np.isfinite(example[score])
        splits[split] = examples
    return splits


def _decoded(name: str, value: Any) -> Any:
    return value.decode() if isinstance(value, bytes) and name != "image" else value


def write_xlsx(path: Path, sheet: str, rows: list[list[str | float]], corner: str = "A1") -> None:
    """An Excel file of one sheet whose first cell is `corner`, one letter and one digit."""
    column, top = ord(corner[0]), int(corner[1:])
    cells = ""
    for number, row in enumerate(rows, start=top):
        cells += f'<row r="{number}">'
        for place, value in enumerate(row, start=column):
            location = f'r="{chr(place)}{number}"'
            text = f'<c {location} t="inlineStr"><is><t>{value}</t></is></c>'
            cells += text if isinstance(value, str) else f"<c {location}><v>{value}</v></c>"
        cells += "</row>"
    main = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
    office = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
    packed = "http://schemas.openxmlformats.org/package/2006/relationships"

    def related(type: str, target: str) -> str:
        relation = f'<Relationship Id="a" Type="{office}/{type}" Target="{target}"/>'
        return f'<Relationships xmlns="{packed}">{relation}</Relationships>'

    with zipfile.ZipFile(path, "w") as book:
        book.writestr("_rels/.rels", related("officeDocument", "xl/workbook.xml"))
        relations = related("worksheet", "worksheets/sheet1.xml")
        book.writestr("xl/_rels/workbook.xml.rels", relations)
        book.writestr(
            "xl/workbook.xml",
            f'<workbook xmlns="{main}" xmlns:r="{office}"><sheets>'
            f'<sheet name="{sheet}" sheetId="1" r:id="a"/></sheets></workbook>',
        )
        book.writestr(
            "xl/worksheets/sheet1.xml",
            f'<worksheet xmlns="{main}"><sheetData>{cells}</sheetData></worksheet>',
        )


def write_tid(folder: Path, rows: list[str], deviations: list[str]) -> None:
    """Writes the tables of TID2008 and TID2013, with line ends as on Windows."""
    (folder / "mos_with_names.txt").write_text("".join(f"{row}\r\n" for row in rows), newline="")
    (folder / "mos_std.txt").write_text("".join(f"{row}\r\n" for row in deviations), newline="")


def tid_broken(last: str, types: int, levels: int) -> dict[str, tuple[Damage, str]]:
    """Ways to break a TID release whose second and last row is `last`, with a MOS of 2.25."""
    table = "mos_with_names.txt"
    expected = f"expected iRR_TT_L.bmp with TT from 01 to {types} and L from 1 to {levels}"
    return {
        "type unknown": (edit(table, last, f"i02_{types + 1}_1"), f"i02_{types + 1}_1.*{expected}"),
        "level unknown": (edit(table, last, f"i02_01_{levels + 1}"), expected),
        "name unknown": (edit(table, last, "img1"), f"found img1.bmp, {expected}"),
        "score high": (edit(table, "2.25", "9.5"), "line 2: expected a MOS from 0 to 9, found 9.5"),
        "row twice": (edit(table, last, "i01_01_1"), "found i01_01_1.bmp twice"),
        "another table": (
            lambda folder: (folder / table).write_bytes((folder / "mos_std.txt").read_bytes()),
            "line 1: expected a MOS and a file name, found '0.125'",
        ),
        "tables of different length": (
            overwrite("mos_std.txt", b"0.125\r\n"),
            "mos_std.txt: found 1 rows, expected 2",
        ),
    }
