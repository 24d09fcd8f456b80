"""The notebook for Colab: cells parse, and each kind of runtime installs its JAX."""

import ast
import json
import subprocess
from pathlib import Path

import pytest

LAUNCH = Path(__file__).resolve().parent.parent / "launch"
SHELL = ("!", "%")


@pytest.fixture(scope="module")
def cells():
    """The lines of each cell of code."""
    notebook = json.loads((LAUNCH / "colab.ipynb").read_text(encoding="utf-8"))
    return ["".join(c["source"]).split("\n") for c in notebook["cells"] if c["cell_type"] == "code"]


def python(cell):
    """A cell without its commands."""
    return "\n".join("" if line.startswith(SHELL) else line for line in cell)


def test_cells_are_python_and_shell(cells):
    assert len(cells) == 4
    commands = [line[1:] for cell in cells for line in cell if line.startswith(SHELL)]
    assert len(commands) == 7
    for cell in cells:
        ast.parse(python(cell))
    subprocess.run(["bash", "-n", "-c", "\n".join(commands)], check=True)


@pytest.mark.parametrize(
    ("environment", "files", "expected"),
    [
        ({}, ["/dev/accel0", "/dev/accel3"], "jax[tpu]"),
        ({"TPU_ACCELERATOR_TYPE": "v5litepod-1"}, [], "jax[tpu]"),
        ({}, ["/dev/vfio/0"], "jax[tpu]"),
        ({"COLAB_GPU": "1"}, ["/dev/nvidia0"], "jax[cuda12]"),
        ({"HOME": "/root"}, [], "jax"),
    ],
)
def test_the_runtime_is_found_out(cells, environment, files, expected, monkeypatch):
    monkeypatch.setattr("os.environ", environment)
    monkeypatch.setattr("glob.glob", lambda pattern: [f for f in files if f[:8] == pattern[:8]])
    found = {}
    exec(python(cells[0]), found)
    assert found["JAX"] == expected
    assert found["requirement"](environment, files) == expected


def test_what_is_installed_is_what_is_locked(cells):
    (line,) = [line for cell in cells for line in cell if " pip install " in line]
    assert line.endswith("-c requirements.lock '{JAX}' '.[train,report]'")
    on_tpus = (LAUNCH / "tpu_vm.sh").read_text()
    assert "-c requirements.lock 'jax[tpu]' '.[train,report]'" in on_tpus
    locked = (LAUNCH.parent / "requirements.lock").read_text()
    assert "\njax==" in locked
