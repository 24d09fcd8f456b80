"""Record of a metric's time and memory."""

import dataclasses
from typing import ClassVar

from jiqa.errors import InputError


@dataclasses.dataclass(frozen=True)
class TimingRecord:
    """Time and memory of one metric, beside its fastest peer.

    Attributes:
        metric: name.
        batch: images a call.
        height: of an image, pixels.
        width: of an image, pixels.
        machine: device and cores, such as '1 x cpu, cores 2'.
        versions: of Python and the libraries.
        ms: of the shortest call.
        images_per_s: at that.
        first_s: seconds of the first call, which compiles.
        peak_mb: memory above what the inputs take.
        checked: whether the run that timed the metric checked its value too.
        peer: library and function; null where there is none.
        peer_ms: as `ms`.
        peer_mb: as `peak_mb`.
        ratio: `peer_ms` over `ms`.
        date: YYYY-MM-DD.
        source: 'run', or where the figures were taken from.
    """

    kind: ClassVar[str] = "timing"

    metric: str
    batch: int
    height: int
    width: int
    machine: str
    versions: dict[str, str]
    ms: float
    images_per_s: float
    first_s: float
    peak_mb: float
    checked: bool
    peer: str | None = None
    peer_ms: float | None = None
    peer_mb: float | None = None
    ratio: float | None = None
    date: str | None = None
    source: str = "run"

    def __post_init__(self) -> None:
        peer_fields = [self.peer, self.peer_ms, self.peer_mb, self.ratio]
        if None in peer_fields and any(value is not None for value in peer_fields):
            raise InputError("peer: found part of peer, peer_ms, peer_mb, ratio, expected all")

    @property
    def key(self) -> tuple[object, ...]:
        """The key stays the same when a timing is repeated."""
        return self.kind, self.metric, self.batch, self.height, self.width, self.machine
