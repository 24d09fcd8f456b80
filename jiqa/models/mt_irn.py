"""MT-IRN: scores from an image, its restoration and their difference, fused at each scale.

Chen, Fu, Yu, Chu, "No-reference image quality assessment based on a multitask image restoration
network", Applied Sciences 13(11), 2023, section 3.2, figures 4 and 5, equations 1 to 3.
"""

import jax
import jax.numpy as jnp
from flax import linen as nn

from jiqa.errors import InputError
from jiqa.models.layers import Conv, pool
from jiqa.models.resnet import ResNet
from jiqa.models.unet import UNet

VARIANTS = ("baseline", "restoration", "difference", "full")


class Attended(nn.Module):
    """Equations 1 and 2: a weight for every position, from convolutions of several sizes."""

    width: int
    dtype: str

    @nn.compact
    def __call__(self, x: jax.Array) -> tuple[jax.Array, jax.Array]:
        """The weighted map, [b, h, w, c] like the input, and its weights [b, h, w, 1]."""

        def conv(x: jax.Array, name: str, size: int) -> jax.Array:
            return Conv(self.width, size, dtype=self.dtype, name=name)(x)

        scales = [conv(x, "conv3", 3), conv(conv(x, "conv5a", 3), "conv5b", 3), conv(x, "conv1", 1)]
        scales = jnp.concatenate(scales, axis=-1)
        summary = jnp.stack([scales.max(-1), scales.mean(-1)], axis=-1)
        weight = nn.sigmoid(Conv(1, 5, dtype=self.dtype, name="weight")(summary))
        return x * weight, weight


class Fusion(nn.Module):
    """Equations 1 to 3: restoration and content maps weighted by position, then by channel."""

    width: int
    dtype: str

    @nn.compact
    def __call__(
        self, restoration: jax.Array, content: jax.Array
    ) -> tuple[jax.Array, dict[str, jax.Array]]:
        """Fused map [b, h, w, c + d] from [b, h, w, c] and [b, h, w, d].

        Also returns `restoration_weight` and `content_weight` [b, h, w, 1] and `channel_weight`
        [b, c + d], all in [0, 1].
        """
        restoration, by_restoration = Attended(self.width, self.dtype, name="restoration")(
            restoration
        )
        content, by_content = Attended(self.width, self.dtype, name="content")(content)
        both = jnp.concatenate([restoration, content], axis=-1)
        channel = nn.sigmoid(nn.Dense(both.shape[-1], name="channel")(pool(both)))
        weights = {"restoration_weight": by_restoration, "content_weight": by_content}
        fused = both * channel[:, None, None].astype(both.dtype)
        return fused, {**weights, "channel_weight": channel}


class MTIRN(nn.Module):
    """MT-IRN on images [b, h, w, 3], RGB, floats in [0, 1], of sides that are multiples of 32.

    `model(image, train) -> (prediction, out)`: prediction [b] float32 is the quality. `out` holds
    the backbone's maps of the image (`stage1` .. `stage4`), the restorer's results (`restored`,
    `ssim_map`, `f1` .. `f3`; see `UNet`), and, at 224x224 with a ResNet-50,
      `fused1` .. `fused3`      F_M of each scale, 56x56x320, 28x28x640, 14x14x1280 (`full`), with
        `restoration_weight1`, `content_weight1`, `channel_weight1` and so on;
      `difference`              7x7x512 (`difference`, `full`);
      `features`                the regressor's input.

    Variants (table 7): `baseline`: the pooled stages of the image. `restoration`: additionally the
    pooled f1 .. f3; the table's single-task and multitask rows are its two restorers. `difference`:
    additionally the difference of the last stages. `full`: fusion instead of concatenation.

    Deviations and choices (the paper is silent, or contradicts itself):
      The backbone, a `ResNet`, is the same network for the image and for the pseudo-reference,
        which is clipped to [0, 1] first. Both form one batch, so that batch normalisation sees
        the same mixture in training as in its running statistics at test.
      The spatial weight multiplies the raw map, and both attentions end in a sigmoid.
      width: of each branch of the multi-scale convolution; `reduced`: of the difference.
      hidden, dropout: of the regressor's hidden layer.
      dtype: of the maps; pooled vectors, channel weights and the regressor are float32.

    Raises:
      InputError: unknown `variant`; image of another shape.
    """

    variant: str = "full"
    backbone: nn.Module = ResNet()
    restorer: nn.Module = UNet()
    width: int = 64
    reduced: int = 512
    hidden: int = 512
    dropout: float = 0.5
    dtype: str = "float32"

    @nn.compact
    def __call__(
        self, image: jax.Array, train: bool = False
    ) -> tuple[jax.Array, dict[str, jax.Array]]:
        """The quality of every image, and the intermediate maps; see the class."""
        if self.variant not in VARIANTS:
            known = ", ".join(VARIANTS)
            raise InputError(f"variant: found {self.variant!r}, expected one of {known}")
        if image.ndim != 4 or any(side % 32 for side in image.shape[1:3]):
            raise InputError(
                f"image: found shape {list(image.shape)}, expected [b, h, w, 3] with h and w "
                "multiples of 32, so that the maps of both networks meet"
            )
        out, shown = {}, image
        if self.variant != "baseline":
            _, maps = self.restorer(image, train)
            out = {name: maps[name] for name in ("f1", "f2", "f3", "restored")}
            if "ssim_map" in maps:
                out["ssim_map"] = maps["ssim_map"]
        if self.variant in ("difference", "full"):
            shown = jnp.concatenate([image, jnp.clip(out["restored"], 0, 1)])
        last, seen = self.backbone(shown, train)
        out |= {name: x[: len(image)] for name, x in seen.items()}
        features = [last[: len(image)]]
        scales = [out["stage1"], out["stage2"], out["stage3"]]
        if self.variant == "full":
            for i, content in enumerate(scales, start=1):
                fusion = Fusion(self.width, self.dtype, name=f"fusion{i}")
                fused, weights = fusion(out[f"f{i}"].astype(content.dtype), content)
                out |= {f"fused{i}": fused, **{f"{k}{i}": v for k, v in weights.items()}}
                features.append(pool(fused))
        else:
            features += map(pool, scales)
            if self.variant != "baseline":
                features += [pool(out[f"f{i}"]) for i in (1, 2, 3)]
        if self.variant in ("difference", "full"):
            difference = out["stage4"] - seen["stage4"][len(image) :]
            out["difference"] = nn.Dense(self.reduced, dtype=self.dtype, name="reduce")(difference)
            features.append(pool(out["difference"]))
        out["features"] = jnp.concatenate(features, axis=-1)
        hidden = nn.relu(nn.Dense(self.hidden, name="hidden")(out["features"]))
        hidden = nn.Dropout(self.dropout, deterministic=not train)(hidden)
        return nn.Dense(1, name="score")(hidden)[:, 0], out
