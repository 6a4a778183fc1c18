"""What `anchorpose lift` does."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

from tqdm import tqdm

from anchorpose.cli.names import free_name, say
from anchorpose.files.results import ResultsWriter
from anchorpose.poses.errors import InputError
from anchorpose.poses.values import People, Person, Pose

if TYPE_CHECKING:
    from anchorpose.cli.options import Lift
    from anchorpose.files.keypoints import KeypointFrame
    from anchorpose.sense.lift import Lifter
    from anchorpose.sense.pipeline import Optics


def lift_files(lift: Lift) -> int:
    """`anchorpose lift`: 2D keypoints of other programs to the output contract, one file each."""
    from anchorpose.files.keypoints import read_keypoints
    from anchorpose.sense.lift import Lifter
    from anchorpose.sense.pipeline import Optics

    if not lift.files:
        raise InputError("lift needs a file of 2D keypoints")
    optics = Optics(lift.camera, lift.focal, lift.fov)
    lifter = Lifter(flip=True, height=lift.height)
    names: set[str] = set()
    for path in lift.files:
        target = lift.out / f"{free_name(path.name if path.is_dir() else path.stem, path.name, names)}.jsonl"
        if target.resolve() == path.resolve():
            target = lift.out / f"{path.stem}.lifted.jsonl"
        count = people_count = 0
        figure: Path | None = None
        frames = read_keypoints(path, lift.skeleton)
        with ResultsWriter(target) as writer:
            for frame in tqdm(frames, desc=path.name, unit="frame", file=sys.stderr):
                people = _lift_frame(frame, lifter, optics, lift.size)
                writer.write(people)
                count, people_count = count + 1, people_count + len(people)
                if lift.figure and figure is None and len(people):
                    figure = _write_figure(people, target.with_suffix(".figure.png"))
        say(f"{path}: {count} frames, {people_count} people")
        print(target)
        if figure:
            print(figure)
    return 0


def _lift_frame(frame: KeypointFrame, lifter: Lifter, optics: Optics, size: tuple[int, int] | None) -> People:
    chosen = frame.size or size
    if chosen is None:
        raise InputError(
            f"{frame.source}: the file does not tell how large its pictures are, and 3D needs it: --size WIDTH HEIGHT"
        )
    width, height = chosen
    given = optics.file or optics.focal or optics.fov
    camera = frame.camera if frame.camera is not None and not given else optics.camera(width, height)
    poses = [
        Pose(frame.skeleton.name, s, b, j, c)
        for j, c, b, s in zip(frame.joints2d, frame.scores, frame.boxes, frame.person_scores, strict=True)
    ]
    bodies = lifter(poses, camera)
    persons = tuple(Person.from_body(body, id) for body, id in zip(bodies, frame.ids, strict=True))
    return People(persons, frame.source, frame.index, frame.time or 0.0, width, height, camera)


def _write_figure(people: People, path: Path) -> Path:
    from anchorpose.files.images import write_image
    from anchorpose.share.figures import figure3d

    write_image(path, figure3d(people, size=(1000, 540)))
    return path
