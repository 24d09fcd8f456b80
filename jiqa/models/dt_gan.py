"""DT-GAN of TTL-IQA: a database's distortions, hallucinated onto pristine photographs.

Yang, Li, Liu, "TTL-IQA: transitive transfer learning based no-reference image quality assessment",
IEEE Transactions on Multimedia 23, 2021, section IV, figures 3 to 5, table II.
"""

import functools

import jax
import jax.numpy as jnp
from flax import linen as nn

from jiqa.errors import InputError
from jiqa.models.layers import Conv, pool
from jiqa.ops.resize import imresize

# Factor by which a generator's maps are smaller in the middle.
SHRINK = 4
# Smallest sides that a generator can mirror at its borders, and a discriminator can judge.
LEAST, LEAST_JUDGED = 8, 24

INIT = nn.initializers.normal(0.02)

_conv = functools.partial(Conv, kernel_init=INIT)


class _Normed(nn.Module):
    """Convolution and instance normalisation; no bias, since the normalisation would cancel it."""

    features: int
    size: int
    stride: int
    padding: int
    affine: bool
    dtype: str

    @nn.compact
    def __call__(self, x: jax.Array) -> jax.Array:
        """Maps of mean 0 and deviation 1 over each image and channel, from [b, h, w, c]."""
        x = _conv(
            self.features, self.size, self.stride, self.padding, False, self.dtype, name="conv"
        )(x)
        return nn.InstanceNorm(
            epsilon=1e-5,
            use_scale=self.affine,
            use_bias=self.affine,
            use_fast_variance=False,
            dtype=self.dtype,
            name="norm",
        )(x)


class _Block(nn.Module):
    """RB of table II: two reflect-padded 3x3 convolutions with a shortcut."""

    affine: bool
    dtype: str

    @nn.compact
    def __call__(self, x: jax.Array) -> jax.Array:
        """Result of the block, [b, h, w, c] like its input."""
        conv = functools.partial(_Normed, x.shape[-1], 3, 1, 0, self.affine, self.dtype)
        y = nn.relu(conv(name="conv1")(_reflect(x, 1)))
        return x + conv(name="conv2")(_reflect(y, 1))


class Generator(nn.Module):
    """D-Gnet or H-Gnet: translates images [b, h, w, 3], RGB, floats in [0, 1]; float32, same shape.

    Any size of 8 pixels or more. Layers are named as in table II: `sc1`, `sc2`, `sc3`, `rb1` ..,
    `rc1`, `rc2`, `sc4`.

    Deviations and choices:
      blocks: the text has three residual blocks, the table two.
      RC2 takes 128 channels to 64, which SC4 expects; the table repeats RC1's line.
      Where the table's padding 0 would shrink a map, the border is reflected.
      Instance normalisation (affine: with a learned scale and bias) follows every convolution
        except SC4, and a ReLU follows the normalisation, except at the end of a residual block.
      Inner images are in [-1, 1], the range of the final tanh.
      Sides that are no multiple of 4 are mirrored at the right and the bottom, and cut at the end.
      width: channels of SC1; all others are its multiples.
      residual: False, as published: the tanh is the image. True: the tanh, which starts at 0, is
        added to the image and the sum is clipped. Instance normalisation removes brightness and
        contrast; the published generator has to learn both from the content, and short training
        on small crops does not recover them.
      Kernels start normal with deviation 0.02.

    Raises:
      InputError: image of another shape, or too small.
    """

    width: int = 64
    blocks: int = 3
    affine: bool = False
    residual: bool = False
    dtype: str = "float32"

    @nn.compact
    def __call__(self, image: jax.Array) -> jax.Array:
        """The translated images; see the class."""
        _check(image, LEAST)
        height, width = image.shape[1:3]
        margins = ((0, 0), (0, -height % SHRINK), (0, -width % SHRINK), (0, 0))
        x = source = 2 * jnp.pad(image, margins, mode="symmetric").astype(self.dtype) - 1

        def conv(
            x: jax.Array, name: str, times: int, size: int, stride: int, padding: int
        ) -> jax.Array:
            features = times * self.width
            layer = _Normed(features, size, stride, padding, self.affine, self.dtype, name=name)
            return nn.relu(layer(x))

        x = conv(_reflect(x, 3), "sc1", 1, 7, 1, 0)
        x = conv(x, "sc2", 2, 3, 2, 1)
        x = conv(x, "sc3", 4, 3, 2, 1)
        for number in range(1, self.blocks + 1):
            x = _Block(self.affine, self.dtype, name=f"rb{number}")(x)
        x = conv(_reflect(_double(x), 1), "rc1", 2, 3, 1, 0)
        x = conv(_reflect(_double(x), 1), "rc2", 1, 3, 1, 0)
        init = nn.initializers.zeros if self.residual else INIT
        x = Conv(3, 7, 1, 0, dtype=self.dtype, kernel_init=init, name="sc4")(_reflect(x, 3))
        x = jnp.tanh(_float(x))
        if self.residual:
            x = jnp.clip(_float(source) + x, -1, 1)
        return (x[:, :height, :width] + 1) / 2


class Discriminator(nn.Module):
    """D-Dnet or H-Dnet: logits of being real, of images [b, h, w, 3], RGB, floats in [0, 1].

    A logit judges 70x70 pixels: 256x256 pixels give 30x30 logits, float32 [b, 30, 30]. Any size of
    24 pixels or more. Layers are named `sc_m1` .. `sc_m5`, as in table II.

    Deviations and choices:
      SC_m2 is padded by 1 like the other layers; the table has 4.
      LeakyReLU of slope 0.2; SC_m2 to SC_m4 have instance normalisation, as in PatchGAN.
      affine, width, kernels: as in the generator.

    Raises:
      InputError: image of another shape, or too small.
    """

    width: int = 64
    affine: bool = False
    dtype: str = "float32"

    @nn.compact
    def __call__(self, image: jax.Array) -> jax.Array:
        """The logits; see the class."""
        _check(image, LEAST_JUDGED)
        x = 2 * image.astype(self.dtype) - 1
        leaky = functools.partial(nn.leaky_relu, negative_slope=0.2)
        x = leaky(_conv(self.width, 4, 2, 1, dtype=self.dtype, name="sc_m1")(x))
        for number, (times, stride) in enumerate(((2, 2), (4, 2), (8, 1)), start=2):
            conv = _Normed(
                times * self.width, 4, stride, 1, self.affine, self.dtype, name=f"sc_m{number}"
            )
            x = leaky(conv(x))
        return _float(_conv(1, 4, 1, 1, dtype=self.dtype, name="sc_m5")(x))[..., 0]


class DTGAN(nn.Module):
    """Both generators, both discriminators, and the network of the semantic loss.

    Images are [b, h, w, 3], RGB, floats in [0, 1]; results are float32. Each method is applied by
    name, `model.apply(variables, image, method="distort")`, and needs only the parameters of its
    own part. `model(image, train) -> (hallucinated, out)` touches all parts: `out` holds
    `recovered`, `distorted` (logits of the hallucinated image), `pristine` (logits of the recovered
    image) and, with a backbone, `semantics`.

    Deviations and choices:
      backbone: phi, a `VGG`, or None without a semantic loss.
      semantic: name in phi's `out`: `logits`, the paper's last fully connected layer, `fc7`, or a
        map such as `conv5_3`, which is pooled over its positions.
      semantic_size: side of the square to which phi's input is resized (antialiased bilinear).
      width, affine: of all four networks; blocks, residual: of both generators.
      dtype: of the computation; parameters are float32.

    Raises:
      InputError: unknown `semantic`; image of another shape, or too small.
    """

    width: int = 64
    blocks: int = 3
    affine: bool = False
    residual: bool = False
    backbone: nn.Module | None = None
    semantic: str = "conv5_3"
    semantic_size: int = 224
    dtype: str = "float32"

    def setup(self) -> None:
        """Creates the four networks."""
        generator = self.width, self.blocks, self.affine, self.residual, self.dtype
        self.d_generator, self.h_generator = Generator(*generator), Generator(*generator)
        self.d_discriminator = Discriminator(self.width, self.affine, self.dtype)
        self.h_discriminator = Discriminator(self.width, self.affine, self.dtype)

    def __call__(
        self, image: jax.Array, train: bool = False
    ) -> tuple[jax.Array, dict[str, jax.Array]]:
        """The hallucinated images, and the results of the other parts; see the class."""
        hallucinated = self.distort(image)
        out = {"recovered": self.recover(hallucinated)}
        out["distorted"] = self.judge_distorted(hallucinated)
        out["pristine"] = self.judge_pristine(out["recovered"])
        if self.backbone is not None:
            out["semantics"] = self.semantics(out["recovered"])
        return hallucinated, out

    def distort(self, image: jax.Array) -> jax.Array:
        """D-Gnet: hallucinated distorted images, from pristine images of the same size."""
        return self.d_generator(image)

    def recover(self, image: jax.Array) -> jax.Array:
        """H-Gnet: pristine images, recovered from hallucinated distorted ones."""
        return self.h_generator(image)

    def judge_distorted(self, image: jax.Array) -> jax.Array:
        """D-Dnet: logits [b, h', w'] that images belong to the database."""
        return self.d_discriminator(image)

    def judge_pristine(self, image: jax.Array) -> jax.Array:
        """H-Dnet: logits [b, h', w'] that images are pristine photographs."""
        return self.h_discriminator(image)

    def semantics(self, image: jax.Array) -> jax.Array:
        """phi's features of the images, float32 [b, features]."""
        if self.backbone is None:
            raise InputError("dt_gan.backbone: found none, expected one for the semantic loss")
        side = self.semantic_size
        _, out = self.backbone(imresize(image, (side, side), "bilinear"))
        if self.semantic not in out:
            known = ", ".join(out)
            raise InputError(f"dt_gan.semantic: found {self.semantic!r}, expected one of {known}")
        found = out[self.semantic]
        return pool(found) if found.ndim == 4 else _float(found)


def _check(image: jax.Array, least: int) -> None:
    if image.ndim != 4 or image.shape[-1] != 3 or min(image.shape[1:3]) < least:
        expected = f"[b, h, w, 3] of {least} pixels or more"
        raise InputError(f"image: found shape {list(image.shape)}, expected {expected}")


def _float(x: jax.Array) -> jax.Array:
    """The array in float32 or, if it has more precision, unchanged."""
    return x.astype(jnp.promote_types(x.dtype, jnp.float32))


def _reflect(x: jax.Array, margin: int) -> jax.Array:
    return jnp.pad(x, ((0, 0), (margin, margin), (margin, margin), (0, 0)), mode="reflect")


def _double(x: jax.Array) -> jax.Array:
    """Nearest-neighbour upsampling by 2."""
    return x.repeat(2, axis=1).repeat(2, axis=2)
