"""Joint names as files have them: with prefixes, in any case, with separators; and lists of them in messages."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence

_LISTED = 12


def plain_name(name: str) -> str:
    """A joint's name without prefix ("mixamorig1:", "Armature|"), separators and case."""
    bare = re.sub(r"^mixamorig\d*", "", re.split(r"[:|]", name)[-1], flags=re.IGNORECASE)
    return re.sub(r"[\s_.-]", "", bare).lower()


def spelled_as(own: Iterable[str], names: Sequence[str]) -> tuple[str, ...]:
    """`names` spelled as they are in `own` where they are the same plainly.

    Others stay, and so do those that could be two joints: two names that are the same plainly, or a name beside the one
    that it would get.
    """
    known = {plain_name(name): name for name in own}
    plain = [plain_name(name) for name in names]
    count, there = Counter(plain), set(names)
    return tuple(
        known[key] if key in known and count[key] == 1 and known[key] not in there else name
        for name, key in zip(names, plain, strict=True)
    )


def some_names(names: Sequence[str]) -> str:
    """At most a dozen of the names, and how many more there are."""
    more = f" and {len(names) - _LISTED} more" if len(names) > _LISTED else ""
    return ", ".join(names[:_LISTED]) + more
