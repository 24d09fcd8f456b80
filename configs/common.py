"""What the config files share: how their arguments are read, and where images come from."""

from collections.abc import Callable, Collection
from typing import Any

from ml_collections import ConfigDict

from jiqa.errors import InputError

BUDGETS = ("", "paper", "cpu")  # the first is the paper's, or none with pocket

# (height, width) that IQA-NRTL resizes each database's images to, before it cuts 224x224 blocks.
RESIZE = {
    "agiqa1k": (512, 512),  # ours: the paper gives none
    "biq2021": (256, 256),
    "koniq10k": (384, 512),
    "tid2013": (384, 384),
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
            values[name] = {"True": True, "False": False}[value] if kind is bool else kind(value)
        except (KeyError, ValueError):
            raise InputError(
                f"config argument {name}: found {value!r}, expected {kind.__name__}"
            ) from None
    return values


def parse_run(text: str | None, **defaults: Any) -> ConfigDict:
    """`parse`, with the arguments of data and protocol that all config files share.

    Of pocket's eight photographs two are for the test, unless `test` is given.
    """
    defaults = {"protocol": "random", "test": 0.1, "cross": "", "shared": False, **defaults}
    args = parse(text, **defaults)
    if args.dataset == "pocket":
        return parse(text, **defaults | {"test": 0.25})
    return args


def refuse_unknown(args: ConfigDict, **known: Collection[Any]) -> None:
    """Refuses values of arguments that are not among those `known` by the argument's name.

    Raises:
        InputError: one that is not.
    """
    for name, values in known.items():
        if args[name] not in values:
            expected = ", ".join(str(value) for value in values if value != "")
            raise InputError(f"config argument {name}: found {args[name]!r}, expected {expected}")


def refuse_idle(args: ConfigDict, beside: str, *names: str) -> None:
    """Refuses arguments that are given where they do nothing.

    Args:
        args: the arguments.
        beside: what makes them idle: 'dataset=pocket'.
        names: of the idle ones.

    Raises:
        InputError: one that is neither empty nor 'none'.
    """
    for name in names:
        if args[name] and args[name] != "none":
            raise InputError(
                f"config argument {name}: found {args[name]!r} with {beside}, expected none, as it "
                "does nothing there"
            )


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


def read_once(name: str) -> ConfigDict:
    """`database`, for images that are read once, one by one: none stays on the device."""
    data = database(name)
    data.resident_mb = 0
    return data


def others(
    args: ConfigDict, view: Callable[[str], Any], data: Callable[[str], ConfigDict] = database
) -> ConfigDict:
    """The `tests` section: the databases of `cross`, each with its `data` and `view`."""
    return ConfigDict({name: {"data": data(name), "view": view(name)} for name in cross(args)})


def protocol(args: ConfigDict) -> ConfigDict:
    """The `protocol` section: `fields` of `jiqa.data.protocols.Protocol`."""
    fields = {"kind": args.protocol, "val": 0.1, "n": args.splits, "test": args.test}
    if args.cross:
        fields |= {"kind": "cross", "shared": args.shared}
    return ConfigDict({**fields, "seed": args.seed})


def cross(args: ConfigDict) -> list[str]:
    """The databases to test on that are not the one trained on."""
    return [name for name in args.cross.split("+") if name]


def view(name: str) -> ConfigDict:
    """The `view` section of IQA-NRTL: three blocks of 224x224 an image, flipped in training.

    They are cut from the image resized as `RESIZE` has it; where that has nothing, as for LIVE,
    from squares of 50 to 100% of the shorter side of the image as it is.
    """
    base = name.partition("/")[0]
    size = {"resize": RESIZE.get(base)}
    if base not in RESIZE:
        size["crop_scale"] = (0.5, 1.0)
    return ConfigDict({**size, "crop": 224, "blocks": 3, "flip": True})


def weights(path: str, network: str = "ResNet-50") -> str:
    """The file of a network's pre-trained weights; '' for `none`.

    Raises:
        InputError: none was given. A run without them is no transfer, so that has to be said.
    """
    if not path:
        raise InputError(
            f"config argument weights: nothing found, expected the file of a {network}'s ImageNet "
            "weights (.pth, .safetensors, .h5, .npz), or weights=none to train from scratch"
        )
    return "" if path == "none" else path
