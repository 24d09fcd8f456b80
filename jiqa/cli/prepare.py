"""`jiqa prepare`: build a database, or list them."""

import argparse

from jiqa.cli.commands import DATA_DIR, Commands


def add(commands: Commands) -> None:
    """Adds the command `prepare`."""
    parser = commands.add_parser("prepare", help="build a database, or list them")
    choice = parser.add_mutually_exclusive_group(required=True)
    choice.add_argument("database", nargs="?", help="name of the database")
    choice.add_argument(
        "--list", action="store_true", help="list the databases: terms, where to get them"
    )
    parser.add_argument("--config", default="", help="builder config: `sample` is a part")
    parser.add_argument("--manual_dir", help="folder with the release, where it is not downloaded")
    parser.add_argument("--data_dir", help=DATA_DIR)
    parser.set_defaults(run=_prepare)


def _prepare(arguments: argparse.Namespace) -> None:
    from jiqa.databases import prepare

    if arguments.list:
        print(prepare.overview(arguments.data_dir))
        return
    where = {"config": arguments.config, "data_dir": arguments.data_dir}
    folder = prepare.prepare(arguments.database, manual_dir=arguments.manual_dir, **where)
    info = prepare.open_builder(arguments.database, **where).info
    counts = ", ".join(f"{split.num_examples} {name}" for name, split in info.splits.items())
    score = dict(info.metadata or {})["score"]
    scored = f", scored by {score}" if score else ""
    print(f"{info.full_name}: {counts}{scored}; {folder}")
