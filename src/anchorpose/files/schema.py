"""The JSON Schema of a results line, and a small checker of the part of JSON Schema that it uses.

The schema travels in the package (`people.schema.json`), so that programs in any language can check results;
the checker saves a dependency here and names the place of what is wrong.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping
from functools import cache
from importlib.resources import files
from typing import Any

from anchorpose.poses.errors import FormatError
from anchorpose.poses.skeletons import SKELETONS

# Parsed JSON has exactly these types, so no isinstance: True is not a number.
_TYPES: dict[str, tuple[type, ...]] = {
    "object": (dict,),
    "array": (list,),
    "string": (str,),
    "null": (type(None),),
    "boolean": (bool,),
    "integer": (int,),
    "number": (int, float),
}
_ANNOTATIONS = {"$schema", "$defs", "title", "description"}
Check = Callable[[Any, str], None]


@cache
def people_schema() -> dict[str, Any]:
    """The JSON Schema (draft 2020-12) of one line of a results file."""
    return json.loads(files("anchorpose.files").joinpath("people.schema.json").read_text("utf-8"))


def validate_line(line: Any) -> None:
    """Check one parsed line against the output contract.

    Beyond the schema: skeletons exist, and every list of joints is as long as its skeleton.

    Raises:
        FormatError: names the place, as in `people[0].body.joints2d[3]`, and what was expected there.
    """
    _line_check()(line, "")
    for i, person in enumerate(line["people"]):
        for part in ("body", "left_hand", "right_hand", "face"):
            if person[part] is not None:
                _check_joints(person[part], f"people[{i}].{part}")
        if person.get("motion") is not None:
            _check_motion(person["motion"], f"people[{i}].motion")


def _count_joints(skeleton: str, place: str) -> int:
    if skeleton not in SKELETONS:
        raise FormatError(f"{place}.skeleton: no skeleton {skeleton!r}; there are {', '.join(SKELETONS)}")
    return len(SKELETONS[skeleton])


def _check_motion(motion: Mapping[str, Any], place: str) -> None:
    expected = _count_joints(motion["skeleton"], place)
    for name in ("rotations", "bone_lengths"):
        if len(motion[name]) != expected:
            raise FormatError(
                f"{place}.{name}: {motion['skeleton']} has {expected} joints, here are {len(motion[name])}"
            )


def _check_joints(pose: Mapping[str, Any], place: str) -> None:
    expected = _count_joints(pose["skeleton"], place)
    lists = [(place, pose, ("joints2d", "joints3d", "scores"))]
    lists += [(f"{place}.modes[{i}]", m, ("joints2d", "joints3d", "spread")) for i, m in enumerate(pose["modes"])]
    for where, values, names in lists:
        for name in names:
            if values[name] is not None and len(values[name]) != expected:
                raise FormatError(
                    f"{where}.{name}: {pose['skeleton']} has {expected} joints, here are {len(values[name])}"
                )


@cache
def _line_check() -> Check:
    schema = people_schema()
    checks: dict[str, Check] = {}
    for name, definition in schema["$defs"].items():
        checks[f"#/$defs/{name}"] = _compile(definition, checks)
    return _compile(schema, checks)


def _compile(schema: Mapping[str, Any], named: Mapping[str, Check]) -> Check:
    """A function that raises FormatError where a value does not fit `schema`; closures, for speed."""
    parts = [_KEYWORDS[key](value, schema, named) for key, value in schema.items() if key not in _ANNOTATIONS]
    if len(parts) == 1:
        return parts[0]

    def check(value: Any, place: str) -> None:
        for part in parts:
            part(value, place)

    return check


def _fail(place: str, problem: str) -> None:
    raise FormatError(f"{place.lstrip('.') or 'the line'}: {problem}")


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 40 else text[:37] + "..."


def _type(names: str | list[str], _: Any, __: Any) -> Check:
    allowed = [names] if isinstance(names, str) else names
    types = frozenset(t for name in allowed for t in _TYPES[name])

    def check(value: Any, place: str) -> None:
        kind = type(value)
        if kind not in types or (kind is float and not math.isfinite(value)):
            _fail(place, f"expected {' or '.join(allowed)}, not {_shown(value)}")

    return check


def _ref(name: str, _: Any, named: Mapping[str, Check]) -> Check:
    return lambda value, place: named[name](value, place)


def _choice(allowed: list[Any], _: Any, __: Any) -> Check:
    def check(value: Any, place: str) -> None:
        if not any(value == a and type(value) is type(a) for a in allowed):
            _fail(place, f"expected {' or '.join(map(repr, allowed))}, not {_shown(value)}")

    return check


def _required(names: list[str], _: Any, __: Any) -> Check:
    def check(value: Any, place: str) -> None:
        missing = [n for n in names if n not in value] if isinstance(value, dict) else []
        if missing:
            _fail(place, f"{', '.join(missing)} missing")

    return check


def _properties(properties: Mapping[str, Any], _: Any, named: Mapping[str, Check]) -> Check:
    checks = {name: _compile(part, named) for name, part in properties.items()}

    def check(value: Any, place: str) -> None:
        if isinstance(value, dict):
            for name, check_item in checks.items():
                if name in value:
                    check_item(value[name], f"{place}.{name}")

    return check


def _items(part: Mapping[str, Any], _: Any, named: Mapping[str, Check]) -> Check:
    check_item = _compile(part, named)

    def check(value: Any, place: str) -> None:
        if isinstance(value, list):
            for i, item in enumerate(value):
                check_item(item, f"{place}[{i}]")

    return check


def _prefix_items(parts: list[Any], _: Any, named: Mapping[str, Check]) -> Check:
    checks = [_compile(part, named) for part in parts]

    def check(value: Any, place: str) -> None:
        if isinstance(value, list):
            for i, (item, check_item) in enumerate(zip(value, checks, strict=False)):
                check_item(item, f"{place}[{i}]")

    return check


def _count(keyword: str) -> Callable[[int, Any, Any], Check]:
    def make(bound: int, _: Any, __: Any) -> Check:
        def check(value: Any, place: str) -> None:
            if isinstance(value, list) and (len(value) < bound if keyword == "minItems" else len(value) > bound):
                _fail(place, f"expected {'at least' if keyword == 'minItems' else 'at most'} {bound} values, "
                             f"not {len(value)}")  # fmt: skip

        return check

    return make


def _bound(strict: bool) -> Callable[[float, Any, Any], Check]:
    def make(bound: float, _: Any, __: Any) -> Check:
        def check(value: Any, place: str) -> None:
            if type(value) in _TYPES["number"] and (value <= bound if strict else value < bound):
                _fail(place, f"expected {'more than' if strict else 'at least'} {bound}, not {_shown(value)}")

        return check

    return make


_KEYWORDS: dict[str, Callable[[Any, Mapping[str, Any], Mapping[str, Check]], Check]] = {
    "type": _type,
    "$ref": _ref,
    "const": lambda value, schema, named: _choice([value], schema, named),
    "enum": _choice,
    "required": _required,
    "properties": _properties,
    "items": _items,
    "prefixItems": _prefix_items,
    "minItems": _count("minItems"),
    "maxItems": _count("maxItems"),
    "minimum": _bound(strict=False),
    "exclusiveMinimum": _bound(strict=True),
}
