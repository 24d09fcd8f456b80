"""Pre-trained weights of other frameworks, as parameters of jiqa's networks."""

from pathlib import Path

from jiqa.errors import InputError
from jiqa.weights import resnet, vgg
from jiqa.weights.files import Tensors, check, read
from jiqa.weights.imported import Imported

__all__ = ["Imported", "check", "load"]


def load(
    path: str | Path, architecture: str = "", *, dense: bool = False, classes: bool = False
) -> Imported:
    """Variables of a ResNet or a VGG-16 trained on ImageNet, with the matching options.

    Takes torchvision's state dict (.pth, .pt, .safetensors), Keras' weights or whole model (.h5,
    .weights.h5), and either's tensors as .npz (`<layer>/<weight>` for Keras'). The source network
    may differ from jiqa's defaults, above all in preprocessing; the differences follow from the
    names of the tensors and are returned in `options`: see `resnet.convert` and `vgg.convert`.

    Args:
      path: the file.
      architecture: `resnet50`, `resnet101`, `resnet152` or `vgg16`; '' recognises a ResNet-50 and
        a VGG-16 by the names of the tensors.
      dense: import the dense layers of a VGG-16 too, with the 1000-class layer; False drops them.
      classes: import the 1000-class layer too; False drops it. The same as `dense` for a VGG-16.

    Raises:
      InputError: unknown architecture, unreadable file, or a tensor that is missing, spare, of
        another shape than expected, or not finite.
    """
    known = [*resnet.ARCHITECTURES, *vgg.ARCHITECTURES]
    if architecture and architecture not in known:
        expected = ", ".join(known)
        raise InputError(f"architecture: found {architecture!r}, expected one of {expected}")
    tensors = read(path)
    try:
        architecture = architecture or _recognise(tensors)
        if architecture in vgg.ARCHITECTURES:
            return vgg.convert(tensors, architecture, dense=dense or classes)
        if dense:
            raise InputError("found a ResNet, expected a VGG-16, which has dense layers")
        return resnet.convert(tensors, architecture, classes=classes)
    except InputError as error:
        raise InputError(f"{path}: {error}") from None


def _recognise(tensors: Tensors) -> str:
    if vgg.recognises(tensors):
        return "vgg16"
    if resnet.recognises(tensors):
        return "resnet50"
    found = list(tensors)[:3]
    raise InputError(f"found tensors such as {found}, expected a ResNet's or a VGG-16's")
