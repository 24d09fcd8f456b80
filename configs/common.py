"""Arguments and image sources shared by the config files."""

from collections.abc import Callable, Collection
from typing import Any

from ml_collections import ConfigDict

from jiqa.errors import InputError

BUDGETS = ("", "paper", "cpu")  # '' is the paper's budget, or no choice with pocket

# (height, width) of each database's resized images in IQA-NRTL, before 224x224 crops are cut.
RESIZE = {
    "agiqa1k": (512, 512),  # our choice: the paper gives no size
    "biq2021": (256, 256),
    "koniq10k": (384, 512),
    "tid2013": (384, 384),
}


def parse(text: str | None, **defaults: Any) -> Any:
    """Parses `a=1,b=c` into a ConfigDict; each value has the type of its default.

    Raises:
        InputError: an argument has no default, or a value has another type.
    """
    values: Any = ConfigDict(defaults)
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


def parse_run(text: str | None, **defaults: Any) -> Any:
    """Parses arguments as `parse`, with the protocol arguments that all config files share.

    By default the test part of pocket has two of the eight photographs.
    """
    defaults = {"protocol": "random", "test": 0.1, "cross": "", "shared": False, **defaults}
    args = parse(text, **defaults)
    if args.dataset == "pocket":
        return parse(text, **defaults | {"test": 0.25})
    return args


def refuse_unknown(args: Any, **known: Collection[Any]) -> None:
    """Refuses unknown values of arguments; `known` has the possible values of each argument.

    Raises:
        InputError: a value is unknown.
    """
    for name, values in known.items():
        if args[name] not in values:
            expected = ", ".join(str(value) for value in values if value != "")
            raise InputError(f"config argument {name}: found {args[name]!r}, expected {expected}")


def refuse_idle(args: Any, reason: str, *names: str) -> None:
    """Refuses arguments that have no effect.

    Args:
        args: the arguments.
        reason: argument that makes others idle, such as 'dataset=pocket'.
        names: of the idle arguments.

    Raises:
        InputError: an idle argument is neither empty nor 'none'.
    """
    for name in names:
        if args[name] and args[name] != "none":
            raise InputError(
                f"config argument {name}: found {args[name]!r} with {reason}, expected none, as it "
                "does nothing there"
            )


def database(name: str) -> ConfigDict:
    """Section `data` for a database; `biq2021/sample` is the config `sample` of `biq2021`."""
    base, _, config = name.partition("/")
    return ConfigDict(
        {
            "database": base,
            "config": config,
            "data_dir": "",  # by default $JIQA_DATA_DIR or ~/.cache/jiqa/databases
            "resident_mb": 4096,  # a decoded database up to this size stays on the device
            "workers": 0,  # processes that read and cut streamed images
        }
    )


def read_once(name: str) -> ConfigDict:
    """Section `data` for images that are read once, one by one: none stays on the device."""
    data = database(name)
    data.resident_mb = 0
    return data


def others(
    args: Any, view: Callable[[str], Any], data: Callable[[str], ConfigDict] = database
) -> ConfigDict:
    """Section `tests`: the databases of the argument `cross`, each with `data` and `view`."""
    return ConfigDict({name: {"data": data(name), "view": view(name)} for name in cross(args)})


def protocol(args: Any) -> ConfigDict:
    """Section `protocol`: fields of `jiqa.data.protocols.Protocol`."""
    fields = {"kind": args.protocol, "val": 0.1, "n": args.splits, "test": args.test}
    if args.cross:
        fields |= {"kind": "cross", "shared": args.shared}
    return ConfigDict({**fields, "seed": args.seed})


def cross(args: Any) -> list[str]:
    """Names of the databases for a cross-database test."""
    return [name for name in args.cross.split("+") if name]


def view(name: str) -> ConfigDict:
    """Section `view` of IQA-NRTL: three 224x224 crops per image, flipped at random in training.

    Images are resized to the size in `RESIZE` first. Images of other databases, such as LIVE, keep
    their size, and crops are squares of 50 to 100% of the shorter side, resized to 224x224.
    """
    base = name.partition("/")[0]
    size: dict[str, Any] = {"resize": RESIZE.get(base)}
    if base not in RESIZE:
        size["crop_scale"] = (0.5, 1.0)
    return ConfigDict({**size, "crop": 224, "blocks": 3, "flip": True})


def weights(path: str, network: str = "ResNet-50") -> str:
    """File of a network's pre-trained weights; '' for `none`.

    Raises:
        InputError: `path` is empty. Training without pre-trained weights needs `none`.
    """
    if not path:
        raise InputError(
            f"config argument weights: nothing found, expected the file of a {network}'s ImageNet "
            "weights (.pth, .safetensors, .h5, .npz), or weights=none to train from scratch"
        )
    return "" if path == "none" else path
