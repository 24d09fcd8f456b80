"""The page's table of restorers: means by hand, commands, what is malformed."""

import json

import pytest

from jiqa.errors import InputError
from jiqa.results.restorers import section

HEADER = "id,content_id,distortion,level,psnr,ssim,restored_psnr,restored_ssim,map_correlation\n"
ROWS = """a_1,a,jpeg,1,30,0.9,32,0.95,0.5
a_2,a,jpeg,2,20,0.5,21,0.55,
b_1,b,blur,1,25,0.7,24,0.65,
"""


@pytest.fixture
def stage(tmp_path):
    folder = tmp_path / "stages" / "restore-0"
    folder.mkdir(parents=True)
    (folder / "restored.csv").write_text(HEADER + ROWS)
    facts = {
        "command": "python -m x",
        "steps": 700,
        "model": {"name": "unet", "multitask": False},
        "fit": {"ssim_weight": 1.0},
    }
    (folder / "stage.json").write_text(json.dumps(facts))
    return folder


def test_means_are_of_each_type_and_of_all(stage, tmp_path):
    lines = section(tmp_path).splitlines()
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[2:5]]
    name, steps = "single-task (1)", "700"
    assert cells == [
        [name, steps, "jpeg", "2", "25.00", "26.50", "0.700", "0.750", "0.50"],
        [name, steps, "blur", "1", "25.00", "24.00", "0.700", "0.650", "-"],
        [name, steps, "all", "3", "25.00", "25.67", "0.700", "0.717", "0.50"],
    ]
    assert lines[-1] == "1. `python -m x`"


def test_a_map_left_out_of_the_loss_is_not_judged(stage, tmp_path):
    facts = json.loads((stage / "stage.json").read_text()) | {"fit": {"ssim_weight": 0.0}}
    (stage / "stage.json").write_text(json.dumps(facts))
    last = [line.split("|")[-2].strip() for line in section(tmp_path).splitlines()[2:5]]
    assert last == ["-", "-", "-"]


def test_without_restorers_there_is_nothing_to_say(tmp_path):
    assert section(tmp_path) == ""


@pytest.mark.parametrize(
    ("file", "text", "message"),
    [
        ("restored.csv", HEADER, "restored.csv: expected rows with distortion, psnr"),
        ("restored.csv", "id,psnr\na,1\n", "restored.csv: expected rows with distortion, psnr"),
        ("stage.json", "{}", "stage.json: found no 'model', expected the facts of a restorer"),
    ],
)
def test_what_is_malformed_is_named(stage, tmp_path, file, text, message):
    (stage / file).write_text(text)
    with pytest.raises(InputError, match=message):
        section(tmp_path)
