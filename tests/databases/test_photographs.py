"""Photographs to learn from: found, recognised, and refused where they are a database's own."""

import dataclasses
import io

import numpy as np
import pytest
import skimage.data
from PIL import Image, ImageFilter

from jiqa.data import looks
from jiqa.databases import photographs
from jiqa.databases.photographs import KODAK, KODAK_LOOKS, load, refuse_shared
from jiqa.errors import InputError

PICTURES = {name: getattr(skimage.data, name)() for name in ("astronaut", "chelsea", "coffee")}


@pytest.fixture
def folder(tmp_path):
    for name, pixels in PICTURES.items():
        Image.fromarray(pixels).save(tmp_path / f"{name}.png")
    (tmp_path / "notes.txt").write_text("no picture")
    return tmp_path


def test_a_folder_s_photographs_are_sorted_by_name(folder):
    found = load(str(folder))
    assert found.ids.tolist() == ["astronaut", "chelsea", "coffee"]
    assert found.families == frozenset()
    np.testing.assert_array_equal(found.load(1), PICTURES["chelsea"])


def test_what_is_left_out_of_a_folder_is_told(folder, capsys):
    for name in ("._coffee.png", "a.heic", "b.heic"):
        (folder / name).write_bytes(b"")
    assert len(load(str(folder))) == 3
    assert capsys.readouterr().err == f"jiqa: {folder}: left out 1 AppleDouble, 2 HEIC\n"


def test_the_digest_tells_photographs_apart_not_folders(folder, tmp_path_factory):
    other = tmp_path_factory.mktemp("other")
    for path in folder.glob("*.png"):
        (other / path.name).write_bytes(path.read_bytes())
    assert load(str(folder)).digest == load(str(other)).digest
    picture = (other / "coffee.png").read_bytes()
    (other / "coffee.png").write_bytes(picture + b"1")
    longer = load(str(other)).digest
    (other / "coffee.png").write_bytes(picture + b"2")
    assert len({load(str(folder)).digest, longer, load(str(other)).digest}) == 3


def test_what_is_no_folder_of_photographs_is_named(folder, tmp_path_factory):
    empty = tmp_path_factory.mktemp("empty")
    for where, message in (
        (str(folder / "none"), "none: found no such folder"),
        (str(empty), "found no images"),
        (f"{folder}+{folder}", "found two photographs called astronaut"),
    ):
        with pytest.raises(InputError, match=message):
            load(where)
    (folder / "broken.png").write_bytes(b"not a picture")
    with pytest.raises(InputError, match=r"broken: .* expected a whole image"):
        load(str(folder))


def changed(pixels):
    """A picture as other databases would have it."""
    image = Image.fromarray(pixels)
    yield np.asarray(image.resize((image.width // 2, image.height // 2)))
    yield np.asarray(image.rotate(90, expand=True))
    yield np.asarray(image.filter(ImageFilter.GaussianBlur(2)))
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=10)
    yield np.asarray(Image.open(buffer))


def test_looks_survive_what_leaves_the_picture_the_same():
    known = {name: looks.hash_looks(pixels)[None] for name, pixels in PICTURES.items()}
    for name, pixels in PICTURES.items():
        others = np.stack([looks.hash_looks(other) for other in changed(pixels)])
        assert looks.alike(known[name], others)[:, 1].tolist() == list(range(len(others)))
        for another in PICTURES.keys() - {name}:
            assert not len(looks.alike(known[another], others))


def test_kodak_s_photographs_are_recognised_and_no_others(shared):
    kodak = load(str(shared / "data" / "kodak"))
    assert kodak.families == {KODAK}
    known = np.stack([np.frombuffer(bytes.fromhex(each), np.uint8) for each in KODAK_LOOKS])
    pairs = looks.alike(kodak.contents.looks, known)
    assert sorted(pairs[:, 0]) == sorted(pairs[:, 1]) == list(range(24))
    mirrored = np.stack([looks.hash_looks(kodak.load(i)[:, ::-1]) for i in range(len(kodak))])
    assert len(looks.alike(mirrored, known)) == 24
    assert load(str(shared / "data" / "pristine_cid22")).families == frozenset()


def test_photographs_of_a_tested_database_are_refused(folder):
    found = load(str(folder))
    kodak = dataclasses.replace(found, families=frozenset({KODAK}))
    with pytest.raises(InputError, match=r"found photographs of the family kodak .* live, to be"):
        refuse_shared(kodak, "live", KODAK, None)
    refuse_shared(kodak, "csiq", "csiq", None)


def test_photographs_that_look_like_a_reference_are_refused(folder, tmp_path_factory):
    references = tmp_path_factory.mktemp("references")
    Image.fromarray(next(changed(PICTURES["coffee"]))).save(references / "i07.bmp")
    pristine = load(str(references)).contents
    with pytest.raises(InputError, match=r"found coffee .* looks like i07 of csiq"):
        refuse_shared(load(str(folder)), "csiq", "csiq", pristine)
    (folder / "coffee.png").unlink()
    refuse_shared(load(str(folder)), "csiq", "csiq", pristine)


@pytest.fixture
def more(tmp_path_factory):
    """Four photographs of other names, that differ in their grey, and one of them coffee."""
    others = tmp_path_factory.mktemp("others")
    for number in range(3):
        Image.new("RGB", (16, 16), (number,) * 3).save(others / f"grey{number}.png")
    Image.fromarray(PICTURES["coffee"]).save(others / "drink.png")
    return load(str(others))


def test_others_are_joined_as_many_as_are_asked_for(folder, more):
    first = load(str(folder))
    both = photographs.joined(first, more, 2, seed=0)
    drawn = both.ids[3:].tolist()
    assert both.ids[:3].tolist() == first.ids.tolist()
    assert len(set(drawn) & set(more.ids)) == 2
    for number, name in enumerate(both.ids):
        source = PICTURES.get(name)
        expected = more.load(more.ids.tolist().index(name)) if source is None else source
        np.testing.assert_array_equal(both.load(number), expected)
    all_of_them = photographs.joined(first, more, 4, seed=0)
    others = {photographs.joined(first, more, 2, seed).digest for seed in range(20)}
    assert both.digest in others
    assert len(others | {all_of_them.digest}) == 7  # pairs of four, and all of them
    for count in (0, 5):
        with pytest.raises(InputError, match=f"found 4 photographs, expected {count} or more"):
            photographs.joined(first, more, count, seed=0)
    with pytest.raises(InputError, match="found astronaut, expected no id that"):
        photographs.joined(first, first, 3, seed=0)


def test_joined_photographs_are_refused_where_one_of_them_would_be(folder, more, tmp_path_factory):
    references = tmp_path_factory.mktemp("references")
    Image.fromarray(next(changed(PICTURES["coffee"]))).save(references / "coffee.png")
    pristine = load(str(references)).contents
    (folder / "coffee.png").unlink()
    prepared = dataclasses.replace(load(str(folder)), families=frozenset({"csiq"}))
    both = photographs.joined(prepared, more, 4, seed=0)
    with pytest.raises(InputError, match=r"found drink in .* looks like coffee of tid2013"):
        refuse_shared(both, "tid2013", "tid2013", pristine)
    with pytest.raises(InputError, match="photographs of the family csiq"):
        refuse_shared(both, "csiq", "csiq", None)
    drawn = (photographs.joined(prepared, more, 3, seed) for seed in range(20))
    without = next(found for found in drawn if "drink" not in found.ids)
    refuse_shared(without, "tid2013", "tid2013", pristine)


def test_a_database_s_references_are_photographs_of_its_family():
    assert photographs.of_database("pocket").families == {"pocket"}
    found = load("pocket")
    assert len(found) == 72
    assert found.load(0).shape == (128, 128, 3)
