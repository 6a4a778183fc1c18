"""Source photos carried into the query's picture by their similarities."""

from __future__ import annotations

import numpy as np
from PIL import Image

from anchorpose.learn.synthesis.mosaic.matching import Similarity


def warp(
    image: Image.Image, similarity: Similarity, size: tuple[int, int], region: tuple[int, int, int, int] | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """I' = T(I), bilinear.

    Args:
        image: the photo. similarity: from its pixels to those of the picture.
        size: width and height of the picture [px].
        region: x0, y0, x1, y1, the part of the picture that is wanted; None for all of it.

    Returns:
        (h, w, 3) uint8, black where the photo does not reach, and (h, w) bool: where it does.
    """
    x0, y0, x1, y1 = region or (0, 0, *size)
    inverse = similarity.inverse()
    a, start = inverse.a, inverse.a * complex(x0, y0) + inverse.b
    # Source of pixel (u, v): start + a (u + i v). Pillow counts from the pixels' corners.
    shift = start + 0.5 * (1 + 1j) - a * 0.5 * (1 + 1j)
    terms = (a.real, -a.imag, shift.real, a.imag, a.real, shift.imag)
    warped = image.transform((x1 - x0, y1 - y0), Image.Transform.AFFINE, terms, Image.Resampling.BILINEAR)
    u = np.arange(x1 - x0, dtype=np.float32)[None]
    v = np.arange(y1 - y0, dtype=np.float32)[:, None]
    xs = np.float32(a.real) * u + (np.float32(start.real) - np.float32(a.imag) * v)
    ys = np.float32(a.imag) * u + (np.float32(start.imag) + np.float32(a.real) * v)
    tolerance = 1e-3
    inside = (xs >= -tolerance) & (xs <= image.width - 1 + tolerance)
    inside &= (ys >= -tolerance) & (ys <= image.height - 1 + tolerance)
    return np.asarray(warped), inside


def reach(width: int, height: int, similarity: Similarity, size: tuple[int, int], step: int) -> np.ndarray:
    """(ceil(H / step), ceil(W / step)) bool: which pixels of the picture a photo of width x height reaches.

    Only every `step`-th pixel is looked at; a margin of one pixel of the photo is left.
    """
    inverse = similarity.inverse()
    u = np.arange((step - 1) / 2, size[0] + (step - 1) / 2, step, dtype=np.float32)[None]
    v = np.arange((step - 1) / 2, size[1] + (step - 1) / 2, step, dtype=np.float32)[:, None]
    a, b = inverse.a, inverse.b
    xs = np.float32(a.real) * u + (np.float32(b.real) - np.float32(a.imag) * v)
    ys = np.float32(a.imag) * u + (np.float32(b.imag) + np.float32(a.real) * v)
    return (xs >= 1) & (xs <= width - 2) & (ys >= 1) & (ys <= height - 2)
