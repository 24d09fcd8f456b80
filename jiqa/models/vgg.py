"""VGG-16: the backbone of LPIPS, TTL-IQA and RankIQA.

Simonyan and Zisserman, "Very deep convolutional networks for large-scale image recognition", ICLR
2015, table 1, configuration D.
"""

import types

import jax
import jax.numpy as jnp
from flax import linen as nn

from jiqa.errors import InputError
from jiqa.models.layers import Attend, Conv, max_pool, pool
from jiqa.ops.normalise import normalise

# Of each stage: number of convolutions, and their channels as a multiple of the first stage's.
STAGES = ((2, 1), (2, 2), (3, 4), (3, 8), (3, 8))

HE = nn.initializers.he_normal()


class VGG(nn.Module):
    """VGG-16 on images [b, h, w, 3], RGB, floats in [0, 1] (or uint8); without its dense layers.

    `model(image, train, attend) -> (features, out)`: features [b, 512] are the pooled last map,
    float32, and `out` holds every convolution's map after ReLU: at 224x224 `conv1_1`, `conv1_2`
    224x224x64, `conv2_1`, `conv2_2` 112x112x128, `conv3_1` .. `conv3_3` 56x56x256, `conv4_1` ..
    `conv4_3` 28x28x512, `conv5_1` .. `conv5_3` 14x14x512. Sides are 16 pixels or more.

    With `dense`, the last max pooling follows, and `out` also holds `fc6` and `fc7` [b, dense],
    after ReLU and dropout, and, with classes, `logits` [b, classes] float32. All images must then
    have the size that the network was initialised with, at least 32 pixels; a pre-trained network
    takes 224x224.

    `attend` maps a convolution's name to a function of its output; later layers and `features` see
    the result, while `out` keeps the convolution's own output.

    Deviations and choices:
      width: channels of the first stage; the others have 2, 4, 8 and 8 times as many.
      dense: width of fc6 and fc7, 4096 in the paper; 0 leaves them out.
      classes: outputs of the last dense layer, 1000 in the paper; 0 leaves that layer out.
      dropout: share of fc6 and fc7 that is dropped in training.
      preprocess: a name in `jiqa.ops.normalise.PREPROCESS`, applied to the image here.
      Convolutions start by He's rule, which preserves a signal's size through 13 layers.
      dtype: of the computation; parameters and logits are float32.

    Raises:
      InputError: image not [b, h, w, 3], a side too small, or a size other than fc6's;
        classes without dense layers.
    """

    preprocess: str = "imagenet"
    width: int = 64
    dense: int = 0
    classes: int = 0
    dropout: float = 0.5
    dtype: str = "float32"

    @nn.compact
    def __call__(
        self,
        image: jax.Array,
        train: bool = False,
        attend: Attend = types.MappingProxyType({}),
    ) -> tuple[jax.Array, dict[str, jax.Array]]:
        """The pooled features and every layer's output; see the class."""
        if self.classes and not self.dense:
            raise InputError(f"classes: found {self.classes} with dense 0, expected dense layers")
        least = 32 if self.dense else 16
        if image.ndim != 4 or min(image.shape[1:3]) < least:
            expected = f"[b, h, w, 3] of {least} pixels or more"
            raise InputError(f"image: found shape {list(image.shape)}, expected {expected}")
        x = normalise(image, self.preprocess).astype(self.dtype)
        out = {}
        for stage, (depth, multiple) in enumerate(STAGES, start=1):
            if stage > 1:
                x = max_pool(x, 2)
            for i in range(1, depth + 1):
                name = f"conv{stage}_{i}"
                conv = Conv(multiple * self.width, 3, dtype=self.dtype, kernel_init=HE, name=name)
                x = out[name] = nn.relu(conv(x))
                if name in attend:
                    x = attend[name](x)
        features = pool(x)
        if self.dense:
            x = self._flat(max_pool(x, 2))
            for name in ("fc6", "fc7"):
                x = nn.relu(nn.Dense(self.dense, dtype=self.dtype, name=name)(x))
                x = out[name] = nn.Dropout(self.dropout, deterministic=not train)(x)
            if self.classes:
                out["logits"] = nn.Dense(self.classes, name="fc8")(x.astype(jnp.float32))
        return features, out

    def _flat(self, x: jax.Array) -> jax.Array:
        """Flattened map, [b, h, w, c] to [b, h * w * c], checked for the size that fc6 takes."""
        flat = x.reshape(x.shape[0], -1)
        if self.has_variable("params", "fc6"):
            takes = self.get_variable("params", "fc6")["kernel"].shape[0]
            if takes != flat.shape[1]:
                found = f"sides that leave a map of {'x'.join(map(str, x.shape[1:]))}"
                raise InputError(
                    f"image: found {found}, expected fc6's {takes} values, as 224x224 leaves to a "
                    "pre-trained VGG-16"
                )
        return flat
