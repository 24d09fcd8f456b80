"""Networks by name, built from options as JSON holds them."""

import dataclasses
from collections.abc import Mapping
from typing import Any

from flax import linen as nn

from jiqa.errors import InputError
from jiqa.models.dt_gan import DTGAN
from jiqa.models.iqa_nrtl import IQANRTL
from jiqa.models.mt_irn import MTIRN
from jiqa.models.resnet import ResNet
from jiqa.models.sftnet import SFTnet
from jiqa.models.statistics import StageStatistics
from jiqa.models.unet import UNet
from jiqa.models.vgg import VGG

MODELS: dict[str, type[nn.Module]] = {
    "dt_gan": DTGAN,
    "iqa_nrtl": IQANRTL,
    "mt_irn": MTIRN,
    "resnet": ResNet,
    "sftnet": SFTnet,
    "stage_statistics": StageStatistics,
    "unet": UNet,
    "vgg": VGG,
}

# Default inner networks, for options that name none.
INNER = {
    "iqa_nrtl": {"backbone": {"name": "resnet"}},
    "mt_irn": {"backbone": {"name": "resnet"}, "restorer": {"name": "unet"}},
    "sftnet": {"backbone": {"name": "vgg", "dense": 4096}},
    "stage_statistics": {"backbone": {"name": "resnet"}},
}

DTYPES = ("float32", "bfloat16", "float64")


def build(name: str, **options: Any) -> nn.Module:
    """The network of that name in `MODELS`, with its fields set by options.

    Options have JSON's types. A network inside the network is a dictionary of its own options,
    with its `name`; its default `dtype` is the outer one:
    `build('iqa_nrtl', dtype='bfloat16', backbone={'name': 'resnet', 'preprocess': 'caffe'})`.

    Raises:
      InputError: unknown name, option or dtype; the message lists the known ones.
    """
    if name not in MODELS:
        raise InputError(f"model: found {name!r}, expected one of {', '.join(MODELS)}")
    fields = [f.name for f in dataclasses.fields(MODELS[name]) if f.name not in ("parent", "name")]
    options = INNER.get(name, {}) | options
    dtype = options.get("dtype", "float32")
    if dtype not in DTYPES:
        raise InputError(f"{name}.dtype: found {dtype!r}, expected one of {', '.join(DTYPES)}")
    for option, value in options.items():
        if option not in fields:
            raise InputError(f"{name}.{option}: no such option, expected {', '.join(fields)}")
        if isinstance(value, Mapping):
            if "name" not in value:
                raise InputError(f"{name}.{option}: found no `name`, expected {', '.join(MODELS)}")
            options[option] = build(**{"dtype": dtype, **value})
        elif isinstance(value, list):
            options[option] = tuple(value)
    return MODELS[name](**options)
