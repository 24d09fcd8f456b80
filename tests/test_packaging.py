"""Packaging: the wheel, the lock, the launchers and the README's commands."""

import csv
import json
import os
import re
import socket
import subprocess
import sys
import sysconfig
import tomllib
import zipfile
from pathlib import Path

import numpy as np
import pytest
from packaging.requirements import Requirement
from PIL import Image

import jiqa.main

ROOT = Path(__file__).resolve().parent.parent
SMALL = (
    "--config.data.database=biq2021",
    "--config.data.config=sample",
    "--config.protocol.n=1",
    "--config.protocol.test=0.1",
    "--config.view.crop=32",
    "--config.scores.fit.epochs=1",
    "--config.scores.fit.batch_size=8",
)


def run(command, cwd, **environment):
    """Output of a command, without the clone on its path and with one device per process."""
    keep = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"}
    done = subprocess.run(
        [str(word) for word in command],
        cwd=cwd,
        env={**keep, "JAX_NUM_CPU_DEVICES": "1", **environment},
        text=True,
        capture_output=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    """Wheel built from the source archive, as for a release."""
    out = tmp_path_factory.mktemp("dist")
    run([sys.executable, "-m", "build", "--no-isolation", "--outdir", out, ROOT], cwd=out)
    return next(out.glob("*.whl"))


@pytest.fixture(scope="module")
def scripts(wheel, tmp_path_factory):
    """The scripts of an environment with the wheel and, from here, what it depends on."""
    folder = tmp_path_factory.mktemp("environment")
    run([sys.executable, "-m", "venv", folder], cwd=folder)
    python = folder / "bin" / "python"
    run([python, "-m", "pip", "install", "--no-deps", "--no-index", wheel], cwd=folder)
    site = run([python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"], cwd=folder)
    paths = {sysconfig.get_path("purelib"), sysconfig.get_path("platlib")}
    Path(site.strip(), "dependencies.pth").write_text("\n".join(paths))
    return python.parent


@pytest.fixture(scope="module")
def prepared(scripts, tmp_path_factory):
    """A release of 20 images in BIQ2021's layout, prepared by the installed `jiqa`."""
    release = tmp_path_factory.mktemp("release")
    (release / "Images").mkdir()
    rng = np.random.default_rng(0)
    names = [f"ss01 ({number}).jpg" for number in range(1, 21)]
    for name in names:
        pixels = rng.integers(0, 256, (80, 80, 3), np.uint8)
        Image.fromarray(pixels).save(release / "Images" / name)
    for part, rows in (("Train", names[:16]), ("Test", names[16:])):
        with (release / f"{part} (Images and MOS).csv").open("w", newline="") as file:
            table = csv.writer(file)
            table.writerow(["Image Name", "MOS", "", ""])
            table.writerows([name, f"{rng.random():.4f}", "", ""] for name in rows)
    data_dir = tmp_path_factory.mktemp("prepared")
    command = [scripts / "jiqa", "prepare", "biq2021", "--config=sample", f"--manual_dir={release}"]
    run(command, cwd=data_dir, JIQA_DATA_DIR=str(data_dir))
    return data_dir


def predictions(folder):
    """Image id -> prediction, of a run with one split."""
    (path,) = folder.rglob("predictions.csv")
    with path.open(newline="") as file:
        return {row["id"]: float(row["prediction"]) for row in csv.DictReader(file)}


def test_wheel_holds_one_package_with_builders_and_configs(wheel):
    names = set(zipfile.ZipFile(wheel).namelist())
    assert {name.split("/")[0].partition("-")[0] for name in names} == {"jiqa"}
    for source in ("configs", "tfds_builders"):
        files = {path.relative_to(ROOT).as_posix() for path in (ROOT / source).rglob("*.py")}
        expected = {f"jiqa/{file}" for file in files if not file.endswith("_test.py")}
        assert expected == {n for n in names if n.startswith(f"jiqa/{source}/") and n[-3:] == ".py"}
    assert any(name.endswith("licenses/LICENSE") for name in names)


def test_installed_wheel_lists_databases_from_an_empty_folder(scripts, tmp_path):
    where = run([scripts / "python", "-c", "import jiqa; print(jiqa.__file__)"], cwd=tmp_path)
    assert Path(where.strip()).is_relative_to(scripts.parent)
    listed = run([scripts / "jiqa", "prepare", "--list"], cwd=tmp_path)
    assert "biq2021" in listed
    assert "pocket" in listed


@pytest.mark.slow
def test_installed_wheel_trains_and_two_processes_agree_with_one(scripts, prepared, tmp_path):
    alone, launched = tmp_path / "alone", tmp_path / "launched"
    config = "--config=configs/iqa_nrtl.py"
    where = {"cwd": tmp_path, "JIQA_DATA_DIR": str(prepared)}
    run([scripts / "python", "-m", "jiqa.main", config, *SMALL, f"--workdir={alone}"], **where)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    path = f"{scripts}{os.pathsep}{os.environ['PATH']}"
    launcher = [ROOT / "launch" / "local.sh", 2, config, *SMALL, f"--workdir={launched}"]
    run(launcher, PATH=path, PORT=port, **where)
    one, two = predictions(alone), predictions(launched)
    assert len(one) == 2
    assert one == pytest.approx(two, abs=1e-3)


def test_lock_names_no_host_and_meets_every_bound():
    text = (ROOT / "requirements.lock").read_text()
    assert not re.search(r"://|file:|@|--", text.split("\n", 2)[2])
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extras = project["optional-dependencies"]
    pins = [Requirement(line) for line in text.splitlines() if not line.startswith("#")]
    locked = ("train", "report", "dev", "docs")
    wanted = [*project["dependencies"], *(bound for extra in locked for bound in extras[extra])]
    for bound in map(Requirement, wanted):
        name = bound.name.lower().replace("_", "-")
        versions = [str(pin.specifier).removeprefix("==") for pin in pins if pin.name == name]
        assert versions, f"{name} is not locked"
        assert all(version in bound.specifier for version in versions), name


def test_continuous_integration_runs_the_second_command():
    readme = (ROOT / "README.md").read_text()
    commands = re.findall(r"^python3 -m venv .*$", readme, re.MULTILINE)
    assert len(commands) == 2
    steps = (ROOT / ".ci" / "run").read_text()
    for step in commands[1].split(" && "):
        assert step in steps


@pytest.mark.parametrize("name", ["colab.ipynb", "local.sh", "slurm.sh", "tpu_vm.sh"])
def test_launcher_parses_and_gives_flags_that_main_has(name):
    path = ROOT / "launch" / name
    text = path.read_text()
    if path.suffix == ".ipynb":
        cells = json.loads(text)["cells"]
        text = "".join(line for cell in cells for line in cell["source"])
    else:
        assert os.access(path, os.X_OK)
        run(["bash", "-n", path], cwd=ROOT)
    (command,) = re.findall(r"^[^#\n]*-m jiqa\.main((?:.*\\\n)*.*)", text, re.MULTILINE)
    given = set(re.findall(r"--([a-z_]+)", command))
    assert given
    assert given <= set(jiqa.main.flags.FLAGS)
