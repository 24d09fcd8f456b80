"""Rooms: imports point downwards, none is hidden in a function, and `files` alone writes."""

import ast
import re
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


# Imports within functions: module -> what it imports there, and why.
DEFERRED = {
    # `import jiqa` is quick: metrics come at their first use.
    "jiqa": {"jiqa.metrics.metric"},
    # Commands answer --help, and refuse wrong arguments, before JAX and databases are imported.
    "jiqa.main": {"jiqa.experiment.run"},
    "jiqa.cli.compare": {"jiqa.results.compare"},
    "jiqa.cli.distort": {"jiqa.cli.sheet"},
    "jiqa.cli.fit": {"jiqa.files.write_npz", "jiqa.tasks.parameters"},
    "jiqa.cli.prepare": {"jiqa.databases.prepare"},
    "jiqa.cli.restore": {"jiqa.cli.restoring", "jiqa.metrics.given"},
    "jiqa.cli.score": {"jiqa.cli.rows", "jiqa.cli.scoring", "jiqa.metrics.given"},
    "jiqa.cli.tables": {
        "jiqa.configs.runs.RUNS",
        "jiqa.experiment.reproduce",
        "jiqa.results.collect",
        "jiqa.results.pages",
        "jiqa.results.predictions.read_predictions",
        "jiqa.results.record",
        "jiqa.results.tables",
    },
    # Metrics are scored without the libraries of training.
    "jiqa.cli.scoring": {"jiqa.experiment.trained_metric.TrainedMetric"},
    # Figures of predictions are computed without tensorflow-datasets.
    "jiqa.results.cells": {"jiqa.results.database_facts.fact"},
}
# Calls that write to a file other than by `jiqa.files`, and why.
WRITES = {
    # A download is continued where it broke off.
    ("jiqa.databases.download", "part.open('ab' if begin else 'wb')"),
    ("jiqa.databases.download", "files.part(path)"),
    # A log grows row by row; it is written anew by `files.writing` before.
    ("jiqa.train.log", "path.open('a', newline='')"),
}


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


def test_deferred_imports_of_our_own_are_those_listed():
    found = {}
    for module, path in modules().items():
        for name, _, top in imports(path):
            if name.split(".")[0] == "jiqa" and not top:
                found.setdefault(module, set()).add(name)
    assert found == DEFERRED


def test_imports_of_our_own_are_absolute():
    relative = [
        f"{path.relative_to(ROOT)}:{node.lineno}"
        for path in modules().values()
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.ImportFrom) and node.level > 0
    ]
    assert not relative


def writes(text):
    """Source of each call in a module that writes to a file, or names its .part, by itself.

    Writing to NAME within `with writing(...) as NAME` is left out, and to a file opened there.
    """
    tree = ast.parse(text)
    safe = {
        item.optional_vars.id
        for node in ast.walk(tree)
        if isinstance(node, ast.With)
        for item in node.items
        if isinstance(item.optional_vars, ast.Name)
        and ast.unparse(item.context_expr).startswith(("writing(", "files.writing("))
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and str(node.value).endswith(".part"):
            yield ast.unparse(node)
        if isinstance(node, ast.ImportFrom) and node.module == "jiqa.files":
            yield from (name.name for name in node.names if name.name == "part")
        if isinstance(node, ast.Call) and _opens(node) and _owner(node) not in safe:
            yield ast.unparse(node)


def _opens(call):
    """Whether a call writes a file: `open` in a mode that writes, `write_text`, `files.part`."""
    name = getattr(call.func, "attr", getattr(call.func, "id", ""))
    if name in ("write_text", "write_bytes", "part"):
        return isinstance(call.func, ast.Attribute) and (_owner(call) == "files") == (
            name == "part"
        )
    modes = [
        inner.value
        for argument in [*call.args[:2], *(k.value for k in call.keywords if k.arg == "mode")]
        for inner in ast.walk(argument)
        if isinstance(inner, ast.Constant) and isinstance(inner.value, str)
    ]
    return name == "open" and any(re.fullmatch("[rbt]*[wax+][bt+]*", mode) for mode in modes)


def _owner(call):
    """`path` of the call `path.open(...)` and of `open(path, ...)`."""
    if isinstance(call.func, ast.Attribute):
        return ast.unparse(call.func.value)
    return ast.unparse(call.args[0]) if call.args else ""


@pytest.mark.parametrize(
    "text",
    [
        'open(path, "w")',
        'open(path, mode="xb")',
        '(folder / "a").open("wb")',
        'path.open("r+")',
        "path.write_text(text)",
        "path.write_bytes(data)",
        'path.with_name("a.part")',
        'folder / f"{name}.part"',
        "files.part(path)",
        "from jiqa.files import part",
    ],
)
def test_writes_are_found(text):
    assert list(writes(text))


@pytest.mark.parametrize(
    "text",
    [
        'with writing(path) as new, new.open("w") as file: pass',
        "files.write_text(path, text)",
        'path.open("rb")',
        'path.open(newline="")',
        "Image.open(path)",
        "sampling.part(batch, shard)",
    ],
)
def test_reads_and_atomic_writes_are_not(text):
    assert not list(writes(text))


def test_files_alone_writes_files():
    found = {
        (module, call)
        for module, path in modules().items()
        if room(module) != "files"
        for call in writes(path.read_text())
    }
    assert found == WRITES


def test_no_room_is_in_a_cycle_with_another():
    pairs = {(room(a), room(b)) for a, b, _, _ in ARROWS}
    assert not {pair for pair in pairs if pair[::-1] in pairs}
