"""What the value objects have in common: checks, equality by content, and plain JSON values."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from anchorpose.poses.errors import InputError


def to_json(value: Any) -> Any:
    """Arrays, tuples and NumPy scalars as plain JSON values; NaN and infinities become None."""
    if isinstance(value, np.ndarray):
        return to_json(value.tolist())
    if isinstance(value, (list, tuple)):
        return [to_json(v) for v in value]
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    return value


def _nan_for_none(value: Any) -> Any:
    if isinstance(value, list):
        return [_nan_for_none(v) for v in value]
    return math.nan if value is None else value


def from_json(value: Any) -> np.ndarray | None:
    """A float array from nested lists, None inside as NaN; None stays None (`to_json` backwards)."""
    return None if value is None else np.array(_nan_for_none(value), float)


def checked_array(value: Any, shape: tuple[int | None, ...], name: str) -> np.ndarray:
    """A read-only float array of the given shape (None: any length); InputError otherwise."""
    try:
        array = np.array(value, float)
    except (TypeError, ValueError):
        raise InputError(f"{name} should be made of numbers, in rows of one length, not {value!r:.80}") from None
    # The plain comparison first: live motion makes values for every frame.
    if array.shape != shape and (
        array.ndim != len(shape) or any(w is not None and w != n for w, n in zip(shape, array.shape, strict=True))
    ):
        wanted = "x".join("?" if n is None else str(n) for n in shape)
        raise InputError(f"{name} should have shape {wanted}, not {'x'.join(map(str, array.shape))}")
    array.setflags(write=False)
    return array


def finite(value: Any, name: str) -> float:
    """A finite number: one that is not could be written, as null, but not read again."""
    number = float(value)
    if not math.isfinite(number):
        raise InputError(f"a {name} is a finite number, not {number}")
    return number


def set_fields(instance: object, **values: Any) -> None:
    """Set attributes of a frozen value while it is made."""
    for name, value in values.items():
        object.__setattr__(instance, name, value)


def _equal(a: Any, b: Any) -> bool:
    """Equality of values that may be arrays; NaN equals NaN, as a missing value does."""
    if isinstance(a, np.ndarray) or isinstance(b, np.ndarray):
        if not (isinstance(a, np.ndarray) and isinstance(b, np.ndarray)):
            return False
        return bool(np.array_equal(a, b, equal_nan=a.dtype.kind == "f"))
    return bool(a == b) or bool(a != a and b != b)


class Value:
    """Equality by content. Frozen dataclasses with arrays need their own."""

    def __eq__(self, other: object) -> bool:
        if type(self) is not type(other):
            return NotImplemented
        names = self.__dataclass_fields__  # type: ignore[attr-defined]
        return all(_equal(getattr(self, n), getattr(other, n)) for n in names)

    __hash__ = None  # type: ignore[assignment]
