"""IQA-NRTL: multi-scale semantic features, perception module, adaptive fusion, regressor.

Yang, Liu, Wu and Yu, "A quality assessment algorithm for no-reference images based on transfer
learning", PeerJ Computer Science 2025, doi 10.7717/peerj-cs.2654.
"""

import jax
import jax.numpy as jnp
from flax import linen as nn

from jiqa.errors import InputError
from jiqa.models.layers import pool
from jiqa.models.resnet import ResNet

VARIANTS = ("resnet50", "semantic", "vision", "adapt", "full")
MATCHES = ("stride", "mean")


def windows(x: jax.Array, size: int) -> jax.Array:
    """Non-overlapping windows stacked along the channels (space to depth).

    Maps [b, h, w, c] become [b, ceil(h / size), ceil(w / size), size * size * c], channels in the
    order (row, column, c); zeros fill the map at the right and the bottom.
    """
    b, h, w, c = x.shape
    x = jnp.pad(x, ((0, 0), (0, -h % size), (0, -w % size), (0, 0)))
    rows, columns = x.shape[1] // size, x.shape[2] // size
    x = x.reshape(b, rows, size, columns, size, c).transpose(0, 1, 3, 2, 4, 5)
    return x.reshape(b, rows, columns, size * size * c)


class Perception(nn.Module):
    """Equation 2: windows stacked along the channels, a 1x1 convolution, ReLU."""

    features: int
    window: int
    dtype: str

    @nn.compact
    def __call__(self, x: jax.Array) -> jax.Array:
        """Windows' features, [b, h, w, c] to [b, ceil(h / window), ceil(w / window), features]."""
        return nn.relu(nn.Dense(self.features, dtype=self.dtype)(windows(x, self.window)))


class AdaptiveFusion(nn.Module):
    """Equations 3 to 5: three maps matched in shape, weighted per channel, and summed."""

    match: str
    coe: int
    dtype: str
    features: int = 64

    @nn.compact
    def __call__(self, maps: list[jax.Array]) -> tuple[jax.Array, dict[str, jax.Array]]:
        """Features [b, features] fused from maps [b, 4h, 4w, .], [b, 2h, 2w, .] and [b, h, w, .].

        Also returns `matched1` .. `matched3` [b, h, w, features], `weights` [b, 3, features] and
        `fused` [b, h, w, features].
        """
        matched = []
        for i, (x, stride) in enumerate(zip(maps, (4, 2, 1), strict=True), start=1):
            if self.match == "mean":
                x = windows(x, stride)
                x = x.reshape(*x.shape[:3], stride * stride, -1).mean(3)
            else:
                x = x[:, ::stride, ::stride]
            matched.append(nn.Dense(self.features, dtype=self.dtype, name=f"match{i}")(x))
        scales = jnp.stack(matched, axis=1)
        squeezed = nn.relu(nn.Dense(self.features // self.coe, name="squeeze")(pool(scales.sum(1))))
        heads = [nn.Dense(self.features, name=f"select{i}")(squeezed) for i in (1, 2, 3)]
        weights = jax.nn.softmax(jnp.stack(heads, axis=1), axis=1)
        fused = (weights[:, :, None, None].astype(scales.dtype) * scales).sum(1)
        out = {f"matched{i}": x for i, x in enumerate(matched, start=1)}
        return pool(fused), {**out, "weights": weights, "fused": fused}


class IQANRTL(nn.Module):
    """IQA-NRTL on images [b, h, w, 3], RGB, floats in [0, 1] (or uint8), of any size.

    `model(image, train) -> (prediction, out)`: prediction [b] float32 is the quality. At 224x224
    with a ResNet-50, `out` holds
      `stage1` .. `stage4`    info_i, 56x56x256, 28x28x512, 14x14x1024, 7x7x2048 (equation 1);
      `info1` .. `info3`      info'_i, 8x8x16, 4x4x32, 2x2x64 (equation 2; `full`);
      `info_global`           info'_4 before pooling, 1x1x`global_dim` (`vision`, `full`);
      `matched1` .. `matched3`  M(info'_i), 2x2x64 (equation 3; 14x14x64 in `adapt`; both fuse);
      `weights`               soft_i, 3x64 (equation 4), summing to 1 over the scales;
      `fused`                 f_fused, of the matched maps' shape (equation 5);
      `features`              f'_fused, the regressor's input (equation 6).

    Variants (table 3) by the features that they regress: `resnet50`: the pooled stage 4.
    `semantic`: the pooled stages 1 to 4. `vision`: stage 4 through the perception module. `adapt`:
    the pooled stage 4 and the fusion of the plain local stages. `full`: perception on all four
    stages, and fusion of the local three.

    Deviations and choices (the paper is silent, or contradicts itself):
      backbone: a `ResNet`, whose own fields set preprocessing, frozen stages and so on.
      window: 7 at 224x224 as in the paper; a 32nd of the side for smaller crops. Maps are
        zero-padded at the right and the bottom to a multiple of the window, so that the three
        scales meet at any size.
      match: `stride`, the paper's strided 1x1 convolutions, which read one window in 16 of the
        first scale; `mean` averages those windows first (the zeros of the padding count).
      The matched maps are summed, since equation 5 needs equal shapes, and only the fourth scale
        and the fused map are pooled, since the convolutions need maps.
      global_dim, coe, hidden, slope: sizes of info'_4, the squeeze, the regressor's hidden layer
        and its LeakyReLU.
      dtype: of the maps; pooled vectors, weights and the regressor are float32.

    Raises:
      InputError: unknown `variant` or `match`; image not [b, h, w, 3].
    """

    variant: str = "full"
    backbone: nn.Module = ResNet()
    window: int = 7
    match: str = "stride"
    global_dim: int = 224
    coe: int = 4
    hidden: int = 128
    slope: float = 0.01
    dtype: str = "float32"

    @nn.compact
    def __call__(
        self, image: jax.Array, train: bool = False
    ) -> tuple[jax.Array, dict[str, jax.Array]]:
        """The quality of every image, and the intermediate maps; see the class."""
        for field, value, known in (
            ("variant", self.variant, VARIANTS),
            ("match", self.match, MATCHES),
        ):
            if value not in known:
                raise InputError(f"{field}: found {value!r}, expected one of {', '.join(known)}")
        _, out = self.backbone(image, train)
        local = [out["stage1"], out["stage2"], out["stage3"]]
        if self.variant in ("vision", "full"):
            out["info_global"] = self._perceive(out["stage4"], "perception_global", self.global_dim)
            features = [pool(out["info_global"])]
        else:
            features = [pool(out["stage4"])]
        if self.variant == "semantic":
            features = [*map(pool, local), *features]
        if self.variant == "full":
            for i, size in enumerate((16, 32, 64), start=1):
                local[i - 1] = self._perceive(local[i - 1], f"perception{i}", size)
                out[f"info{i}"] = local[i - 1]
        if self.variant in ("adapt", "full"):
            fusion = AdaptiveFusion(self.match, self.coe, self.dtype, name="fusion")
            fused, maps = fusion(local)
            out |= maps
            features = [fused, *features]
        out["features"] = jnp.concatenate(features, axis=-1)
        hidden = nn.Dense(self.hidden, name="hidden")(out["features"])
        quality = nn.Dense(1, name="score")(nn.leaky_relu(hidden, self.slope))
        return quality[:, 0], out

    def _perceive(self, x: jax.Array, name: str, features: int) -> jax.Array:
        return Perception(features, self.window, self.dtype, name=name)(x)
