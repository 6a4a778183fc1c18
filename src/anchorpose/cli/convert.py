"""What `anchorpose convert` does."""

from __future__ import annotations

import sys

from anchorpose.cli.convert_options import Convert
from anchorpose.cli.names import warn
from anchorpose.poses.errors import InputError


def convert_file(given: Convert) -> int:
    """`anchorpose convert`: prints the files that were written."""
    from anchorpose.files.convert import motions_of, points_of, write_content
    from anchorpose.files.points import points_of_motion
    from anchorpose.files.reading import Options, kind_of, read_content

    options = Options(
        size=given.size, person=given.person, joints=given.joints, scale=given.scale, up=given.up,
        influences=int(given.influences), order=given.order, warn=warn,
    )  # fmt: skip
    kind = given.to or kind_of(given.b)
    if given.to is not None and kind_of(given.b) not in ("results", "openpose"):
        raise InputError(f"--to {given.to} is for a .json or a folder; {given.b} tells by its suffix what it is")
    if kind == "amc":
        raise InputError(f"{given.b}: .amc is only read, not written")
    content = read_content(given.a, options)
    if kind == "page":
        from anchorpose.share.page import write_page

        if given.bodies:
            motions = motions_of(content, "a page with bodies", options)
            people = tuple(points_of_motion(motion, number) for number, motion in motions)
            write_page(people, given.b, title=given.a.stem, bodies=[motion for _, motion in motions])
        else:
            people = points_of(content, "a page", options)
            write_page(people, given.b, title=given.a.stem)
        if not people:
            print(f"anchorpose: there is nobody in {given.a}; the page is empty", file=sys.stderr)
        written = [given.b]
    else:
        written = write_content(content, given.b, kind, options)
    for path in written:
        print(path)
    return 0
