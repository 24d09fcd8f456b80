"""Run one experiment: `python -m jiqa.main --config=configs/iqa_nrtl.py`."""

import shlex
import sys
from pathlib import Path

import jax
from absl import app, flags, logging
from ml_collections import config_flags

import jiqa.configs
from jiqa.errors import InputError, ended

CONFIG = config_flags.DEFINE_config_file(
    "config",
    None,
    "Config file, a colon, its arguments: configs/iqa_nrtl.py:dataset=biq2021,variant=full.",
    lock_config=True,
)
# Cache of compiled updates, for the next split and for a resumed run.
COMPILED = Path.home() / ".cache" / "jiqa" / "compiled"

WORKDIR = flags.DEFINE_string(
    "workdir", "", "Folder of the run; by default a folder in --root named after the config."
)
ROOT = flags.DEFINE_string("root", "runs", "Folder of runs, where --workdir is not given.")
ONLY = flags.DEFINE_list("only", [], "Numbers of the splits to run, from 0; by default all.")
DISTRIBUTED = flags.DEFINE_bool(
    "distributed", False, "Run as one of several processes; the cluster (TPU, SLURM) numbers them."
)
COORDINATOR = flags.DEFINE_string("coordinator", "", "host:port of process 0, without a cluster.")
NUM_PROCESSES = flags.DEFINE_integer("num_processes", None, "Processes, with --coordinator.")
PROCESS_ID = flags.DEFINE_integer("process_id", None, "This process, from 0, with --coordinator.")


def _run(_: list[str]) -> None:
    from jiqa.experiment import run  # imported after the command line is checked: it takes seconds

    logging.set_verbosity(logging.FATAL)  # errors are raised too
    if DISTRIBUTED.value or COORDINATOR.value:
        jax.distributed.initialize(COORDINATOR.value or None, NUM_PROCESSES.value, PROCESS_ID.value)
    if not jax.config.jax_compilation_cache_dir:  # pyright: ignore[reportAttributeAccessIssue]
        jax.config.update("jax_compilation_cache_dir", str(COMPILED))
    command = shlex.join(["python", "-m", "jiqa.main", *sys.argv[1:]])
    run.run(CONFIG.value, WORKDIR.value, command, root=ROOT.value, only=_only())


def _only() -> set[int] | None:
    if not all(number.isdecimal() for number in ONLY.value):
        raise InputError(f"--only: found {','.join(ONLY.value)!r}, expected numbers such as 0,3")
    return {int(number) for number in ONLY.value} or None


def _resolve(argument: str) -> str:
    """Points `--config=configs/x.py` to the packaged file where the working folder has none."""
    flag, _, value = argument.partition("=")
    path, *arguments = value.split(":", 1)
    if flag.lstrip("-") != "config" or Path(path).is_file():
        return argument
    packaged = Path(jiqa.configs.__path__[0]).parent / path
    if not packaged.is_file():
        raise InputError(f"--config: found no file {path}, expected one such as configs/ridge.py")
    return "=".join([flag, ":".join([str(packaged), *arguments])])


def _parse(arguments: list[str]) -> list[str]:
    try:
        return flags.FLAGS(arguments)
    except (AttributeError, KeyError) as error:
        reason = error.args[0]
        while isinstance(reason, Exception):
            reason = reason.args[0]
        reason = " ".join(reason.split())
        raise InputError(f"command line: no such field in the config: {reason}") from None
    except (flags.Error, OSError, TypeError, ValueError) as error:
        raise InputError(f"command line: {' '.join(str(error).split())}") from None


def _start() -> None:
    flags.mark_flag_as_required("config")
    app.run(_run, [sys.argv[0], *map(_resolve, sys.argv[1:])], flags_parser=_parse)


def main() -> None:
    """Entry point."""
    sys.exit(ended(_start))


if __name__ == "__main__":
    main()
