"""Files of motions that `run` writes beside its results."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from anchorpose.cli.names import warn
from anchorpose.files.convert import points_of, write_content
from anchorpose.files.reading import Content, Options
from anchorpose.files.results import read_results

if TYPE_CHECKING:
    from anchorpose.poses.values import Motion

EACH = {"bvh": "bvh", "npz": "npz", "mot": "mot", "trc": "trc", "c3d": "c3d", "mesh": "mesh.glb"}
"""A file for each person, <name>_id<number>.<suffix>."""
ALL = {"page": "html", "glb": "glb", "csv": "csv"}
"""One file with all people, <name>.<suffix>."""
MOTIONS = (*EACH, *ALL)
ONLY_MOTIONS = ("bvh", "npz", "mot", "mesh", "glb")
"""These need joint rotations; the others make do with the joints of single frames."""
LINES = tuple(kind for kind in MOTIONS if kind not in ONLY_MOTIONS)

_BODIES = 10_000  # poses up to which a page shows bodies too: ten megabytes


def write_motions(
    save: Sequence[str], folder: Path, name: str, source: Path, motions: Callable[[], Iterable[tuple[int, Motion]]]
) -> tuple[list[str], list[dict[str, float | int]]]:
    """Files of motions.

    Args:
        save: kinds; those that are no files of motions are passed over.
        source: where the motions come from, for messages. motions: gives number and motion of each person.

    Returns:
        Their names, and for each mesh how far its joints are from those of the motion.
    """
    written: list[str] = []
    fits: list[dict[str, float | int]] = []
    each = [kind for kind in save if kind in EACH]
    for id, motion in motions() if each else ():
        content = Content(source, "motions", motions=((id, motion),))
        for kind in each:
            path = folder / f"{name}_id{id}.{EACH[kind]}"
            if kind == "mesh":
                from anchorpose.files.mesh import write_mesh

                fits.append({"id": id, **write_mesh(motion, path, person=id).to_dict()})
                written.append(str(path))
            else:
                written += map(str, write_content(content, path, kind))
    every = [kind for kind in save if kind in ALL]
    numbered = tuple(motions()) if every else ()
    content = Content(source, "motions", motions=numbered)
    for kind in every:
        written += _write_all(kind, content, folder / f"{name}.{ALL[kind]}", name)
    return written, fits


def write_from_lines(save: Sequence[str], folder: Path, name: str, lines: Path) -> list[str]:
    """Files of points, of results whose motion is not refined."""
    kinds = [kind for kind in save if kind in LINES]
    if not kinds:
        return []
    content = Content(lines, "results of anchorpose", people=lambda: read_results(lines))
    people = points_of(content, "a file of points", Options(warn=warn))
    written: list[str] = []
    for kind in kinds:
        if kind in ALL:
            written += _write_all(kind, Content(lines, "points", points=people), folder / f"{name}.{ALL[kind]}", name)
            continue
        for points in people:
            path = folder / f"{name}_id{points.person}.{EACH[kind]}"
            written += map(str, write_content(Content(lines, "points", points=(points,)), path, kind))
    return written


def _write_all(kind: str, content: Content, path: Path, title: str) -> list[str]:
    if kind == "page":
        from anchorpose.share.page import write_page

        motions = [motion for _, motion in content.motions or ()]
        bodies = motions if 0 < sum(map(len, motions)) <= _BODIES else None
        write_page(points_of(content, "a page"), path, title=title, bodies=bodies)
        return [str(path)]
    if kind == "glb" and not content.motions:
        return []
    return [str(p) for p in write_content(content, path, kind)]
