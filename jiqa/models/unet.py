"""The image restorer of MT-IRN: a U-Net that gives back the image and maps how far it is damaged.

Chen, Fu, Yu, Chu, "No-reference image quality assessment based on a multitask image restoration
network", Applied Sciences 13(11), 2023, section 3.1, figures 2 and 3, table 1.
"""

import functools

import jax
import jax.numpy as jnp
from flax import linen as nn

from jiqa.errors import InputError
from jiqa.models.layers import Conv, Up

# Side of an image comes down by this before it goes up again.
SHRINK = 16


class Residual(nn.Module):
    """Figure 3: two 3x3 convolutions around a shortcut, which a stride of 2 turns into a 1x1."""

    features: int
    stride: int
    dtype: str

    @nn.compact
    def __call__(self, x: jax.Array) -> jax.Array:
        """Map [b, h, w, c] to [b, h / stride, w / stride, features]."""

        def conv(x: jax.Array, name: str, size: int, stride: int) -> jax.Array:
            return Conv(self.features, size, stride, dtype=self.dtype, name=name)(x)

        y = nn.relu(conv(x, "conv1", 3, self.stride))
        y = conv(y, "conv2", 3, 1)
        if self.stride > 1:
            x = conv(x, "shortcut", 1, self.stride)
        return nn.relu(x + y)


class UNet(nn.Module):
    """The restorer on images [b, h, w, 3], RGB, floats in [0, 1], of any size.

    `model(image, train) -> (restored, out)`: restored [b, h, w, 3] float32 is the pseudo-reference,
    which training may carry beyond [0, 1]. At 224x224 `out` holds
      `restored`          D5;
      `ssim_map`          D6, [b, h, w] float32, the predicted SSIM map (if `multitask`);
      `f1`, `f2`, `f3`    the quality restoration features D2 56x56x64, D1 28x28x128, E6 14x14x256;
      `e1` .. `e5`, `d3`, `d4`  the other modules of table 1, which its skip connections join.

    Deviations and choices (the paper is silent):
      Skip connections concatenate: D2 takes D1 and E5, D3 takes D2 and E4, D4 takes D3 and E3; D5
        and D6 share D4, all as table 1's channels ask.
      A ReLU follows every module but D5 and D6, which are linear; nothing is normalised.
      Sides that are no multiple of 16 are mirrored at the right and the bottom, and cut at the end.
      width: channels of E1; all others are its multiples.
      multitask: False leaves D6 out, the single-task network.
    """

    width: int = 16
    multitask: bool = True
    dtype: str = "float32"

    @nn.compact
    def __call__(
        self, image: jax.Array, train: bool = False
    ) -> tuple[jax.Array, dict[str, jax.Array]]:
        """Return the restored images and the maps on the way; see the class."""
        if image.ndim != 4 or image.shape[-1] != 3:
            raise InputError(f"image: found shape {list(image.shape)}, expected [b, h, w, 3]")
        height, width = image.shape[1:3]
        margins = ((0, 0), (0, -height % SHRINK), (0, -width % SHRINK), (0, 0))
        x = jnp.pad(image, margins, mode="symmetric").astype(self.dtype)
        e1 = nn.relu(Conv(self.width, 3, dtype=self.dtype, name="e1")(x))
        encoded = [e1, Residual(self.width, 1, self.dtype, name="e2")(e1)]
        for module, times in enumerate((2, 4, 8, 16), start=3):
            block = Residual(times * self.width, 2, self.dtype, name=f"e{module}")
            encoded.append(block(encoded[-1]))
        _, _, e3, e4, e5, e6 = encoded

        up = functools.partial(Up, dtype=self.dtype)
        d1 = nn.relu(up(8 * self.width, name="d1")(e6))
        d2 = nn.relu(up(4 * self.width, name="d2")(jnp.concatenate([d1, e5], -1)))
        d3 = nn.relu(up(2 * self.width, name="d3")(jnp.concatenate([d2, e4], -1)))
        d4 = nn.relu(up(self.width, name="d4")(jnp.concatenate([d3, e3], -1)))
        restored = up(3, 1, name="d5")(d4)[:, :height, :width].astype(jnp.float32)
        out = {f"e{i}": x for i, x in enumerate(encoded[:5], start=1)}
        out |= {"d3": d3, "d4": d4, "f1": d2, "f2": d1, "f3": e6, "restored": restored}
        if self.multitask:
            out["ssim_map"] = up(1, 1, name="d6")(d4)[:, :height, :width, 0].astype(jnp.float32)
        return restored, out
