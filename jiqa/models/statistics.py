"""Mean and deviation of a backbone's stages: fixed features for a ridge regression."""

import jax
import jax.numpy as jnp
from flax import linen as nn

from jiqa.models.resnet import ResNet


class StageStatistics(nn.Module):
    """`model(image, train) -> (features, out)`: features of the ridge baseline, any image size.

    Image [b, h, w, 3], RGB, floats in [0, 1]. Features [b, d] float32 hold the mean and the
    deviation of every channel over the map, of each of four stages: d = 7680 for a ResNet-50.
    """

    backbone: nn.Module = ResNet()

    @nn.compact
    def __call__(
        self, image: jax.Array, train: bool = False
    ) -> tuple[jax.Array, dict[str, jax.Array]]:
        """The features and the backbone's maps; see the class."""
        _, out = self.backbone(image, train)
        maps = [out[f"stage{i}"].astype(jnp.float32) for i in (1, 2, 3, 4)]
        moments = [moment for x in maps for moment in (x.mean((1, 2)), x.std((1, 2)))]
        return jnp.concatenate(moments, axis=-1), out
