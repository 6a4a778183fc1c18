"""What `anchorpose refine` does."""

from __future__ import annotations

import sys

from anchorpose.cli.names import warn
from anchorpose.cli.refine_options import Refine
from anchorpose.poses.errors import InputError


def refine_file(given: Refine) -> int:
    """`anchorpose refine`: prints the files that were written, and on stderr what was filled in."""
    from anchorpose.files.convert import points_of, write_content
    from anchorpose.files.reading import Content, Options, kind_of
    from anchorpose.files.sequences import read_sequences
    from anchorpose.poses.ground import to_world
    from anchorpose.sense.motion import Refiner

    kind = kind_of(given.b)
    if kind in ("results", "openpose", "coco", "amc"):
        raise InputError(f"{given.b}: a motion is written as .bvh, .npz, .glb, .mot, .trc, .c3d, .csv or .html")
    found = read_sequences(
        given.a, skeleton=given.skeleton, fps=given.fps, scale=given.scale, up=given.up,
        warn=warn,
    )  # fmt: skip
    if given.person is not None:
        numbers = ", ".join(str(person) for person, _ in found)
        found = tuple((person, sequence) for person, sequence in found if person == given.person)
        if not found:
            raise InputError(f"{given.a}: no person {given.person}; there are {numbers}")
    motions = Refiner(window=given.window, modes=given.modes).refine_many([sequence for _, sequence in found])
    if given.frame == "world":
        motions = [to_world(motion) for motion in motions]
    numbered = tuple((person, motion) for (person, _), motion in zip(found, motions, strict=True))
    content = Content(given.a, "motions", motions=numbered)
    if kind == "page":
        from anchorpose.share.page import write_page

        write_page(points_of(content, "a page"), given.b, title=given.a.stem)
        written = [given.b]
    else:
        written = write_content(content, given.b, kind, Options())
    filled = sum(int((~motion.observed).sum()) for motion in motions)
    total = sum(len(motion) for motion in motions)
    print(f"anchorpose: {len(motions)} motions, {total} frames, {filled} of them filled in", file=sys.stderr)
    for path in written:
        print(path)
    return 0
