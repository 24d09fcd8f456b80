"""What the config files share: how their arguments are read, and where images come from."""

from typing import Any

from ml_collections import ConfigDict

from jiqa.errors import InputError

# (height, width) that IQA-NRTL resizes each database's images to, before it cuts 224x224 blocks.
RESIZE = {
    "biq2021": (256, 256),
}


def parse(text: str | None, **defaults: Any) -> ConfigDict:
    """Reads `a=1,b=c` into a ConfigDict, each value of its default's type.

    Raises:
        InputError: an argument that has no default, or a value of another type.
    """
    values = ConfigDict(defaults)
    for part in filter(None, (text or "").split(",")):
        name, equals, value = part.partition("=")
        if name not in defaults or not equals:
            raise InputError(
                f"config argument: found {part!r}, expected NAME=VALUE with NAME one of "
                f"{', '.join(defaults)}"
            )
        kind = type(defaults[name])
        try:
            values[name] = kind(value)
        except ValueError:
            raise InputError(
                f"config argument {name}: found {value!r}, expected {kind.__name__}"
            ) from None
    return values


def database(name: str) -> ConfigDict:
    """The `data` section for a database, `biq2021/sample` being a config of `biq2021`."""
    base, _, config = name.partition("/")
    return ConfigDict(
        {
            "database": base,
            "config": config,
            "data_dir": "",  # by default $JIQA_DATA_DIR or ~/.cache/jiqa/databases
            "resident_mb": 4096,  # decoded databases up to this size stay on the device
            "workers": 0,  # processes that read and cut images, where they are streamed
        }
    )


def protocol(kind: str, **fields: Any) -> ConfigDict:
    """The `protocol` section: `fields` of `jiqa.protocols.Protocol`."""
    return ConfigDict({"kind": kind, "val": 0.1, **fields})


def weights(path: str) -> str:
    """The file of pre-trained weights; '' for `none`.

    Raises:
        InputError: none was given. A run without them is no transfer, so that has to be said.
    """
    if not path:
        raise InputError(
            "config argument weights: nothing found, expected the file of a ResNet-50's ImageNet "
            "weights (.pth, .safetensors, .h5, .npz), or weights=none to train from scratch"
        )
    return "" if path == "none" else path


def resize(name: str) -> tuple[int, int]:
    """(height, width) that a database's images are resized to before 224x224 crops are cut."""
    base = name.partition("/")[0]
    if base not in RESIZE:
        raise InputError(f"dataset: found {name!r}, expected one of pocket, {', '.join(RESIZE)}")
    return RESIZE[base]
