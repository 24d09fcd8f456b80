"""Files and folders scored by several measures, and what is known of the measures, as text."""

import glob
import inspect
import json
import math
import textwrap
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING

from PIL import Image

from jiqa import api, registry
from jiqa.errors import InputError
from jiqa.results import markdown, to_csv

if TYPE_CHECKING:
    from jiqa.trained import TrainedMetric


def files(patterns: Sequence[str]) -> list[Path]:
    """The files that the patterns name: files, folders (their images, sorted) and globs.

    Raises:
        InputError: a pattern that names none.
    """
    found = [path for pattern in patterns for path in _files(pattern)]
    return list(dict.fromkeys(found))


def _files(pattern: str) -> list[Path]:
    path = Path(pattern)
    try:
        folder, there = path.is_dir(), path.exists()
    except OSError as error:
        raise InputError(f"{pattern}: {error.strerror}, expected a file or a folder") from error
    if folder:
        known = Image.registered_extensions()
        inside = sorted(p for p in path.iterdir() if p.is_file() and p.suffix.lower() in known)
    else:
        inside = [path] if there else sorted(map(Path, glob.glob(pattern, recursive=True)))
    if not inside:
        raise InputError(f"{pattern}: found no image, expected a file, a folder or a pattern")
    return inside


def originals(images: Sequence[Path], patterns: Sequence[str]) -> list[Path | InputError]:
    """The original of each image: the only one there is, or the one of the same name.

    Where none has the same name, one that differs in its extension alone will do.
    """
    refs = files(patterns)
    if len(refs) == 1:
        return [refs[0]] * len(images)
    names = {ref.stem: ref for ref in refs} | {ref.name: ref for ref in refs}
    missing = f"found no ref of this name among {len(refs)}, expected one"
    return [
        names.get(image.name) or names.get(image.stem) or InputError(f"{image}: {missing}")
        for image in images
    ]


def parameters(given: Sequence[str], metrics: Sequence[str]) -> dict[str, str]:
    """{measure: file, or files parted by commas} of `NAME=FILE`, each of one of `metrics`.

    Raises:
        InputError: no `NAME=FILE`, another measure's, or a second one for the same measure.
    """
    params: dict[str, str] = {}
    for item in given:
        name, _, file = item.partition("=")
        if not file:
            raise InputError(f"--params: found {item!r}, expected NAME=FILE")
        if name not in metrics:
            raise InputError(f"--params: found {name!r}, expected one of {', '.join(metrics)}")
        if name in params:
            raise InputError(f"--params: found {name!r} twice, expected {name}=FILE,FILE")
        params[name] = file
    return params


def score(
    images: Sequence[Path],
    metrics: Sequence[str],
    refs: Sequence[str] = (),
    params: Mapping[str, str] = MappingProxyType({}),
) -> tuple[dict[str, list[float]], list[str]]:
    """Scores of the files by each measure, nan where there is none, and a line for each reason.

    `refs` names the originals; measures without reference don't look at them. `params` names the
    files of fitted measures, by measure. A measure may be the folder of a run, see
    `jiqa.trained.TrainedMetric`.

    Raises:
        InputError: an unknown measure; one that needs originals without them; a pattern of no file;
            parameters that a measure does not take, or that are not what they should be.
    """
    measures = [_measure(name, params.get(name)) for name in metrics]
    needy = [measure.name for measure in measures if measure.kind == "fr"]
    if needy and not refs:
        raise InputError(f"{needy[0]}: found no --ref, expected the originals")
    pairs = originals(images, refs) if needy else []
    scores = {measure.name: [math.nan] * len(images) for measure in measures}
    errors: dict[str, None] = {}
    for measure in measures:
        for i, found in _each(measure, images, pairs):
            if isinstance(found, InputError):
                errors[str(found)] = None
            else:
                scores[measure.name][i] = found
    return scores, list(errors)


def _measure(name: str, params: str | None) -> "api.Metric | TrainedMetric":
    if name in registry.METRICS or not name or not Path(name).is_dir():
        return api.create_metric(name, params)
    from jiqa.trained import TrainedMetric  # reads checkpoints, which no other measure needs

    if params is not None:
        raise InputError(f"{name}: found params {params!r}, expected none")
    return TrainedMetric(name)


def _each(
    measure: "api.Metric | TrainedMetric",
    images: Sequence[Path],
    pairs: Sequence[Path | InputError],
) -> Iterator[tuple[int, float | InputError]]:
    if not (isinstance(measure, api.Metric) and measure.kind == "fr"):
        yield from measure.each(images)
        return
    yield from ((i, ref) for i, ref in enumerate(pairs) if isinstance(ref, InputError))
    paired = [i for i, ref in enumerate(pairs) if isinstance(ref, Path)]
    found = measure.each([images[i] for i in paired], [pairs[i] for i in paired])
    yield from ((paired[k], score) for k, score in found)


def show(images: Sequence[Path], scores: dict[str, list[float]], form: str) -> str:
    """Scores as `table`, `csv` or `json`; nan is blank there, or null."""
    header = ["file", *scores]
    rows = list(zip(map(str, images), *scores.values(), strict=True))
    if form == "json":
        records = [dict(zip(header, map(_json, row), strict=True)) for row in rows]
        return json.dumps(records, indent=1) + "\n"
    digits = 5 if form == "table" else 8
    text = [[name, *(_text(value, digits) for value in values)] for name, *values in rows]
    return markdown(header, text) if form == "table" else to_csv(header, text)


def _text(value: float, digits: int) -> str:
    return "" if math.isnan(value) else f"{value:.{digits}g}"


def _json(value: str | float) -> str | float | None:
    """As JSON has it, which has no infinity: a string."""
    if isinstance(value, str) or math.isfinite(value):
        return value if isinstance(value, str) else float(_text(value, 8))
    return None if math.isnan(value) else str(value)


def overview(filter: str = "*") -> str:
    """The measures as a table.

    Raises:
        InputError: none matches.
    """
    entries = [registry.entry(name) for name in api.list_metrics(filter)]
    if not entries:
        raise InputError(f"{filter}: found no measure, expected a pattern such as ssim*")
    header = ("measure", "kind", "better", "range", "least size", "note")
    return markdown(header, [[e.name, e.kind, *_facts(e), e.note] for e in entries])


def info(name: str) -> str:
    """What is known of a measure: its entry, and what its function says.

    Raises:
        InputError: no such measure.
    """
    entry = registry.entry(name)
    better, scores, least = _facts(entry)
    needs = "an image and its original" if entry.kind == "fr" else "an image"
    fields = {
        "takes": f"{needs}, sides of {least} pixels or more",
        "score": f"{scores}, {better} is better",
        "paper": entry.paper,
        "note": entry.note,
    }
    layout = {"width": 100, "subsequent_indent": " " * 8}
    lines = [textwrap.fill(f"{label:8}{text}", **layout) for label, text in fields.items() if text]
    words = inspect.getdoc(registry.resolve(entry.build)) or ""
    return "\n".join([entry.name, *lines, "", words, ""])


def _facts(entry: registry.MetricEntry) -> tuple[str, str, str]:
    low, high = ("" if bound is None else f"{bound:g}" for bound in entry.score_range)
    return "lower" if entry.lower_better else "higher", f"{low}..{high}", str(entry.least)
