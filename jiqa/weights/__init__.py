"""Pre-trained weights of other frameworks as our parameters."""

from jiqa.weights.resnet import Imported, load

__all__ = ["Imported", "load"]
