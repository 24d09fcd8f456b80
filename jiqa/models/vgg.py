"""VGG-16's convolutional part: what LPIPS, TTL-IQA and RankIQA stand on.

Simonyan and Zisserman, "Very deep convolutional networks for large-scale image recognition", ICLR
2015, table 1, configuration D.
"""

import jax
from flax import linen as nn

from jiqa.errors import InputError
from jiqa.models.layers import Conv, max_pool, pool
from jiqa.ops.normalise import normalise

STAGES = ((2, 64), (2, 128), (3, 256), (3, 512), (3, 512))


class VGG(nn.Module):
    """VGG-16 without its dense layers, on images [b, h, w, 3], RGB, floats in [0, 1] (or uint8).

    `model(image) -> (features, out)`: features [b, 512] are the pooled last map, float32, and `out`
    holds every convolution's map after ReLU: at 224x224 `conv1_1`, `conv1_2` 224x224x64,
    `conv2_1`, `conv2_2` 112x112x128, `conv3_1` .. `conv3_3` 56x56x256, `conv4_1` .. `conv4_3`
    28x28x512, `conv5_1` .. `conv5_3` 14x14x512. Sides are 16 pixels or more.

    Deviations and choices:
      preprocess: a name in `jiqa.ops.normalise.PREPROCESS`, applied to the image here.
      The last max pooling, which only the dense layers need, is left to them.
      dtype: of the computation; parameters are float32.

    Raises:
      InputError: image not [b, h, w, 3], or a side below 16.
    """

    preprocess: str = "imagenet"
    dtype: str = "float32"

    @nn.compact
    def __call__(
        self, image: jax.Array, train: bool = False
    ) -> tuple[jax.Array, dict[str, jax.Array]]:
        """Return the pooled features and every convolution's map; see the class."""
        if image.ndim != 4 or min(image.shape[1:3]) < 16:
            expected = "[b, h, w, 3] of 16 pixels or more"
            raise InputError(f"image: found shape {list(image.shape)}, expected {expected}")
        x = normalise(image, self.preprocess).astype(self.dtype)
        out = {}
        for stage, (depth, width) in enumerate(STAGES, start=1):
            if stage > 1:
                x = max_pool(x, 2)
            for i in range(1, depth + 1):
                name = f"conv{stage}_{i}"
                x = nn.relu(Conv(width, 3, dtype=self.dtype, name=name)(x))
                out[name] = x
        return pool(x), out
