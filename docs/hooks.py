"""Fills pages from the package when the site is built.

In a page, the line `<!-- generated: NAME -->` is replaced by the text of the function in
`GENERATED` with this name. `CONTRIBUTING.md` and `CHANGELOG.md` of the top level become pages.
"""

import ast
import importlib
import inspect
import re
from pathlib import Path
from typing import Any

import jiqa
from jiqa.data.distort import FAMILIES
from jiqa.databases.prepare import DATABASES
from jiqa.metrics.registry import METRICS
from jiqa.results import tables
from jiqa.results.summary import markdown

DOCS = Path(__file__).resolve().parent
ROOT = DOCS.parent
MARK = re.compile(r"^<!-- generated: (\w+) -->$", re.MULTILINE)
# Page of the site -> file of the top level.
TOP_LEVEL = {
    "index.md": "README.md",
    "contributing.md": "CONTRIBUTING.md",
    "changelog.md": "CHANGELOG.md",
}
LINK = re.compile(r"\[([^\]]+)\]\((?:\.\./|docs/)*([^)#:]+)(#[^)]*)?\)")
KINDS = {"fr": "full-reference", "nr": "no-reference"}


def metrics() -> str:
    """Table of every metric, then the paper of each."""
    header = ("metric", "kind", "better", "range", "smallest side", "gradient", "note")
    rows, papers = [], {}
    for name, entry in sorted(METRICS.items()):
        low, high = ("" if bound is None else f"{bound:g}" for bound in entry.score_range)
        rows.append(
            [
                f"`{name}`",
                KINDS[entry.kind],
                "lower" if entry.lower_better else "higher",
                f"{low} to {high}" if low or high else "no bounds",
                f"{entry.least}",
                "yes" if entry.differentiable else "no",
                entry.note,
            ]
        )
        papers.setdefault(entry.paper, []).append(f"`{name}`")
    listed = [f"- {', '.join(names)}: {paper}" for paper, names in papers.items()]
    return "\n".join([markdown(header, rows), "## Papers of the metrics", "", *listed])


def databases() -> str:
    """Table of every database, then a section with the terms of each and where to get it."""
    rows, sections = [], []
    for name, module in DATABASES.items():
        facts: Any = importlib.import_module(module).Builder.facts
        low, high = facts.score_range
        better = "higher" if facts.higher_better else "lower"
        score = f"`{facts.score}`, {low:g} to {high:g}, {better} is better" if facts.score else "-"
        rows.append([f"[`{name}`](#{name})", facts.summary, score, facts.licence])
        addresses = "".join(f"\n    - {archive.url}" for archive in facts.archives)
        get = facts.get or f"`jiqa prepare {name}`"
        if addresses:
            get += f" downloads:\n{addresses}"
        sections.append(
            f"### {name}\n\n- Holds: {facts.summary}\n- Licence: {facts.licence}\n"
            f"- Terms: {facts.terms}\n- Page: {facts.source}\n- To get it: {get}\n"
        )
    header = ("database", "holds", "score", "licence")
    return "\n".join([markdown(header, rows), "## Terms, and where to get each", "", *sections])


def distortions() -> str:
    """Table of each family of distortions."""
    lines = []
    for family, kinds in FAMILIES.items():
        rows = [[f"`{family}/{name}`", kind.nearness] for name, kind in kinds.items()]
        lines += [f"## {family}", "", markdown(("name", "compared with the original"), rows)]
    return "\n".join(lines)


def papers() -> str:
    """Table of the papers' tables."""
    rows = [line.split(maxsplit=1) for line in tables.overview().splitlines()]
    return markdown(("table", "title"), [[f"`{name}`", title] for name, title in rows])


def api() -> str:
    """Public functions and classes of each module, with the first lines of their docstrings."""
    sections = []
    for package in sorted(path.parent for path in (ROOT / "jiqa").rglob("__init__.py")):
        room = package.relative_to(ROOT).as_posix().replace("/", ".")
        lines = []
        for path in sorted(package.glob("*.py")):
            module = room if path.stem == "__init__" else f"{room}.{path.stem}"
            rows = _public(ast.parse(path.read_text(encoding="utf-8")))
            if rows:
                lines += [f"**`{module}`**", "", markdown(("name", "gives"), rows)]
        if lines:
            sections += [f"### {room}", "", *lines]
    return "\n".join(sections)


def public() -> str:
    """Names of `jiqa.__all__` with their docstrings."""
    sections = []
    for name in jiqa.__all__:
        thing = getattr(jiqa, name)
        text = _signed(name, thing)
        if inspect.isclass(thing):
            text += f"\n\n{_signed('__call__', thing.__call__)}"
        sections.append(f"## {name}\n\n```text\n{text}\n```\n")
    return "\n".join(sections)


def _signed(name: str, thing: Any) -> str:
    """Name and arguments of a class or function, then its docstring."""
    signature = inspect.signature(thing).replace(return_annotation=inspect.Signature.empty)
    return f"{name}{signature}\n\n{inspect.getdoc(thing)}"


def _public(module: ast.Module) -> list[list[str]]:
    """[signature, first lines of the docstring] of what a module defines for others."""
    rows = []
    for node in module.body:
        if not isinstance(node, ast.FunctionDef | ast.ClassDef) or node.name.startswith("_"):
            continue
        shown = node.name
        if isinstance(node, ast.FunctionDef):
            arguments = node.args
            names = [argument.arg for argument in (*arguments.posonlyargs, *arguments.args)]
            names += [f"{argument.arg}=" for argument in arguments.kwonlyargs]
            shown += f"({', '.join(names)})"
        rows.append(
            [f"`{shown}`", (ast.get_docstring(node) or "").partition("\n\n")[0].replace("\n", " ")]
        )
    return rows


GENERATED = {
    "api": api,
    "databases": databases,
    "distortions": distortions,
    "metrics": metrics,
    "papers": papers,
    "public": public,
}


def fill(text: str) -> str:
    """The text of a page with its marks replaced.

    Raises:
        KeyError: a mark with a name that is not in `GENERATED`.
    """
    return MARK.sub(lambda mark: GENERATED[mark[1]](), text)


def on_files(files: Any, config: Any) -> Any:
    """Called by MkDocs: adds the pages of the top level."""
    from mkdocs.structure.files import File  # the tests of this module do without

    for page, name in TOP_LEVEL.items():
        files.append(File.generated(config, page, content=(ROOT / name).read_text("utf-8")))
    return files


def on_page_markdown(text: str, **_: Any) -> str:
    """Called by MkDocs: fills a page, and mends its links."""
    return LINK.sub(_linked, fill(text))


def _linked(link: re.Match[str]) -> str:
    """A link as the site has it: only its words where its file is no page of the site."""
    words, target, anchor = link.groups()
    pages = {name: page for page, name in TOP_LEVEL.items()}
    if target in pages:
        return f"[{words}]({pages[target]}{anchor or ''})"
    return f"[{words}]({target}{anchor or ''})" if (DOCS / target).is_file() else words
