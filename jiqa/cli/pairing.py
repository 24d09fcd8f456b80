"""Each image's reference, among the files that a command names."""

import os
from collections import defaultdict
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

from jiqa.errors import InputError
from jiqa.metrics.given import Given, files

_NAMED = 3  # files that an error names


class _Claim(NamedTuple):
    """The references that an image may have by a rule, and the images that have the same claim."""

    refs: list[Given]
    images: list[Given]

    @property
    def clear(self) -> bool:
        return len(self.refs) == len(self.images) == 1


class _Rule(NamedTuple):
    """What an image and its reference have in common; None where a file has no such thing.

    Images of different `scope` may share a reference.
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
    """The reference of each image, or the reason why it has none.

    One reference that is named as a file serves all images. Else an image has the reference

    - of the same path below the folder that was named, or of that path with another extension;
    - of the same name, or of that name with another extension, where no other image and no other
      reference has it;
    - where several of both have that name: of the same path below the folder that all images have
      in common, and all references.

    Args:
        images: with `pair="position"`, as often as they were named.
        patterns: files, folders and patterns of the references.
        pair: "name", as above; "position": the first image has the first reference, and so on.

    Raises:
        InputError: a pattern of no file; by position, more or fewer references than images.
    """
    refs = files(patterns, repeated=pair == "position")
    if len(refs) == 1 and refs[0].root is None:
        return [refs[0].path] * len(images)
    if pair == "position":
        if len(refs) != len(images):
            expected = f"{len(images)}, one for each image"
            raise InputError(f"--pair=position: found {len(refs)} references, expected {expected}")
        return [ref.path for ref in refs]
    named = (_claims(rule, images, refs) for rule in (_PATH, _PATH_BUT_SUFFIX, _NAME, _STEM))
    together = _from_common_folder(images), _from_common_folder(refs)
    laid_out = (_claims(rule, *together) for rule in (_PATH, _PATH_BUT_SUFFIX))
    claims = zip(images, zip(*named, strict=True), zip(*laid_out, strict=True), strict=True)
    return [_decided(image, names, layout, len(refs)) for image, names, layout in claims]


def _claims(rule: _Rule, images: Sequence[Given], refs: Sequence[Given]) -> list[_Claim]:
    """Of each image, in their order."""
    theirs, rivals = defaultdict(list), defaultdict(list)
    for ref in refs:
        theirs[rule.key(ref)].append(ref)
    for image in images:
        rivals[rule.key(image), rule.scope(image)].append(image)
    theirs[None] = []
    return [_Claim(theirs[rule.key(i)], rivals[rule.key(i), rule.scope(i)]) for i in images]


def _from_common_folder(files: Sequence[Given]) -> list[Given]:
    """The files as if the folder that all of them have in common had been named."""
    paths = [Path(os.path.abspath(file.path)) for file in files]
    roots = {os.path.abspath(file.root or file.path.parent) for file in files}
    try:
        common = Path(os.path.commonpath(roots))
    except ValueError:  # of several drives
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
