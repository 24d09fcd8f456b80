"""The same network and the same update in PyTorch, for comparison."""

from collections.abc import Callable, Sequence

import numpy as np
import torch
from torch import nn


class Bottleneck(nn.Module):
    """1x1, 3x3 (with the stride), 1x1 convolutions with a shortcut."""

    def __init__(self, channels: int, width: int, stride: int):
        super().__init__()
        self.body = nn.Sequential(
            *_conv(channels, width, 1),
            nn.ReLU(inplace=True),
            *_conv(width, width, 3, stride),
            nn.ReLU(inplace=True),
            *_conv(width, 4 * width, 1),
        )
        same = stride == 1 and channels == 4 * width
        self.shortcut = (
            nn.Identity() if same else nn.Sequential(*_conv(channels, 4 * width, 1, stride))
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Result of the block, [b, c, h, w] to [b, 4 * width, h / stride, w / stride]."""
        return torch.relu(self.body(x) + self.shortcut(x))


class Regressor(nn.Module):
    """IQA-NRTL's variant `resnet50`: uint8 [b, h, w, 3] to quality [b]."""

    def __init__(self, stage_sizes: Sequence[int], width: int, hidden: int, channels_last: bool):
        super().__init__()
        self.channels_last = channels_last
        self.register_buffer("mean", torch.tensor([0.485, 0.456, 0.406]).view(3, 1, 1))
        self.register_buffer("std", torch.tensor([0.229, 0.224, 0.225]).view(3, 1, 1))
        layers = [*_conv(3, width, 7, 2), nn.ReLU(inplace=True), nn.MaxPool2d(3, 2, 1)]
        channels = width
        for stage, blocks in enumerate(stage_sizes):
            inner = width * 2**stage
            for block in range(blocks):
                layers.append(Bottleneck(channels, inner, 2 if stage and not block else 1))
                channels = 4 * inner
        self.backbone = nn.Sequential(*layers)
        self.head = nn.Sequential(nn.Linear(channels, hidden), nn.LeakyReLU(), nn.Linear(hidden, 1))

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        """Quality of every image."""
        x = image.permute(0, 3, 1, 2).float() / 255
        x = (x - self.mean) / self.std
        layout = torch.channels_last if self.channels_last else torch.contiguous_format
        x = self.backbone(x.contiguous(memory_format=layout))
        return self.head(x.mean((2, 3)).float())[:, 0]


def functions(
    image: np.ndarray,
    quality: np.ndarray,
    *,
    stage_sizes: Sequence[int],
    width: int,
    hidden: int,
    bfloat16: bool,
    channels_last: bool,
    learning_rate: float,
    weight_decay: float,
) -> tuple[Callable[[], None], Callable[[], None], int]:
    """(update, forward, number of parameters), on a batch that is already on the device.

    Args:
        image: uint8 [b, h, w, 3].
        quality: float32 [b].
        stage_sizes: blocks per stage.
        width: channels of the first stage.
        hidden: width of the regressor's hidden layer.
        bfloat16: compute in bfloat16 by autocast.
        channels_last: memory layout; False for NCHW, PyTorch's default.
        learning_rate: AdamW's learning rate.
        weight_decay: AdamW's weight decay.
    """
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    torch.backends.cudnn.benchmark = True
    torch.set_float32_matmul_precision("high")  # TF32 on a GPU, as JAX computes by default
    model = Regressor(stage_sizes, width, hidden, channels_last).to(device)
    if channels_last:
        model = model.to(memory_format=torch.channels_last)
    optimiser = torch.optim.AdamW(model.parameters(), learning_rate, weight_decay=weight_decay)
    batch = torch.from_numpy(image).to(device)
    target = torch.from_numpy(quality).to(device)

    def finish() -> None:
        if device.type == "cuda":
            torch.cuda.synchronize()

    def update() -> None:
        model.train()
        optimiser.zero_grad(set_to_none=True)
        with torch.autocast(device.type, torch.bfloat16, enabled=bfloat16):
            prediction = model(batch)
        nn.functional.l1_loss(prediction.float(), target).backward()
        optimiser.step()
        finish()

    @torch.no_grad()
    def forward() -> None:
        model.eval()
        with torch.autocast(device.type, torch.bfloat16, enabled=bfloat16):
            model(batch)
        finish()

    return update, forward, sum(parameter.numel() for parameter in model.parameters())


def _conv(channels: int, features: int, size: int, stride: int = 1) -> tuple[nn.Module, nn.Module]:
    conv = nn.Conv2d(channels, features, size, stride, size // 2, bias=False)
    return conv, nn.BatchNorm2d(features)
