"""What recorded restorers made of photographs that were held out, as a table."""

import csv
import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from jiqa.errors import InputError
from jiqa.results.summary import markdown

TABLE, FACTS = "restored.csv", "stage.json"
HEADER = (
    *("restorer", "updates", "distortion", "pairs", "PSNR", "PSNR restored"),
    *("SSIM", "SSIM restored", "map correlation"),
)
# Columns of `restored.csv` in the order of the last ones of `HEADER`, and their decimals.
_COLUMNS = {
    "psnr": 2,
    "restored_psnr": 2,
    "ssim": 3,
    "restored_ssim": 3,
    "map_correlation": 2,
}


def section(workdir: str | os.PathLike) -> str:
    """Means over the pairs of each type of distortion, for every restorer under `workdir`.

    '' where there is none.

    Raises:
        InputError: a file of a stage is missing or malformed.
    """
    lines, commands = [], []
    for path in sorted(Path(workdir).rglob(TABLE)):
        facts = _facts(path.with_name(FACTS))
        number = len(commands) + 1
        name = "multitask" if facts["model"].get("multitask", True) else "single-task"
        rows = _rows(path)
        for kind in [*dict.fromkeys(row["distortion"] for row in rows), "all"]:
            of_kind = [row for row in rows if kind in (row["distortion"], "all")]
            about = [f"{name} ({number})", str(facts["updates"]), kind, str(len(of_kind))]
            figures = [_mean(of_kind, *column) for column in _COLUMNS.items()]
            # A stage that leaves the map out of its loss makes it a stale one.
            lines.append([*about, *figures[:-1], figures[-1] if facts["mapped"] else "-"])
        commands.append(f"{number}. `{facts['command']}`")
    if not lines:
        return ""
    return "\n".join([markdown(list(HEADER), lines), *commands]) + "\n"


def _facts(path: Path) -> dict[str, Any]:
    try:
        facts = json.loads(path.read_text())
        return {
            "model": facts["model"],
            "command": facts["command"],
            "updates": facts["steps"],
            "mapped": facts["fit"].get("ssim_weight", 0.0) > 0,
        }
    except (OSError, ValueError, KeyError) as error:
        raise InputError(f"{path}: found no {error}, expected the facts of a restorer") from None


def _rows(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as file:
        rows = list(csv.DictReader(file))
    if not rows or {"distortion", *_COLUMNS} - rows[0].keys():
        raise InputError(f"{path}: expected rows with distortion, {', '.join(_COLUMNS)}")
    return rows


def _mean(rows: Sequence[dict[str, str]], column: str, decimals: int) -> str:
    """Mean over the rows that have the figure; a dash where none has."""
    values = [float(row[column]) for row in rows if row[column]]
    return f"{np.mean(values):.{decimals}f}" if values else "-"
