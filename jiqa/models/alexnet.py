"""AlexNet's convolutional part, in the form of one tower: the default network of LPIPS.

Krizhevsky, "One weird trick for parallelizing convolutional neural networks", arXiv 1404.5997,
2014; widths as in torchvision.
"""

import types

import jax
from flax import linen as nn

from jiqa.errors import InputError
from jiqa.models.layers import Attend, Conv, max_pool, pool
from jiqa.ops.normalise import normalise

# Of each convolution: features, size, stride, padding, and whether a max pooling precedes it.
LAYERS = (
    (64, 11, 4, 2, False),
    (192, 5, 1, 2, True),
    (384, 3, 1, 1, True),
    (256, 3, 1, 1, False),
    (256, 3, 1, 1, False),
)


class AlexNet(nn.Module):
    """AlexNet without its dense layers, on images [b, h, w, 3], RGB, floats in [0, 1] (or uint8).

    `model(image) -> (features, out)`: features [b, 256] are the pooled last map, float32, and `out`
    holds every convolution's map after ReLU: at 224x224 `conv1` 55x55x64, `conv2` 27x27x192,
    `conv3` 13x13x384, `conv4` and `conv5` 13x13x256. Sides are 31 pixels or more.

    `attend` maps a layer's name to a function of its output (`pool1` and `pool2` come after `conv1`
    and `conv2`); later layers see the result, while `out` keeps the convolution's own output.

    Deviations and choices:
      preprocess: a name in `jiqa.ops.normalise.PREPROCESS`, applied to the image here.
      The last max pooling is left out: only the dense layers need it.
      dtype: of the computation; parameters are float32.

    Raises:
      InputError: image not [b, h, w, 3], or a side below 31.
    """

    preprocess: str = "imagenet"
    dtype: str = "float32"

    @nn.compact
    def __call__(
        self,
        image: jax.Array,
        train: bool = False,
        attend: Attend = types.MappingProxyType({}),
    ) -> tuple[jax.Array, dict[str, jax.Array]]:
        """The pooled features and every convolution's map; see the class."""
        if image.ndim != 4 or min(image.shape[1:3]) < 31:
            expected = "[b, h, w, 3] of 31 pixels or more"
            raise InputError(f"image: found shape {list(image.shape)}, expected {expected}")
        x = normalise(image, self.preprocess).astype(self.dtype)
        out = {}
        for i, (features, size, stride, padding, pooled) in enumerate(LAYERS, start=1):
            if pooled:
                x = max_pool(x, 3)
                if f"pool{i - 1}" in attend:
                    x = attend[f"pool{i - 1}"](x)
            name = f"conv{i}"
            conv = Conv(features, size, stride, padding, dtype=self.dtype, name=name)
            x = out[name] = nn.relu(conv(x))
            if name in attend:
                x = attend[name](x)
        return pool(x), out
