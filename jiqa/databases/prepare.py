"""Databases: their names and folders, and how to build and open them."""

import contextlib
import importlib
import io
import os
import shlex
import shutil
import sys
import textwrap
from pathlib import Path
from typing import TYPE_CHECKING, Any

import tensorflow_datasets as tfds

from jiqa.data import recognise
from jiqa.databases import download
from jiqa.errors import InputError
from jiqa.files import locked

if TYPE_CHECKING:
    from jiqa.data.contents import Contents
    from jiqa.databases.builder import ReleaseBuilder

# Name -> module of the builder, whose FACTS hold everything else about the database.
DATABASES = {
    name: f"jiqa.tfds_builders.{name}.{name}_dataset_builder"
    for name in (
        "agiqa1k",
        "auxiliary",
        "biq2021",
        "csiq",
        "kadid10k",
        "koniq10k",
        "live",
        "live_md",
        "livec",
        "pocket",
        "tid2008",
        "tid2013",
        "waterloo_exploration",
    )
}


# Layout of an entry of the overview; addresses are not broken.
_LAYOUT = {
    "width": 100,
    "initial_indent": " " * 4,
    "subsequent_indent": " " * 14,
    "break_long_words": False,
    "break_on_hyphens": False,
}


def data_root(data_dir: str | Path | None = None) -> Path:
    """The folder of databases: `data_dir`, else $JIQA_DATA_DIR, else ~/.cache/jiqa/databases."""
    folder = data_dir or os.environ.get("JIQA_DATA_DIR") or "~/.cache/jiqa/databases"
    return Path(folder).expanduser().absolute()


def prepare(
    name: str,
    *,
    config: str = "",
    data_dir: str | Path | None = None,
    manual_dir: str | Path | None = None,
    progress: bool = True,
) -> Path:
    """Builds a database unless it exists, and returns its folder.

    One line on standard error counts images with the same pixels or looks under several names;
    `recognise.DUPLICATES` lists them. A database of an older version, without these hashes, gets
    them.

    The database is built in a temporary folder and renamed once complete. Of two processes that
    build the same database, the second waits for the first. Downloads survive a failure, and the
    next call continues from there.

    Args:
        name: a key of `DATABASES`.
        config: one of the builder's configurations [the first].
        data_dir: see `data_root`.
        manual_dir: folder of the release [the release is downloaded, where allowed].
        progress: show a bar on a terminal.

    Raises:
        InputError: a release that is not as published, or cannot be downloaded or stored; the
            message tells how to obtain a release that is not downloaded.
    """
    root = data_root(data_dir)
    builder, folder = _builder(name, config)
    if (root / folder / recognise.FILE).is_file():
        return root / folder
    if (root / folder).is_dir():
        manual_dir = None
    elif manual_dir:
        manual_dir = Path(manual_dir).expanduser()
        if _at_first_use(builder):
            raise InputError(
                f"--manual_dir {manual_dir}: {name} needs no files, expected no folder"
            )
        if not manual_dir.is_dir() or not os.listdir(manual_dir):
            message = f"--manual_dir {manual_dir}: expected a folder with a release of {name}"
            raise InputError(message)
    elif config == "sample":
        raise InputError(f"{name}/sample: expected --manual_dir=DIR with a part of the release")
    elif builder.facts.get:
        raise InputError(f"{name}: expected --manual_dir=DIR with the release: {builder.facts.get}")
    try:
        with locked(root / f".{name}.lock"):
            if not (root / folder).is_dir():
                _show_bars(progress and sys.stderr.isatty())
                _build(builder, config, manual_dir, root, folder)
            elif not (root / folder / recognise.FILE).is_file():
                _tell(recognise.write(root / folder, {}), root / folder)
    except OSError as error:
        raise InputError(f"{name}: cannot be prepared in {root}: {error}") from error
    return root / folder


def _build(
    builder: type["ReleaseBuilder"],
    config: str,
    manual_dir: str | Path | None,
    root: Path,
    folder: Path,
) -> None:
    unfinished = root / f".{builder.name}.unfinished"
    downloads = root / f".{builder.name}.downloads"
    shutil.rmtree(unfinished, ignore_errors=True)  # left by a killed process
    try:
        if not manual_dir and builder.facts.archives:
            manual_dir = download.release(builder.facts.archives, downloads, unfinished / "release")
        with contextlib.redirect_stdout(io.StringIO()):  # hides TFDS's temporary folder
            built = builder(data_dir=unfinished, config=config or None)
            built.download_and_prepare(
                download_dir=unfinished / "downloads",
                download_config=tfds.download.DownloadConfig(manual_dir=manual_dir),
                file_format="array_record",
            )
        recogniser = getattr(built, "recogniser", None)
        twins = recognise.write(unfinished / folder, recogniser.hashes() if recogniser else {})
        (root / folder).parent.mkdir(parents=True, exist_ok=True)
        (unfinished / folder).rename(root / folder)
        _tell(twins, root / folder)
        shutil.rmtree(downloads, ignore_errors=True)
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)
        with contextlib.suppress(OSError):  # not empty: downloads to continue from
            downloads.rmdir()


def _tell(twins: str, folder: Path) -> None:
    if twins:
        print(f"jiqa: found {twins}: {folder / recognise.DUPLICATES}", file=sys.stderr)


def _show_bars(show: bool) -> None:
    if show:
        tfds.enable_progress_bar()
    else:
        tfds.disable_progress_bar()


def is_prepared(name: str, config: str = "", data_dir: str | Path | None = None) -> bool:
    """Whether the database is prepared; builds nothing.

    Raises:
        InputError: an unknown database.
    """
    return (data_root(data_dir) / _builder(name, config)[1]).is_dir()


def open_builder(
    name: str, config: str = "", data_dir: str | Path | None = None
) -> tfds.core.DatasetBuilder:
    """The prepared database, opened for reading; one without external files is built first.

    Raises:
        InputError: an unknown database, or one not prepared; the message has the command for it.
    """
    root = data_root(data_dir)
    builder, folder = _builder(name, config)
    if _at_first_use(builder):
        prepare(name, config=config, data_dir=root)
    if not (root / folder).is_dir():
        command = _command(name, config, data_dir)
        raise InputError(f"{name}: not prepared in {root}, expected `{command}` before")
    return tfds.builder_from_directory(root / folder)


def contents_of(builder: Any, name: str, config: str, data_dir: str | Path | None) -> "Contents":
    """Contents of a prepared database, as opened by `open_builder` with these arguments.

    Raises:
        InputError: a database prepared by a version that did not compare images.
    """
    return recognise.read(Path(builder.data_path), name, _command(name, config, data_dir))


def _command(name: str, config: str, data_dir: str | Path | None) -> str:
    given = {"config": config, "data_dir": data_dir}
    options = [f"--{option}={value}" for option, value in given.items() if value]
    return shlex.join(["jiqa", "prepare", name, *options])


def overview(data_dir: str | Path | None = None) -> str:
    """Text on every database: content, terms, where to get the release, and prepared configs.

    Lines have up to 100 columns, unless an address is longer.
    """
    return "\n\n".join(_entry(name, data_root(data_dir)) for name in DATABASES)


def _entry(name: str, root: Path) -> str:
    builder, _ = _builder(name, "")
    facts = builder.facts
    configs = [config.name for config in builder.BUILDER_CONFIGS] or [""]
    there = [config for config in configs if (root / _folder(builder, config)).is_dir()]
    command = f"`jiqa prepare {name}`"
    addresses = ", ".join(archive.url for archive in facts.archives)
    fields = {
        "licence": facts.licence,
        "terms": facts.terms,
        "page": facts.source,
        "get it": facts.get or (f"{command} downloads {addresses}" if addresses else command),
        "prepared": f"{', '.join(there)} in {root / name}".lstrip() if there else "no",
    }
    lines = [textwrap.fill(f"{label:10}{text}", **_LAYOUT) for label, text in fields.items()]
    return "\n".join([f"{name}: {facts.summary}", *lines])


def _builder(name: str, config: str) -> tuple[type["ReleaseBuilder"], Path]:
    """Builder of a database, and the folder that it creates, relative to the root."""
    if name not in DATABASES:
        raise InputError(f"database: found {name!r}, expected one of {', '.join(DATABASES)}")
    module = importlib.import_module(DATABASES[name])
    configs = [known.name for known in module.Builder.BUILDER_CONFIGS]
    if config and config not in configs:
        expected = f"one of {', '.join(configs)}" if configs else "none"
        raise InputError(f"{name}: found config {config!r}, expected {expected}")
    config = config or "".join(configs[:1])
    return module.Builder, _folder(module.Builder, config)


def _folder(builder: type["ReleaseBuilder"], config: str) -> Path:
    return Path(builder.name, config, str(builder.VERSION))


def _at_first_use(builder: type["ReleaseBuilder"]) -> bool:
    """Whether the database needs no external files, so that its first use builds it."""
    return not (builder.facts.get or builder.facts.archives)
