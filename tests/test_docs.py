"""README and docs: code blocks run or parse, links lead to files, tables have every row."""

import copy
import importlib.util
import re
import shlex
import tomllib
from pathlib import Path
from unittest import mock

import numpy as np
import pytest
import test_house
from absl import flags
from ml_collections import config_flags
from PIL import Image

import jiqa.main
from jiqa.cli import main as cli
from jiqa.databases.prepare import DATABASES
from jiqa.experiment.config import parse
from jiqa.metrics.registry import METRICS

ROOT = Path(__file__).resolve().parent.parent
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]
BLOCK = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
TOY = ROOT / "tests" / "experiment" / "test_adding_a_method.py"
# Page whose code is that of a test, and runs there.
METHOD = "adding_a_method.md"

# Commands of blocks that are run here, by their beginning; all others are parsed.
CHEAP = (
    "jiqa info",
    "jiqa list",
    "jiqa plan",
    "jiqa prepare --list",
    "jiqa score distorted.png",
    "jiqa score photos/ --metric=piqe",
    "jiqa tables iqa_nrtl",
)
# Programs of others in blocks: their arguments are not ours to check.
OTHERS = (".", "cat", "pre-commit", "source")


def blocks(page, *languages):
    """Texts of the blocks in these languages."""
    return [text for language, text in BLOCK.findall(page.read_text()) if language in languages]


def commands(page):
    """Commands of the blocks of a page, each a list of words; pipes and && part them."""
    found = []
    for block in blocks(page, "sh", ""):
        for line in block.replace("\\\n", " ").splitlines():
            words = shlex.shlex(line, posix=True, punctuation_chars="&|")
            words.whitespace_split = True
            command = []
            for word in [*words, "&&"]:
                if word in ("&&", "|"):
                    found += [command] if command else []
                    command = []
                else:
                    command.append(word)
    inline = re.findall(r"`((?:python -m jiqa\.main|pip install) [^`]*)`", page.read_text())
    return found + [shlex.split(" ".join(command.split())) for command in inline]


def named(pages, what):
    """Parameters of a test: what is on the pages, by page and beginning."""
    return [
        pytest.param(*(found if isinstance(found, tuple) else (found,)), id=f"{page.stem}-{i}")
        for page in pages
        for i, found in enumerate(what(page))
    ]


@pytest.fixture(scope="module")
def hooks():
    """The module that fills pages; MkDocs itself is not needed."""
    spec = importlib.util.spec_from_file_location("hooks", ROOT / "docs" / "hooks.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def pictures(tmp_path, monkeypatch):
    """The current folder, with the pictures that the pages name."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "runs").mkdir()
    rng = np.random.default_rng(0)
    reference = np.kron(rng.integers(40, 200, (12, 12, 3)), np.ones((8, 8, 1)))
    for name, noise in (("reference", 0), ("photo", 0), ("distorted", 12), ("photos/a", 20)):
        pixels = np.clip(reference + noise * rng.standard_normal(reference.shape), 0, 255)
        path = tmp_path / f"{name}.png"
        path.parent.mkdir(exist_ok=True)
        Image.fromarray(pixels.astype(np.uint8)).save(path)
    return tmp_path


@pytest.mark.parametrize(
    "page", [page for page in PAGES if page.name != METHOD and blocks(page, "python")], ids=str
)
def test_python_blocks_of_a_page_run_one_after_the_other(page, pictures):
    names = {}
    for block in blocks(page, "python"):
        exec(compile(block, str(page), "exec"), names)


@pytest.mark.parametrize(
    "words", named(PAGES, lambda page: [(command,) for command in commands(page)])
)
def test_commands_of_blocks_are_understood(words, monkeypatch):
    words = words[1:] if words[0] == "python3" else words
    program = Path(words[0]).name
    if program == "jiqa":
        monkeypatch.setattr(cli, "ended", lambda run, unread: 0)
        try:
            assert cli.main(words[1:]) == 0
        except SystemExit:
            pytest.fail(f"jiqa refuses {shlex.join(words)}")
    elif program == "python" and words[1:3] == ["-m", "jiqa.main"]:
        understood(words[3:])
    elif program == "python":
        options_of(ROOT / words[1], words[2:])
    elif program == "pip":
        installs(words[1:])
    elif program in ("mkdocs", "pytest"):
        assert program in (ROOT / ".ci" / "run").read_text()
    elif words[:2] == ["-m", "venv"]:
        assert "python3 -m venv .venv" in (ROOT / ".ci" / "run").read_text()
    elif program == "sbatch" or (ROOT / words[0]).is_file():
        script, *arguments = [word for word in words if not word.startswith("--nodes")][
            program == "sbatch" :
        ]
        assert (ROOT / script).is_file()
        understood([word for word in arguments if word.startswith("--")])
    else:
        assert words[0] in OTHERS, f"{shlex.join(words)}: a program that no page had before"


def understood(arguments):
    """Reads the arguments of `python -m jiqa.main` as it does, and checks the config."""
    if not arguments:  # of .ci/run
        return
    values = flags.FlagValues()
    config = config_flags.DEFINE_config_file("config", None, "", values, lock_config=True)
    for name in ("workdir", "root", "only"):
        values[name] = copy.deepcopy(flags.FLAGS[name])
    resolved = ["jiqa.main", *map(jiqa.main._resolve, arguments)]
    with mock.patch("sys.argv", resolved):  # the fields to override are looked for there
        values(resolved)
    parse(config.value.to_dict())


def options_of(script, words):
    """Refuses options that the source of a script does not name."""
    known = set(re.findall(r'"--(\w+)"', script.read_text()))
    assert {word[2:].partition("=")[0] for word in words if word.startswith("--")} <= known


def installs(words):
    """Refuses an installation without the lock, or of an extra that is not there."""
    assert words[:3] == ["install", "-c", "requirements.lock"]
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    for word in words[3:]:
        own = re.fullmatch(r"\.\[([\w,]+)\]", word)
        assert own or word in ("-e", ".") or word.startswith("jax[")
        assert not own or set(own[1].split(",")) <= set(extras["optional-dependencies"])


@pytest.mark.parametrize(
    "line",
    sorted(
        {
            line
            for page in PAGES
            for line in map(shlex.join, commands(page))
            if line.startswith(CHEAP)
        }
    ),
)
def test_cheap_commands_succeed(line, pictures, capsys):
    assert cli.main(shlex.split(line)[1:]) == 0, capsys.readouterr().err
    assert capsys.readouterr().out


def test_set_up_commands_are_the_first_block_and_those_of_continuous_integration():
    first, second = blocks(ROOT / "README.md", "sh")[0].splitlines()
    assert second.split(" && ")[:2] == [
        "python3 -m venv .venv",
        *re.findall(r"^python3 -m venv \.venv && (.*)$", (ROOT / ".ci" / "run").read_text(), re.M),
    ]
    assert first.startswith(second.split("-e")[0])


@pytest.mark.parametrize("block", blocks(ROOT / "docs" / METHOD, "python"))
def test_code_of_the_page_on_methods_is_that_of_the_toy(block):
    """But for spaces and line breaks, as the formatter sets a method's lines by their indent."""
    assert "".join(block.split()) in "".join(TOY.read_text().split())


def test_page_on_methods_has_the_toy_s_model_task_and_config():
    text = "\n".join(blocks(ROOT / "docs" / METHOD, "python"))
    for start in ("class Toy(", "class ToyConfig(", "class ToyTask(", '"run": "toy"'):
        assert start in text


@pytest.mark.parametrize("page", PAGES, ids=str)
def test_every_block_has_a_language_that_is_checked(page):
    assert {language for language, _ in BLOCK.findall(page.read_text())} <= {
        "",
        "python",
        "sh",
        "text",
    }


@pytest.mark.parametrize("page", [*PAGES, ROOT / "CHANGELOG.md"], ids=str)
def test_links_lead_to_files(page):
    text = BLOCK.sub("", page.read_text())
    targets = re.findall(r"\]\(([^)#\s]+)[^)]*\)", text)
    missing = [t for t in targets if "://" not in t and not (page.parent / t).exists()]
    assert not missing


@pytest.mark.parametrize("page", PAGES, ids=str)
def test_files_named_in_a_page_exist(page):
    rooms = "benchmarks|configs|docs|examples|jiqa|launch|results|tests|tfds_builders"
    named = re.findall(rf"`((?:{rooms})/[\w./]*)`", page.read_text())
    assert not [name for name in named if not (ROOT / name).exists()]


def test_rooms_of_the_page_have_the_order_of_the_imports():
    text = (ROOT / "docs" / "architecture.md").read_text()
    rows = re.findall(r"^\| (`[\w`, ]+`) \|", text, re.MULTILINE)
    assert [tuple(re.findall(r"\w+", row)) for row in rows] == list(test_house.ORDER)


def test_generated_tables_are_whole(hooks):
    metrics, databases = hooks.metrics(), hooks.databases()
    for name, entry in METRICS.items():
        (row,) = [line for line in metrics.splitlines() if line.startswith(f"| `{name}` ")]
        assert entry.note in row
    for name in DATABASES:
        assert f"### {name}\n" in databases
    assert "`create_metric(name, params)`" in hooks.api()


def test_every_mark_is_filled_and_every_text_has_its_mark(hooks):
    marks = [mark for page in PAGES for mark in hooks.MARK.findall(page.read_text())]
    assert sorted(marks) == sorted(hooks.GENERATED)
    assert "<!--" not in hooks.fill("<!-- generated: papers -->")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("[a](docs/devices.md)", "[a](devices.md)"),
        ("[a](../CONTRIBUTING.md#b)", "[a](contributing.md#b)"),
        ("[a](../results/runs.jsonl)", "a"),
        ("[a](metrics.md#parameters)", "[a](metrics.md#parameters)"),
        ("[a](https://doi.org/10)", "[a](https://doi.org/10)"),
    ],
)
def test_links_of_the_site_are_those_of_the_repository(hooks, text, expected):
    assert hooks.on_page_markdown(text) == expected


def test_readme_fits_a_screen_or_three():
    assert len((ROOT / "README.md").read_text().splitlines()) <= 130
