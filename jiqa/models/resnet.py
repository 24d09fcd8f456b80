"""ResNet with bottleneck blocks: the backbone of IQA-NRTL and MT-IRN.

He et al., "Deep Residual Learning for Image Recognition", CVPR 2016, table 1 (50, 101, 152 layers).
"""

import functools
from collections.abc import Sequence
from typing import Any

import jax
from flax import linen as nn

from jiqa.errors import InputError
from jiqa.models.layers import Conv, max_pool, pool
from jiqa.ops.normalise import normalise

UNBIASED = functools.partial(
    Conv, use_bias=False, kernel_init=nn.initializers.variance_scaling(2.0, "fan_out", "normal")
)


class Bottleneck(nn.Module):
    """1x1, 3x3, 1x1 convolutions with a shortcut; `norm` holds batch norm's options."""

    width: int
    stride: int
    stride_in_1x1: bool
    norm: dict[str, Any]
    dtype: str

    @nn.compact
    def __call__(self, x: jax.Array) -> jax.Array:
        """The block's map, [b, h, w, c] to [b, ceil(h / stride), ceil(w / stride), 4 * width]."""
        first, second = (self.stride, 1) if self.stride_in_1x1 else (1, self.stride)

        def conv(x: jax.Array, name: str, features: int, size: int, stride: int) -> jax.Array:
            x = UNBIASED(features, size, stride, dtype=self.dtype, name=name)(x)
            return nn.BatchNorm(**self.norm, name=name.replace("conv", "bn"))(x)

        y = nn.relu(conv(x, "conv1", self.width, 1, first))
        y = nn.relu(conv(y, "conv2", self.width, 3, second))
        y = conv(y, "conv3", 4 * self.width, 1, 1)
        if x.shape != y.shape:
            x = conv(x, "shortcut_conv", 4 * self.width, 1, self.stride)
        return nn.relu(x + y)


class ResNet(nn.Module):
    """ResNet on images [b, h, w, 3], RGB, floats in [0, 1] (or uint8); its defaults are ResNet-50.

    `model(image, train) -> (features, out)`: features [b, 32 * width] float32 is the mean of the
    last stage. `out` holds `stage1` .. `stage4` in `dtype` (56x56x256, 28x28x512, 14x14x1024 and
    7x7x2048 at 224x224 with a width of 64; odd sizes round up) and, with classes, `logits`
    [b, num_classes] float32. With `train`, batch norm uses the batch and updates its statistics.

    Deviations and choices:
      stride_in_1x1: a stage's stride lies in its first 1x1 convolution (the paper, Caffe, Keras)
        or, by default, in the 3x3 one (torchvision).
      preprocess: a name in `jiqa.ops.normalise.PREPROCESS`, applied to the image here.
      frozen_bn: batch norm uses its running statistics in training too.
      frozen_stages: number of parts, counted from the stem (1: the stem, 2: stem and stage 1, ...),
        that get no gradient and keep their statistics; XLA then drops their backward pass.
      dtype: of the computation; parameters, statistics and batch norm's reductions are float32.
      Convolutions have no bias: `jiqa.weights` folds an imported bias into batch norm's mean.
    """

    stage_sizes: Sequence[int] = (3, 4, 6, 3)
    width: int = 64
    num_classes: int | None = None
    preprocess: str = "imagenet"
    stride_in_1x1: bool = False
    bn_epsilon: float = 1e-5
    bn_momentum: float = 0.9
    frozen_bn: bool = False
    frozen_stages: int = 0
    dtype: str = "float32"

    @nn.compact
    def __call__(
        self, image: jax.Array, train: bool = False
    ) -> tuple[jax.Array, dict[str, jax.Array]]:
        """The pooled features and every stage's map; see the class."""
        if image.ndim != 4:
            raise InputError(f"image: found shape {list(image.shape)}, expected [b, h, w, 3]")

        def norm(part: int) -> dict[str, Any]:
            return {
                "use_running_average": not train or self.frozen_bn or part < self.frozen_stages,
                "epsilon": self.bn_epsilon,
                "momentum": self.bn_momentum,
                "dtype": self.dtype,
            }

        x = normalise(image, self.preprocess).astype(self.dtype)
        x = UNBIASED(self.width, 7, 2, dtype=self.dtype, name="conv1")(x)
        x = nn.relu(nn.BatchNorm(**norm(0), name="bn1")(x))
        x = max_pool(x, 3, padding=1)
        if self.frozen_stages:
            x = jax.lax.stop_gradient(x)
        out = {}
        for stage, blocks in enumerate(self.stage_sizes, start=1):
            for block in range(1, blocks + 1):
                x = Bottleneck(
                    width=self.width * 2 ** (stage - 1),
                    stride=2 if stage > 1 and block == 1 else 1,
                    stride_in_1x1=self.stride_in_1x1,
                    norm=norm(stage),
                    dtype=self.dtype,
                    name=f"stage{stage}_block{block}",
                )(x)
            if stage < self.frozen_stages:
                x = jax.lax.stop_gradient(x)
            out[f"stage{stage}"] = x
        features = pool(x)
        if self.num_classes:
            out["logits"] = nn.Dense(self.num_classes, name="fc")(features)
        return features, out
