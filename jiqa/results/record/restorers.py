"""Record of a restorer on photographs that it has not learned from."""

import dataclasses
from typing import ClassVar


@dataclasses.dataclass(frozen=True)
class RestoredRow:
    """Means over the held-out pictures of one type of distortion, or of 'all'.

    Attributes:
        distortion: its name.
        pairs: how many pictures.
        psnr: of the distorted pictures against the photographs, dB.
        restored_psnr: of the restored ones.
        ssim: as `psnr`, in [0, 1].
        restored_ssim: as `restored_psnr`.
        map_correlation: of the predicted with the true SSIM map; null where no map was trained.
    """

    distortion: str
    pairs: int
    psnr: float | None
    restored_psnr: float | None
    ssim: float | None
    restored_ssim: float | None
    map_correlation: float | None = None


@dataclasses.dataclass(frozen=True)
class RestorerRecord:
    """A trained restorer on photographs that were held out from its training.

    Attributes:
        command: of the run that trained it.
        stage: name of its stage; of a stage of one split, SPLIT/STAGE.
        multitask: whether it predicts the SSIM map too.
        updates: of its training.
        rows: of every type of distortion, and of all.
        source: as a run's.
    """

    kind: ClassVar[str] = "restorer"

    command: str
    stage: str
    multitask: bool
    updates: int
    rows: tuple[RestoredRow, ...]
    source: str = "run"

    @property
    def key(self) -> tuple[object, ...]:
        """The key stays the same when a restorer is trained again."""
        return self.kind, self.command, self.stage
