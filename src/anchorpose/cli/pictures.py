"""Pictures of a run: people drawn in, and the 3D view, as image files or as videos."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from anchorpose.poses.values import Frame, People

if TYPE_CHECKING:
    from anchorpose.files.sources import Source
    from anchorpose.files.video_writer import VideoWriter

_FIGURE_SIZE = (1440, 540)


class Pictures:
    """Pictures of one source: image files for photos, a video for videos and cameras."""

    def __init__(self, folder: Path, name: str, source: Source, kind: str) -> None:
        self.folder, self.name, self.source, self.kind = folder, name, source, kind
        self.written: list[str] = []
        self._video: ExitStack | None = None
        self._writer: VideoWriter | None = None
        self._pair: tuple[np.ndarray, People] | None = None
        self._figures: Iterator[np.ndarray] | None = None
        self._start: float | None = None

    def __enter__(self) -> Pictures:
        return self

    def __exit__(self, *what: object) -> None:
        if self._video:
            self._video.__exit__(*what)  # type: ignore[arg-type]

    def add(self, frame: Frame, people: People) -> None:
        """Draw and write one frame."""
        picture = self._draw(frame, people)
        if self.source.kind in ("photo", "folder"):
            from anchorpose.files.images import write_image

            stem = self.name if self.source.kind == "photo" else Path(frame.source).name
            base = self.folder if self.source.kind == "photo" else self.folder / self.name
            path = base / f"{stem}.{'overlay.jpg' if self.kind == 'video' else 'figure.png'}"
            path.parent.mkdir(parents=True, exist_ok=True)
            write_image(path, picture)
            if len(self.written) < 5:
                self.written.append(str(path))
            return
        self._to_video(picture, frame.time)

    def _draw(self, frame: Frame, people: People) -> np.ndarray:
        if self.kind == "video":
            from anchorpose.share.drawing import draw_people

            return draw_people(frame.image, people)
        if self.source.kind in ("photo", "folder"):
            from anchorpose.share.figures import figure3d

            return figure3d(people, frame.image, size=_FIGURE_SIZE)
        return self._steady(frame, people)

    def _steady(self, frame: Frame, people: People) -> np.ndarray:
        """The next picture of a video whose views do not jump."""
        from anchorpose.share.figures import figure_frames

        self._pair = (frame.image, people)
        if self._figures is None:
            self._figures = figure_frames(self._feed())
        return next(self._figures)

    def _feed(self) -> Iterator[tuple[np.ndarray, People]]:
        while self._pair is not None:
            yield self._pair

    def _to_video(self, picture: np.ndarray, time: float) -> None:
        from anchorpose.files.video_writer import VideoWriter

        if self._writer is None:
            self._video = ExitStack()
            path = self.folder / f"{self.name}.{'overlay' if self.kind == 'video' else 'figure'}.mp4"
            size = (picture.shape[1], picture.shape[0])
            self._writer = self._video.enter_context(VideoWriter(path, self.source.fps or Fraction(25), size))
            self.written.append(str(path))
            self._start = time
        self._writer.write(picture, time - (self._start or 0.0))


def picture_writers(folder: Path, name: str, source: Source, save: Sequence[str]) -> list[Pictures]:
    """Writers of those pictures of a source that `save` has."""
    return [Pictures(folder, name, source, kind) for kind in ("video", "figure") if kind in save]
