"""Scores files by several metrics, and describes metrics as text."""

import dataclasses
import inspect
import math
import textwrap
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING

from jiqa import images as stored
from jiqa.cli.pairing import references
from jiqa.cli.rows import Row
from jiqa.errors import InputError
from jiqa.metrics import metric, registry
from jiqa.metrics.batches import Result
from jiqa.metrics.given import Given, Loaded, Reader
from jiqa.results.summary import markdown

if TYPE_CHECKING:
    from jiqa.experiment.trained_metric import TrainedMetric


def parameters(given: Sequence[str], metrics: Sequence[str]) -> dict[str, str]:
    """Metric -> file of its parameters, or several files separated by commas.

    Args:
        given: `NAME=FILE` each.
        metrics: known names.

    Raises:
        InputError: an element of `given` is not NAME=FILE, or its name is unknown or there twice.
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
    images: Sequence[Given],
    metrics: Sequence[str],
    refs: Sequence[str] = (),
    params: Mapping[str, str] = MappingProxyType({}),
    *,
    pair: str = "name",
    upright: bool = True,
    strict: bool = False,
    max_pixels: int | None = None,
) -> tuple[list[str], Iterator[Row]]:
    """Names of the metrics, and a row for each file, in the order of the files.

    A row is yielded once its scores and those of all earlier rows are computed. Every file is read
    once for all metrics.

    Args:
        images: the files, see `jiqa.metrics.given.files`.
        metrics: names of metrics, or folders of runs, see `jiqa.experiment.trained_metric`.
        refs: files, folders and patterns of the references of full-reference metrics.
        params: files of fitted metrics' parameters, by metric.
        pair: rule of pairing, see `jiqa.cli.pairing.references`.
        upright: turn images by their EXIF orientation.
        strict: refuse damaged files.
        max_pixels: of the largest image; None: 100 million, or fewer for a metric that would take
            over 3 GB.

    Raises:
        InputError: a metric is unknown; references of a full-reference metric are missing; a
            pattern matches no file; parameters are wrong; numbers of images and references differ
            in pairing by position.
    """
    chosen = [_metric(name, params.get(name)) for name in dict.fromkeys(metrics)]
    for each in chosen:
        if max_pixels and isinstance(each, metric.Metric):
            each.max_pixels = max_pixels
    needy = [each.name for each in chosen if each.kind == "fr"]
    if needy and not refs:
        raise InputError(f"{needy[0]}: found no --ref, expected the references")
    pairs = references(images, refs, pair) if needy else [None] * len(images)
    read = Reader(upright, max_pixels or stored.MAX_PIXELS, strict)
    return [each.name for each in chosen], _rows(images, chosen, pairs, read)


def _metric(name: str, params: str | None) -> "metric.Metric | TrainedMetric":
    if name in registry.METRICS or not name or not Path(name).is_dir():
        return metric.create_metric(name, params)
    from jiqa.experiment.trained_metric import (
        TrainedMetric,  # imported here: other metrics need no checkpoints
    )

    if params is not None:
        raise InputError(f"{name}: found params {params!r}, expected none")
    return TrainedMetric(name)


def _rows(
    images: Sequence[Given],
    metrics: Sequence["metric.Metric | TrainedMetric"],
    pairs: Sequence[Path | InputError | None],
    read: Reader,
) -> Iterator[Row]:
    columns = {metric.name: (metric.kind, metric.batches()) for metric in metrics}
    waiting: dict[int, _Unfinished] = {}  # in the order of the files
    reference = Loaded()
    for i, (file, ref) in enumerate(zip(images, pairs, strict=True)):
        image = reference if file.path == reference.path else read(file.path)
        if isinstance(ref, InputError):
            reference = Loaded(error=ref)
        elif ref != reference.path:
            reference = image if ref == image.path else read(ref) if ref else Loaded()
        waiting[i] = _Unfinished(str(file.path), [image.warning, reference.warning])
        for name, (kind, batches) in columns.items():
            compared = reference if kind == "fr" else Loaded()
            found: Iterable[Result]
            if error := image.error or compared.error:
                found = [(i, error)]
            else:
                found = batches.add(i, image.pixels, compared.pixels, str(file.path))
            for k, score in found:
                waiting[k].found[name] = score
        yield from _finished(waiting, len(columns))
    for name, (_, batches) in columns.items():
        for k, score in batches.finish():
            waiting[k].found[name] = score
            yield from _finished(waiting, len(columns))


@dataclasses.dataclass
class _Unfinished:
    """A row whose scores are not all computed; `found` has the scores or errors by metric."""

    file: str
    warnings: list[str]
    found: dict[str, float | InputError] = dataclasses.field(default_factory=dict)

    def row(self) -> Row:
        errors = [str(found) for found in self.found.values() if isinstance(found, InputError)]
        scores = {
            name: math.nan if isinstance(found, InputError) else found
            for name, found in self.found.items()
        }
        warning = "; ".join(filter(None, dict.fromkeys(self.warnings)))
        return Row(self.file, scores, warning, list(dict.fromkeys(errors)))


def _finished(waiting: dict[int, _Unfinished], count: int) -> Iterator[Row]:
    """Removes and yields the first rows of `waiting` that have all `count` scores."""
    while waiting and len(next(iter(waiting.values())).found) == count:
        yield waiting.pop(next(iter(waiting))).row()


def overview(filter: str = "*") -> str:
    """Markdown table of the metrics whose names match `filter`.

    Raises:
        InputError: no name matches.
    """
    entries = [registry.entry(name) for name in metric.list_metrics(filter)]
    if not entries:
        raise InputError(f"{filter}: found no metric, expected a pattern such as ssim*")
    header = ("metric", "kind", "better", "range", "least size", "note")
    return markdown(header, [[e.name, e.kind, *_facts(e), e.note] for e in entries])


def info(name: str) -> str:
    """Facts of a metric: registry entry and docstring.

    Raises:
        InputError: the metric is unknown.
    """
    entry = registry.entry(name)
    better, scores, least = _facts(entry)
    needs = "an image and its reference" if entry.kind == "fr" else "an image"
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
