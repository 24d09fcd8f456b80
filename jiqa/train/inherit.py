"""Merges pre-trained weights and variables of earlier stages into a stage's fresh variables."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from flax import traverse_util

from jiqa.errors import InputError
from jiqa.train import checkpoint

# Name of the config's pre-trained weights in `init_from`.
WEIGHTS = "weights"


def inherit(
    variables: Mapping[str, Any],
    init_from: Mapping[str, str],
    sources: Mapping[str, Any],
    dont_load: Sequence[str] = (),
) -> dict[str, Any]:
    """Variables of a fresh model with the inherited parts replaced.

    An inherited part and its source must have the same tensors, but for those of `dont_load`.

    Args:
        variables: `params`, and `batch_stats` where the model has them.
        init_from: part of the model, such as `backbone`, or '' for the whole model -> name of a
            source, or part of a source, such as `levels/backbone`.
        sources: name -> variables.
        dont_load: regular expressions; a tensor whose path contains a match stays fresh, such as a
            head with another number of outputs.

    Raises:
        InputError: a source is unknown; a tensor is missing in the source, spare there, or of
            another shape; a pattern matches no path.
    """
    merged = {kind: traverse_util.flatten_dict(tree, sep="/") for kind, tree in variables.items()}
    unused = set(dont_load)
    for part, named in init_from.items():
        name, _, inner = named.partition("/")
        if name not in sources:
            known = ", ".join(sources) or "none, as this is the first stage and has no weights"
            raise InputError(f"init_from: found {named!r}, expected one of {known}")
        for kind, flat in merged.items():
            given = traverse_util.flatten_dict(sources[name].get(kind, {}), sep="/")
            have = {_join(part, path): leaf for path, leaf in _below(given, inner).items()}
            want = {_join(part, path): leaf for path, leaf in _below(flat, part).items()}
            for path in list({**want, **have}):
                found = {pattern for pattern in dont_load if re.search(pattern, path)}
                unused -= found
                if found:
                    want.pop(path, None)
                    have.pop(path, None)
            flat.update(checkpoint.merge(want, have, f"{named}, {kind}"))
    if unused:
        raise InputError(f"dont_load: found {min(unused)!r}, expected a part of a tensor's path")
    return {kind: traverse_util.unflatten_dict(flat, sep="/") for kind, flat in merged.items()}


def _join(part: str, path: str) -> str:
    return f"{part}/{path}" if part else path


def _below(flat: Mapping[str, Any], part: str) -> dict[str, Any]:
    prefix = f"{part}/" if part else ""
    return {path.removeprefix(prefix): x for path, x in flat.items() if path.startswith(prefix)}
