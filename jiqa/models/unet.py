"""MT-IRN's image restorer: a U-Net that predicts the restored image and a map of its damage.

Chen, Fu, Yu, Chu, "No-reference image quality assessment based on a multitask image restoration
network", Applied Sciences 13(11), 2023, section 3.1, figures 2 and 3, table 1.
"""

import itertools
from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jnp
from flax import linen as nn

from jiqa.errors import InputError
from jiqa.models.layers import DOWN_INIT, UP_INIT, Conv, Up

# Factor by which the side of an image shrinks before it grows again.
SHRINK = 16

Init = nn.initializers.Initializer


class Residual(nn.Module):
    """Figure 3: two 3x3 convolutions with a shortcut, a 1x1 convolution where the stride is 2."""

    features: int
    stride: int
    dtype: str
    inits: Mapping[str, Init]

    @nn.compact
    def __call__(self, x: jax.Array) -> jax.Array:
        """Result of the module, [b, h, w, c] to [b, h / stride, w / stride, features]."""

        def conv(x: jax.Array, name: str, size: int, stride: int) -> jax.Array:
            init = self.inits.get(name, DOWN_INIT)
            return Conv(self.features, size, stride, dtype=self.dtype, kernel_init=init, name=name)(
                x
            )

        y = nn.relu(conv(x, "conv1", 3, self.stride))
        y = conv(y, "conv2", 3, 1)
        if self.stride > 1:
            x = conv(x, "shortcut", 1, self.stride)
        return nn.relu(x + y)


class UNet(nn.Module):
    """The restorer on images [b, h, w, 3], RGB, floats in [0, 1], of any size.

    `model(image, train) -> (restored, out)`: restored [b, h, w, 3] float32 is the pseudo-reference,
    which may leave [0, 1] after training. At 224x224 `out` holds
      `restored`          D5, and the image if `residual`;
      `ssim_map`          D6, [b, h, w] float32, the predicted SSIM map (if `multitask`);
      `f1`, `f2`, `f3`    the quality restoration features D2 56x56x64, D1 28x28x128, E6 14x14x256;
      `e1` .. `e5`, `d3`, `d4`  the other modules of table 1, which its skip connections join.

    Deviations and choices (the paper is silent):
      Skip connections concatenate: D2 takes D1 and E5, D3 takes D2 and E4, D4 takes D3 and E3; D5
        and D6 share D4, all as table 1's channels ask.
      A ReLU follows every module but D5 and D6, which are linear; nothing is normalised.
      Sides that are no multiple of 16 are mirrored at the right and the bottom, and cut at the end.
      width: channels of E1; all others are its multiples.
      multitask: False leaves out D6: the single-task network.
      carry: True: the untrained network returns its input, since some kernels start as identities
        that pass the pixels through E3, the finest map on the way up; training then begins with
        the distorted image instead of noise. False: all kernels start at random.
      residual: D5, which starts at 0, is added to the image, so that no module has to pass the
        image on. Differs from table 1: for training too short to learn to keep undamaged pixels.
    """

    width: int = 16
    multitask: bool = True
    carry: bool = True
    residual: bool = False
    dtype: str = "float32"

    @nn.compact
    def __call__(
        self, image: jax.Array, train: bool = False
    ) -> tuple[jax.Array, dict[str, jax.Array]]:
        """The restored images and the intermediate maps; see the class."""
        if image.ndim != 4 or image.shape[-1] != 3:
            raise InputError(f"image: found shape {list(image.shape)}, expected [b, h, w, 3]")
        height, width = image.shape[1:3]
        margins = ((0, 0), (0, -height % SHRINK), (0, -width % SHRINK), (0, 0))
        x = jnp.pad(image, margins, mode="symmetric").astype(self.dtype)
        inits = _inits(self.width, self.residual) if self.carry else {}

        def down(x: jax.Array, features: int, stride: int, name: str) -> jax.Array:
            return Residual(features, stride, self.dtype, inits.get(name, {}), name=name)(x)

        e1_init = inits.get("e1", DOWN_INIT)
        e1 = nn.relu(Conv(self.width, 3, dtype=self.dtype, kernel_init=e1_init, name="e1")(x))
        encoded = [e1, down(e1, self.width, 1, "e2")]
        for module, times in enumerate((2, 4, 8, 16), start=3):
            encoded.append(down(encoded[-1], times * self.width, 2, f"e{module}"))
        _, _, e3, e4, e5, e6 = encoded

        def up(features: int, stride: int = 2, *, name: str) -> Up:
            return Up(features, stride, self.dtype, inits.get(name, UP_INIT), name=name)

        d1 = nn.relu(up(8 * self.width, name="d1")(e6))
        d2 = nn.relu(up(4 * self.width, name="d2")(jnp.concatenate([d1, e5], -1)))
        d3 = nn.relu(up(2 * self.width, name="d3")(jnp.concatenate([d2, e4], -1)))
        d4 = nn.relu(up(self.width, name="d4")(jnp.concatenate([d3, e3], -1)))
        restored = up(3, 1, name="d5")(d4)[:, :height, :width].astype(jnp.float32)
        if self.residual:
            restored += image
        out = {f"e{i}": x for i, x in enumerate(encoded[:5], start=1)}
        out |= {"d3": d3, "d4": d4, "f1": d2, "f2": d1, "f3": e6, "restored": restored}
        if self.multitask:
            out["ssim_map"] = up(1, 1, name="d6")(d4)[:, :height, :width, 0].astype(jnp.float32)
        return restored, out


def _inits(width: int, residual: bool) -> dict[str, Any]:
    """Initialisers, by module, that pass the image on to D5, or start D5 at 0 if `residual`.

    E3 holds four pixels at each position. Its channels 3 * phase + colour are the colours of the
    pixel at (phase // 2, phase % 2) of each square of 2x2. Phase 0 comes through the shortcut, the
    others through the convolutions.
    """
    if residual:
        return {"d5": nn.initializers.zeros}
    if 2 * width < 12:
        raise InputError(f"unet.width: found {width}, expected at least 6 to carry the image")
    colours = range(3)
    same = [(1, 1, c, c) for c in colours]
    squares = list(itertools.product(enumerate(itertools.product((1, 2), (1, 2))), colours))
    phases = [(y, x, c, 3 * phase + c) for (phase, (y, x)), c in squares]
    back = [(y, x, c, 2 * width + 3 * phase + c) for (phase, (y, x)), c in squares]
    return {
        "e1": _placed(DOWN_INIT, same, slice(0, 3)),
        "e2": {"conv2": _placed(DOWN_INIT, [], slice(0, 3))},
        "e3": {
            "conv1": _placed(DOWN_INIT, phases[3:], slice(3, 12)),
            "conv2": _placed(DOWN_INIT, [(1, 1, i, i) for i in range(3, 12)], slice(0, 12)),
            "shortcut": _placed(DOWN_INIT, [(0, 0, c, c) for c in colours], slice(0, 12)),
        },
        "d4": _placed(UP_INIT, back, (slice(0, 3), slice(None))),
        "d5": _placed(UP_INIT, same, slice(None)),
    }


def _placed(init: Init, ones: list[tuple[int, ...]], silent: Any) -> Init:
    """`init` with 0 in the channels `silent` (last axes), and then 1 at the positions `ones`."""

    def make(key: jax.Array, shape: Any, dtype: Any = jnp.float32) -> jax.Array:
        kernel = jnp.asarray(init(key, shape, dtype))
        last = silent if isinstance(silent, tuple) else (silent,)
        kernel = kernel.at[(..., *last)].set(0)
        return kernel.at[tuple(zip(*ones, strict=True))].set(1) if ones else kernel

    return make
