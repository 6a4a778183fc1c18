"""One mosaic: query, matches, warps, argmax and blending, with every stage kept."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from PIL import Image

from anchorpose.learn.synthesis.mosaic.blending import blend, fill_holes, histogram_weights, square_sizes
from anchorpose.learn.synthesis.mosaic.config import MosaicConfig
from anchorpose.learn.synthesis.mosaic.limbs import Chart, chart
from anchorpose.learn.synthesis.mosaic.matching import Match, Matcher, Similarity
from anchorpose.learn.synthesis.mosaic.probability import JOINTS, Neighbourhood, neighbourhood
from anchorpose.learn.synthesis.mosaic.queries import Query
from anchorpose.learn.synthesis.mosaic.sources import PhotoReader, Sources
from anchorpose.learn.synthesis.mosaic.visibility import hidden_by
from anchorpose.learn.synthesis.mosaic.warping import reach, warp
from anchorpose.poses.errors import FileError, InputError
from anchorpose.poses.skeletons import BODY13

_STEP = 2  # maps are worked out at every other pixel
# Hips and shoulders first: with `agree` the limbs go after them.
_ORDER = [BODY13.index(f"{s}_{n}") for n in ("shoulder", "hip", "knee", "elbow", "ankle", "wrist") for s in "rl"]
_ORDER.insert(4, BODY13.index("head"))
_TRIES = 20  # photos of a joint that cannot be read, before it is given up


@dataclass(frozen=True, eq=False)
class Mosaic:
    """An image made of photos, and the stages it went through.

    Attributes:
        image: (H, W, 3) uint8.
        query: what it shows.
        chart: the query's half limbs.
        matches: of each joint, None for one that has no pixel in the picture.
        maps: the probability maps.
        winners: (H, W) uint8, the joint whose photo each pixel is of before blending.
        weights: (13, H, W) float32.
        known: (H, W) bool, where any photo reaches; the rest is filled from around.
    """

    image: np.ndarray
    query: Query
    chart: Chart
    matches: tuple[Match | None, ...]
    maps: Neighbourhood
    winners: np.ndarray
    weights: np.ndarray
    known: np.ndarray

    @property
    def mismatch(self) -> float:
        """How far the chosen poses are off: the mean D_j over the extent of the query."""
        size = float(np.ptp(self.query.joints2d, axis=0).max())
        return float(np.mean([match.distance for match in self.matches if match is not None])) / max(size, 1.0)


class Workshop:
    """Makes mosaics of one set of sources. `problems` lists the photos that could not be read so far."""

    def __init__(self, sources: Sources, config: MosaicConfig) -> None:
        self.sources, self.config = sources, config
        self.matcher = Matcher(sources.joints2d, sources.visible, config.missing, config.max_zoom, config.agree)
        self.reader = PhotoReader(sources.paths, sources.sizes, config.cache_mb)
        self.problems: dict[int, str] = {}

    def make(self, query: Query) -> Mosaic:
        """The mosaic of a query.

        Raises:
            InputError: no source fits, or none of those that do can be read.
        """
        width, height = query.camera.width, query.camera.height
        parts = chart(query)
        maps = neighbourhood(parts, width, height, softness=self.config.softness, front=self.config.front, step=_STEP)
        wanted = np.unique(maps.winners())
        p = query.joints2d
        matches: list[Match | None] = [None] * JOINTS
        photos: list[tuple[Image.Image, float] | None] = [None] * JOINTS
        hidden = hidden_by(query.joints3d, query.joints3d, own=True)
        for j in sorted(wanted, key=_ORDER.index):
            used = {match.source for match in matches if match is not None}
            matches[j], photos[j] = self._match(p, int(j), bool(hidden[j]), used)
        winners = maps.winners(self._valid(matches, width, height))
        scale = max(width, height) / 256
        least, growth, most = self.config.square
        half = square_sizes(maps.nearest, least * scale, growth, most * scale)
        weights = histogram_weights(winners, half, JOINTS)
        image, weight = self._blend(matches, photos, weights)
        known = weight > 1e-3
        return Mosaic(fill_holes(image, known), query, parts, tuple(matches), maps, winners, weights, known)

    def warped(self, mosaic: Mosaic, j: int) -> tuple[np.ndarray, np.ndarray]:
        """I'_j of a mosaic, (H, W, 3) uint8, and its pose q' (13, 2) [px], NaN where not labelled: for looking at."""
        match = mosaic.matches[j]
        if match is None:
            raise InputError(f"{BODY13.names[j]} has no pixel in the picture, so no photo was looked for")
        image, factor = self._read(match)
        camera = mosaic.query.camera
        picture, _ = warp(image, _of_reduced(match.similarity, factor), (camera.width, camera.height))
        return picture, match.similarity.apply(self.sources.joints2d[match.source])

    def argmax(self, mosaic: Mosaic) -> np.ndarray:
        """(H, W, 3) uint8: the mosaic without blending, each pixel of its winner's photo alone; for looking at."""
        out = np.zeros_like(mosaic.image)
        for j in np.unique(mosaic.winners):
            own = mosaic.winners == j
            out[own] = self.warped(mosaic, int(j))[0][own]
        return out

    def describe(self, mosaic: Mosaic) -> dict[str, Any]:
        """What a mosaic is made of, as JSON values: the photo of each joint (None where it has no pixel), and how far
        the chosen poses are off."""
        names = [None if m is None else self.sources.paths[self.sources.photo[m.source]].name for m in mosaic.matches]
        return {"photos": names, "mismatch": round(mosaic.mismatch, 4)}

    def _match(self, p: np.ndarray, j: int, hidden: bool, used: set[int]) -> tuple[Match, tuple[Image.Image, float]]:
        """The best source that can be read: a function of the query and the files, not of what was made before."""
        for _ in range(_TRIES):
            match = self.matcher.best(p, j, hidden=hidden, excluded=self._excluded(), used=used)
            try:
                return match, self._read(match)
            except FileError as error:
                self.problems[int(self.sources.photo[match.source])] = str(error)
        raise InputError(f"{_TRIES} photos in turn cannot be read; the last: {list(self.problems.values())[-1]}")

    def _excluded(self) -> np.ndarray | None:
        return np.isin(self.sources.photo, list(self.problems)) if self.problems else None

    def _read(self, match: Match) -> tuple[Image.Image, float]:
        return self.reader.read(
            int(self.sources.photo[match.source]), match.similarity.zoom, bool(self.sources.mirrored[match.source])
        )

    def _valid(self, matches: list[Match | None], width: int, height: int) -> np.ndarray:
        """(13, H, W) bool: where each joint's photo reaches."""
        out = np.zeros((JOINTS, -(-height // _STEP), -(-width // _STEP)), bool)
        for j, match in enumerate(matches):
            if match is not None:
                photo = self.sources.sizes[self.sources.photo[match.source]]
                out[j] = reach(int(photo[0]), int(photo[1]), match.similarity, (width, height), _STEP)
        return out.repeat(_STEP, 1).repeat(_STEP, 2)[:, :height, :width]

    def _blend(
        self, matches: list[Match | None], photos: list[tuple[Image.Image, float] | None], weights: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        images: list[np.ndarray | None] = [None] * JOINTS
        valid: list[np.ndarray | None] = [None] * JOINTS
        regions: list[tuple[int, int, int, int] | None] = [None] * JOINTS
        size = (weights.shape[2], weights.shape[1])
        for j, (match, photo) in enumerate(zip(matches, photos, strict=True)):
            region = _bounds(weights[j]) if match is not None else None
            if match is None or photo is None or region is None:
                continue
            regions[j] = region
            images[j], valid[j] = warp(photo[0], _of_reduced(match.similarity, photo[1]), size, region)
        return blend(images, valid, regions, weights)


def _of_reduced(similarity: Similarity, factor: float) -> Similarity:
    """The similarity for a photo one of whose pixels stands for `factor` x `factor` of the original's."""
    if factor == 1:
        return similarity
    return Similarity(similarity.a * factor, similarity.b + similarity.a * (0.5 * factor - 0.5) * (1 + 1j))


def _bounds(weights: np.ndarray) -> tuple[int, int, int, int] | None:
    """x0, y0, x1, y1 around all that is above 0."""
    rows, columns = np.flatnonzero(weights.any(1)), np.flatnonzero(weights.any(0))
    if not len(rows):
        return None
    return int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1
