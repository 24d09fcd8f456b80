"""Rooms: imports point downwards, none is hidden in a function, and `files` alone writes."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent

# Top to bottom; a room imports only from lower lines, and from its own modules.
ORDER = (
    ("main", "cli"),
    ("experiment", "configs"),
    ("tasks",),
    ("train",),
    ("results",),
    ("tfds_builders",),  # each builder is found by its name, from `databases`
    ("databases",),
    ("data", "metrics"),
    ("weights",),
    ("models",),
    ("ops",),
    ("images",),
    ("files",),
    ("errors",),
    ("interrupt",),
)
LEVEL = {room: len(ORDER) - i for i, rooms in enumerate(ORDER) for room in rooms}


def modules():
    """Dotted name -> path of every module that the package carries, tests of builders left out."""
    found = {}
    for folder, name in (
        ("jiqa", "jiqa"),
        ("configs", "jiqa.configs"),
        ("tfds_builders", "jiqa.tfds_builders"),
    ):
        for path in sorted((ROOT / folder).rglob("*.py")):
            if not path.name.endswith(("_test.py", "testing.py")):
                parts = path.relative_to(ROOT / folder).with_suffix("").parts
                found[".".join([name, *(p for p in parts if p != "__init__")])] = path
    return found


def imports(path):
    """(dotted name, line, whether at the top of the module) of every import."""
    tree = ast.parse(path.read_text())
    hidden = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            hidden |= {id(inner) for inner in ast.walk(node)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            names = [f"{node.module}.{alias.name}" for alias in node.names]
        else:
            continue
        for name in names:
            yield name, node.lineno, id(node) not in hidden


def room(name):
    """The room of a dotted name of the package; '' for the package itself."""
    return ([*name.split("."), ""])[1]


ARROWS = [
    (module, name, f"{path.relative_to(ROOT)}:{line}", top)
    for module, path in modules().items()
    for name, line, top in imports(path)
    if name.split(".")[0] == "jiqa" and room(module) and room(name) and room(module) != room(name)
]


def test_every_room_has_its_place():
    assert {room(name) for name in modules()} - {""} == set(LEVEL)


@pytest.mark.parametrize("module", sorted({arrow[0] for arrow in ARROWS}))
def test_imports_point_downwards(module):
    upwards = [
        f"{place} imports {name}"
        for source, name, place, _ in ARROWS
        if source == module and LEVEL.get(room(name), 0) >= LEVEL[room(module)]
    ]
    assert not upwards


def test_deferred_imports_of_our_own_are_the_entry_points_alone():
    """Only the command line and `import jiqa` defer imports of slow rooms."""
    deferred = {module for module, _, _, top in ARROWS if not top}
    assert {room(module) for module in deferred} <= {"cli", "main"}
    assert "jiqa" not in {room(module) for module in deferred}


def test_no_room_is_in_a_cycle_with_another():
    pairs = {(room(a), room(b)) for a, b, _, _ in ARROWS}
    assert not {pair for pair in pairs if pair[::-1] in pairs}
