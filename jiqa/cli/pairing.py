"""Pairs images with references among the files of a command line."""

import os
from collections import defaultdict
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

from jiqa.errors import InputError
from jiqa.metrics.given import Given, files

_NAMED = 3  # number of files in an error message


class _Claim(NamedTuple):
    """Candidates of one rule: the references with an image's key, and the images with that key."""

    refs: list[Given]
    images: list[Given]

    @property
    def clear(self) -> bool:
        """Whether one reference and one image have the key."""
        return len(self.refs) == len(self.images) == 1


class _Rule(NamedTuple):
    """A rule of pairing: an image and its reference have the same key.

    Attributes:
        key: of a file; None where the rule does not apply to the file.
        scope: of an image; images of different scopes may share a reference.
    """

    key: Callable[[Given], object]
    scope: Callable[[Given], object] = lambda _: None


_PATH = _Rule(lambda file: file.below, lambda file: file.root)
_PATH_BUT_SUFFIX = _Rule(lambda file: file.below and file.below.with_suffix(""), _PATH.scope)
_NAME = _Rule(lambda file: file.path.name)
_STEM = _Rule(lambda file: file.path.stem)


def references(
    images: Sequence[Given], patterns: Sequence[str], pair: str = "name"
) -> list[Path | InputError]:
    """Reference of each image, or the error that prevents a pair.

    By name, a single reference named as a file serves all images; otherwise these rules apply in
    turn:

    - the reference has the image's path below the named folder, with any extension;
    - the reference has the image's name, with any extension, and no other image or reference has
      the name;
    - several images and references have the name: the reference's path below the common folder of
      all references is the image's path below the common folder of all images.

    Args:
        images: to pair; with `pair="position"`, an image named twice is there twice.
        patterns: files, folders and patterns of the references.
        pair: "name", as above; "position": the first image has the first reference, and so on.

    Raises:
        InputError: a pattern matches no file; with "position", the numbers of images and
            references differ.
    """
    refs = files(patterns, repeated=pair == "position")
    if pair == "position":
        if len(refs) != len(images):
            expected = f"{len(images)}, one for each image"
            raise InputError(f"--pair=position: found {len(refs)} references, expected {expected}")
        return [ref.path for ref in refs]
    if len(refs) == 1 and refs[0].root is None:
        return [refs[0].path] * len(images)
    named = (_claims(rule, images, refs) for rule in (_PATH, _PATH_BUT_SUFFIX, _NAME, _STEM))
    together = _from_common_folder(images), _from_common_folder(refs)
    laid_out = (_claims(rule, *together) for rule in (_PATH, _PATH_BUT_SUFFIX))
    claims = zip(images, zip(*named, strict=True), zip(*laid_out, strict=True), strict=True)
    return [_decided(image, names, layout, len(refs)) for image, names, layout in claims]


def _claims(rule: _Rule, images: Sequence[Given], refs: Sequence[Given]) -> list[_Claim]:
    """Claims of the images by one rule, in the order of the images."""
    theirs, rivals = defaultdict(list), defaultdict(list)
    for ref in refs:
        theirs[rule.key(ref)].append(ref)
    for image in images:
        rivals[rule.key(image), rule.scope(image)].append(image)
    theirs[None] = []
    return [_Claim(theirs[rule.key(i)], rivals[rule.key(i), rule.scope(i)]) for i in images]


def _from_common_folder(files: Sequence[Given]) -> list[Given]:
    """The files with paths relative to their common folder."""
    paths = [Path(os.path.abspath(file.path)) for file in files]
    roots = {os.path.abspath(file.root or file.path.parent) for file in files}
    try:
        common = Path(os.path.commonpath(roots))
    except ValueError:  # the files are on several drives
        return [file._replace(root=None, below=None) for file in files]
    return [
        file._replace(root=common, below=path.relative_to(common))
        for file, path in zip(files, paths, strict=True)
    ]


def _decided(
    image: Given, named: Sequence[_Claim], laid_out: Sequence[_Claim], count: int
) -> Path | InputError:
    for claim in named:
        if claim.clear:
            return claim.refs[0].path
    loosest = named[-1]
    if len(loosest.refs) > 1 and len(loosest.images) > 1:
        for claim in laid_out:
            if claim.clear:
                return claim.refs[0].path
    unclear = next((claim for claim in named if claim.refs), None)
    if unclear is None:
        found = f"no reference of this name among {count}"
        return InputError(f"{image.path}: found {found}, expected one")
    found = f"{_says(unclear.refs)} for {_says(unclear.images)}"
    expected = "one reference, or --pair=position"
    return InputError(f"{image.path}: found {found} by their names, expected {expected}")


def _says(files: Sequence[Given]) -> str:
    names = [str(file.path) for file in files[:_NAMED]]
    return ", ".join(names) + (f" and {len(files) - _NAMED} more" if len(files) > _NAMED else "")
