import subprocess
import sys

import pytest

import jiqa.databases
from jiqa.cli import main


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--config=configs/none.py"], "--config: found no file configs/none.py"),
        (
            ["--config=configs/iqa_nrtl.py", "--config.view.cropp=3"],
            "no such field in the config: 'cropp' Did you mean \"crop\"",
        ),
        (
            ["--config=configs/iqa_nrtl.py", "--config.veiw.crop=3"],
            "no such field in the config: 'veiw' Did you mean \"view\"",
        ),
        (["--config=configs/ridge.py:weights=none.npz"], "none.npz: no such file"),
    ],
)
def test_bad_input_is_one_line_and_a_status(arguments, message, tmp_path):
    """Runs in an empty folder, so that the packaged config is used."""
    ended = subprocess.run(
        [sys.executable, "-m", "jiqa.main", *arguments],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 2
    lines = ended.stderr.strip().splitlines()
    assert lines[-1].startswith("jiqa: error: ")
    assert message in lines[-1]
    assert "Traceback" not in ended.stderr


def test_an_extra_that_is_not_installed_is_named(monkeypatch, capsys):
    monkeypatch.delattr(jiqa.databases, "prepare", raising=False)
    monkeypatch.setitem(sys.modules, "jiqa.databases.prepare", None)
    assert main.main(["prepare", "--list"]) == 1
    assert "pip install 'jiqa[train,report]'" in capsys.readouterr().err
