"""Networks by name."""

import dataclasses
from collections.abc import Mapping
from typing import Any

from flax import linen as nn

from jiqa.errors import InputError
from jiqa.models.iqa_nrtl import IQANRTL
from jiqa.models.resnet import ResNet
from jiqa.models.statistics import StageStatistics

MODELS: dict[str, type[nn.Module]] = {
    "iqa_nrtl": IQANRTL,
    "resnet": ResNet,
    "stage_statistics": StageStatistics,
}


def build(name: str, **options: Any) -> nn.Module:
    """Make a network from its name in `MODELS` and its fields.

    Options are what JSON holds. A network inside the network is a dictionary of its own options,
    with its `name`; it computes in the outer `dtype` unless it has one:
    `build('iqa_nrtl', dtype='bfloat16', backbone={'name': 'resnet', 'preprocess': 'caffe'})`.

    Raises:
      InputError: unknown name or option; the message lists the known ones.
    """
    if name not in MODELS:
        raise InputError(f"model: found {name!r}, expected one of {', '.join(MODELS)}")
    fields = [f.name for f in dataclasses.fields(MODELS[name]) if f.name not in ("parent", "name")]
    for option, value in options.items():
        if option not in fields:
            raise InputError(f"{name}.{option}: no such option, expected {', '.join(fields)}")
        if isinstance(value, Mapping):
            inner = {"dtype": options["dtype"]} if "dtype" in options else {}
            options[option] = build(**{**inner, **value})
        elif isinstance(value, list):
            options[option] = tuple(value)
    return MODELS[name](**options)
