"""The version is written once; what cites, logs and runs the project agrees with it."""

import re
import tomllib
from pathlib import Path

import yaml

import jiqa

ROOT = Path(__file__).resolve().parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())


def test_the_version_comes_from_the_package():
    assert "version" not in PROJECT["project"]
    assert PROJECT["project"]["dynamic"] == ["version"]
    assert PROJECT["tool"]["hatch"]["version"] == {"path": "jiqa/__init__.py"}
    assert re.fullmatch(r"\d+\.\d+\.\d+", jiqa.__version__)


def test_changelog_and_citation_name_the_version_and_its_day():
    log = (ROOT / "CHANGELOG.md").read_text()
    released = re.findall(r"^## (\d+\.\d+\.\d+) - (\d{4}-\d\d-\d\d)$", log, re.MULTILINE)
    assert released == sorted(released, key=lambda release: release[1], reverse=True)
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text())
    assert released[0] == (citation["version"], citation["date-released"])
    assert citation["version"] == jiqa.__version__
    assert citation["license"] == PROJECT["project"]["license"]
    assert citation["authors"] == PROJECT["project"]["authors"]
    assert {"cff-version", "message", "title", "authors"} <= citation.keys()


def test_the_workflow_runs_what_has_to_pass():
    workflow = yaml.safe_load((ROOT / ".github" / "workflows" / "ci.yml").read_text())
    steps = [step for job in workflow["jobs"].values() for step in job["steps"]]
    assert ".ci/run" in [step.get("run") for step in steps]
    versions = workflow["jobs"]["run"]["strategy"]["matrix"]["python"]
    supported = [
        name.rpartition(" ")[2]
        for name in PROJECT["project"]["classifiers"]
        if name.startswith("Programming Language :: Python :: 3.")
    ]
    assert versions == supported
    commands = (ROOT / ".ci" / "run").read_text()
    assert "--cov" in commands
    tested = re.findall(r'pytest -n 2 --dist loadfile -m "(.*?)"', commands)
    assert tested == ["not slow", "slow and not long"]  # together all but `long`


def test_three_commands_are_for_contributors():
    text = (ROOT / "CONTRIBUTING.md").read_text()
    commands = text.split("```")[1].strip().splitlines()
    assert len(commands) == 3
    lock = "pip install -c requirements.lock -e '.[train,report,dev]'"
    assert lock in commands[0]
    assert lock in (ROOT / ".ci" / "run").read_text()
    assert commands[1:] == ['pytest -n 2 --dist loadfile -m "not slow"', ".ci/run"]


def test_templates_have_what_the_page_for_new_issues_needs():
    templates = sorted((ROOT / ".github" / "ISSUE_TEMPLATE").glob("*.md"))
    assert len(templates) == 3
    for path in templates:
        head = yaml.safe_load(path.read_text().split("---\n")[1])
        assert head.keys() == {"name", "about", "labels"}
    assert (ROOT / ".github" / "pull_request_template.md").is_file()
