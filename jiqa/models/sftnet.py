"""SFTnet: VGG-16 with the SDA block, which weights every channel of the last convolution.

Yang, Li and Liu, "TTL-IQA: transitive transfer learning based no-reference image quality
assessment", IEEE Transactions on Multimedia 23, 2021, section V.
"""

import functools

import jax
import jax.numpy as jnp
from flax import linen as nn

from jiqa.errors import InputError
from jiqa.models.layers import Conv
from jiqa.models.vgg import VGG


class Depthwise(nn.Module):
    """Depthwise 3x3 convolution, zero-padded, with a bias (equation 15).

    Parameters: `kernel` [3, 3, 1, c] and `bias`. Computed as a sum of nine shifted maps, since the
    gradient of XLA's grouped convolution is slow on a CPU.
    """

    dtype: str

    @nn.compact
    def __call__(self, x: jax.Array) -> jax.Array:
        """Convolved map, [b, h, w, c] like its input."""
        _, h, w, c = x.shape
        kernel = self.param("kernel", nn.initializers.lecun_normal(), (3, 3, 1, c), jnp.float32)
        bias = self.param("bias", nn.initializers.zeros, (c,), jnp.float32)
        kernel, y = kernel.astype(self.dtype), bias.astype(self.dtype)[None, None, None]
        x = jnp.pad(x, ((0, 0), (1, 1), (1, 1), (0, 0)))
        for i in range(3):
            for j in range(3):
                y += x[:, i : i + h, j : j + w] * kernel[i, j][None, None]
        return y


class SDA(nn.Module):
    """Semantic discrimination adaptation, equations 15 to 18: a weight for every channel.

    Two depthwise convolutions, a 1x1 convolution, the maximum over the map, a dense layer, ReLU and
    sigmoid, with nothing else between them, as published.
    """

    dtype: str

    @nn.compact
    def __call__(self, x: jax.Array) -> jax.Array:
        """Weights S [b, c] from a map V [b, h, w, c]: float32, at least 0.5 and below 1."""
        c = x.shape[-1]
        for name in ("depthwise1", "depthwise2"):
            x = Depthwise(self.dtype, name=name)(x)
        x = Conv(c, 1, dtype=self.dtype, name="pointwise")(x)
        x = x.max((1, 2)).astype(jnp.float32)
        init = nn.initializers.variance_scaling(0.1, "fan_in", "normal")
        x = nn.Dense(c, kernel_init=init, bias_init=nn.initializers.ones, name="dense")(x)
        return nn.sigmoid(nn.relu(x))


class SFTnet(nn.Module):
    """SFTnet on images [b, h, w, 3], RGB, floats in [0, 1] (or uint8), of its backbone's size.

    `model(image, train) -> (prediction, out)`: with one output, prediction float32 is the quality
    [b]; with several, logits [b, outputs] of the quality levels. `out` holds the results of `VGG`,
    whose dense layers follow X, and with attention, at 224x224,
      `map`       V, 14x14x512;
      `weights`   S, 512, float32 (equation 18);
      `attended`  X = V * S, 14x14x512 (equation 19).
    Without attention the network is a plain VGG-16 with another head (table IX, groups 1 and 3).

    Deviations and choices (the paper is silent, or contradicts itself):
      backbone: a `VGG`. With dense layers the head follows fc7, as published; without (dense 0)
        the head follows the mean of X over its positions, for images of any size from 16 pixels.
        The backbone's own classes are not a part of SFTnet.
      after: the convolution that the block follows.
      Convolutions of the block have biases. Its dense layer starts with biases of 1 and kernels of
        variance 0.1 / c: the ReLU before the sigmoid then passes nearly all channels of a
        pre-trained VGG, S lies between 0.5 and 0.98, and S can be learned. A channel blocked by the
        ReLU has the weight 0.5 and no gradient.
      dtype: of the maps; S, prediction and parameters are float32.

    Raises:
      InputError: `after` names no convolution; errors of `VGG`.
    """

    backbone: nn.Module = VGG(dense=4096)
    attention: bool = True
    after: str = "conv5_3"
    outputs: int = 1
    dtype: str = "float32"

    @nn.compact
    def __call__(
        self, image: jax.Array, train: bool = False
    ) -> tuple[jax.Array, dict[str, jax.Array]]:
        """The quality or the logits, and every layer's output; see the class."""
        seen: dict[str, jax.Array] = {}
        attend = {}
        if self.attention:
            attend[self.after] = functools.partial(_rescale, SDA(self.dtype, name="sda"), seen)
        features, out = self.backbone(image, train, attend)
        if self.attention and not seen:
            convolutions = ", ".join(name for name in out if name.startswith("conv"))
            raise InputError(f"after: found {self.after!r}, expected one of {convolutions}")
        x = out.get("fc7", features).astype(jnp.float32)
        x = nn.Dense(self.outputs, name="head")(x)
        return (x[:, 0] if self.outputs == 1 else x), out | seen


def _rescale(sda: SDA, seen: dict[str, jax.Array], x: jax.Array) -> jax.Array:
    """The map weighted by equation 19; adds the equation's terms to `seen`."""
    weights = sda(x)
    attended = x * weights[:, None, None].astype(x.dtype)
    seen.update(map=x, weights=weights, attended=attended)
    return attended
