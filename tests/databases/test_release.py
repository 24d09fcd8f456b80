"""Files of a release are read as they are, or named in one line."""

import numpy as np
import pytest
from scipy.io import savemat

from jiqa.databases import release
from jiqa.errors import InputError
from jiqa.tfds_builders import testing


def test_images_are_found_in_any_case_and_nothing_else(tmp_path):
    for file in ("Pictures/A.JPG", "Pictures/sub/b.png", "Pictures/._b.png", "Pictures/Thumbs.db"):
        testing.write_picture(tmp_path / file)
    files = release.images(tmp_path / "pictures")
    assert set(files) == {"a.jpg", "sub/b.png"}
    found = release.find(files, "a.JPG", tmp_path, "table")
    assert found == tmp_path / "Pictures" / "A.JPG"
    with pytest.raises(InputError, match=r"c\.jpg: not found, expected as table lists it"):
        release.find(files, "c.jpg", tmp_path, "table")


def test_names_that_differ_in_case_only_are_refused(tmp_path):
    for name in ("a.png", "A.png"):
        testing.write_picture(tmp_path / name)
    with pytest.raises(InputError, match=r"a\.png: found A\.png as well, expected one of them"):
        release.images(tmp_path)


def test_missing_file_is_named_with_what_was_expected(tmp_path):
    with pytest.raises(InputError, match="none/images: not found, expected a folder of images"):
        release.images(tmp_path / "none" / "images")


def test_table_keeps_commas_and_lines_in_quotes_and_counts_lines(tmp_path):
    path = tmp_path / "Table.csv"
    path.write_bytes(b'\xef\xbb\xbfprompt,name,mos\r\n"a, b\r\nc",1.png,2\r\n\r\nd,2.png,3\r\n')
    rows = list(release.table(tmp_path / "table.CSV", "name", "prompt"))
    assert rows == [
        (f"{path}, line 3", {"name": "1.png", "prompt": "a, b\r\nc"}),
        (f"{path}, line 5", {"name": "2.png", "prompt": "d"}),
    ]


def test_a_table_may_have_columns_without_a_name_at_its_end(tmp_path):
    """As BIQ2021's have, whose rows end in two commas."""
    path = tmp_path / "a.csv"
    path.write_text("Image Name,MOS,,\na.jpg,0.83,,\nb.jpg,0.5\n")
    rows = [row for _, row in release.table(path, "Image Name", "MOS")]
    assert rows == [
        {"Image Name": "a.jpg", "MOS": "0.83"},
        {"Image Name": "b.jpg", "MOS": "0.5"},
    ]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("name,MOS\na.jpg,0,83\n", r"line 2: expected name,MOS, found 'a.jpg,0,83'"),
        ("name,MOS,,\na.jpg,0,83,\n", r"line 2: expected name,MOS, found 'a.jpg,0,83,'"),
        ("name,MOS,set\na.jpg,1\n", r"line 2: expected name,MOS,set, found 'a.jpg,1'"),
        ("name,MOS\na.jpg,1\n\nb.jpg\n", r"line 4: expected name,MOS, found 'b.jpg'"),
        ("name,MOS,MOS\na.jpg,1,2\n", "expected a column MOS, found it twice in the header"),
        (f"name,MOS\n{'x' * 131_073},1\n", "line 2: field larger than field limit"),
        (f"name,MOS\n{'x' * 131_073}\n", "line 2: field larger than field limit"),
        (f"name,MOS\n{'x' * 9_999}\n", r"line 2: expected name,MOS, found 'x{200}\.\.\.'"),
    ],
)
def test_a_row_with_other_fields_than_the_header_is_named(tmp_path, text, message):
    path = tmp_path / "a.csv"
    path.write_text(text)
    with pytest.raises(InputError, match=f"{path}.*{message}"):
        list(release.table(path, "name", "MOS"))


def test_a_sheet_row_with_something_beside_its_columns_is_named(tmp_path):
    path = tmp_path / "scores.xlsx"
    testing.write_xlsx(path, "all", [["name", "mos"], ["a.png", 0, 83]])
    with pytest.raises(InputError, match=r"line 2: expected name,mos, found 'a.png,0.0,83.0'"):
        list(release.sheet(path, "", "name", "mos"))


@pytest.mark.parametrize("value", ["0,83", "1_0", "", "nan", True, "one\ntwo"])
def test_what_is_no_number_is_named_in_one_line(value):
    with pytest.raises(InputError, match=r"^scores\.csv, line 3: expected a") as error:
        release.number(value, "scores.csv, line 3", "MOS", (0, 100))
    assert "\n" not in str(error.value)


def test_sheet_is_found_by_name_or_first_and_counts_its_own_lines(tmp_path):
    path = tmp_path / "scores.xlsx"
    testing.write_xlsx(path, "all", [["name", "mos"], ["a.png", 1.5]], corner="B3")
    for name, at in (("all", f"{path}, all, line 4"), ("", f"{path}, line 4")):
        assert list(release.sheet(path, name, "mos")) == [(at, {"mos": 1.5})]


def test_mat_gives_flat_numbers_and_text(tmp_path):
    path = tmp_path / "a.mat"
    savemat(path, {"score": [[1.5, 2.5]], "name": testing.cells("a.bmp", "b.bmp")})
    scores, names = release.mat(path, "score", "name")
    np.testing.assert_array_equal(scores, [1.5, 2.5])
    assert names.tolist() == ["a.bmp", "b.bmp"]


@pytest.mark.parametrize("stored", [b"", b"text", b"MATLAB 7.3 MAT-file" + bytes(107) + b"\0\2IM"])
def test_mat_of_another_version_or_none_is_named(stored, tmp_path):
    (tmp_path / "a.mat").write_bytes(stored)
    with pytest.raises(InputError, match=r"a\.mat: .*expected a whole MATLAB file to version 7"):
        release.mat(tmp_path / "a.mat", "score")


def test_truncated_mat_is_named(tmp_path):
    path = tmp_path / "a.mat"
    savemat(path, {"score": np.arange(100.0)}, do_compression=True)
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(InputError, match=r"a\.mat: .*expected a whole MATLAB file"):
        release.mat(path, "score")


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ("x", "line 1: expected a number for MOS, found 'x'"),
        (None, "expected a number for MOS, found 'None'"),
        ("nan", "line 1: expected a MOS from 0 to 9, found nan"),
        (9.5, "expected a MOS from 0 to 9, found 9.5"),
    ],
)
def test_number_outside_its_limits_is_named(value, message):
    with pytest.raises(InputError, match=message):
        release.number(value, "line 1", "MOS", (0.0, 9.0))
