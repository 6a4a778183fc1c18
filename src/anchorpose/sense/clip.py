"""The second pass over a video: tracks that the first has written are refined as wholes, and results written anew.

    with IndexedResults(first_pass) as results:
        clip = refine_clip(results, Refiner(), working_folder)
        for people in clip.people():          # frames of results, with motions, gaps filled
            ...
        for person, motion in clip.motions(): # whole motions, for files

All that grows with the video lies on disk: the results of the first pass, and two files of numbers for each track.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from anchorpose.files.results_index import IndexedResults
from anchorpose.poses.clock import rising_times
from anchorpose.poses.errors import InputError
from anchorpose.poses.ground import find_up, standing_feet, to_world
from anchorpose.poses.motion_block import FRAMES
from anchorpose.poses.values import Motion, People, Person
from anchorpose.sense.clip_report import ClipReport, clip_report
from anchorpose.sense.motion import Refiner
from anchorpose.sense.motion_parts import RefinedTrack, refine_tracks
from anchorpose.sense.refined import refined_persons, unrefined
from anchorpose.sense.track_rows import TrackRows

Array = NDArray[np.float64]
Tick = Callable[[int], object]
Late = Mapping[tuple[str, int], Mapping[int, int]]
"""For (source, frame): ids that were given later, to persons by their place in the frame."""

_AT_ONCE = 256  # frames that are written from one look at the tracks
_EXCERPT = 4000  # frames of a track that tell where the ground is


@dataclass(frozen=True, eq=False)
class _Placing:
    """From the camera's frame to the world: `turn @ point + shift`."""

    turn: Array
    shift: Array

    def world(self, motion: Motion) -> Motion:
        rotations = motion.rotations.copy()
        rotations[:, 0] = self.turn @ motion.root
        place = motion.translation @ self.turn.T + self.shift
        return replace(motion, root=rotations[:, 0], rotations=rotations, translation=place, frame="world")


@dataclass(eq=False)
class RefinedClip:
    """A video whose tracks are refined.

    Attributes:
        results: of the first pass. times: (N,) [s] of its frames, rising.
        tracks: refined, by id. late: ids that were given later.
        report: what refining has changed.
    """

    results: IndexedResults
    times: Array
    tracks: Mapping[int, RefinedTrack]
    late: Late = field(default_factory=dict)
    placings: Mapping[int, _Placing] = field(default_factory=dict)

    @property
    def report(self) -> ClipReport:
        return clip_report(len(self.results), list(self.tracks.values()))

    def motion(self, id: int, start: int = 0, stop: int | None = None) -> Motion:
        """The motion of a track, or some of its frames, in the camera frame or (if that was asked for) the world."""
        motion = self.tracks[id].motion(start, stop)
        return self.placings[id].world(motion) if id in self.placings else motion

    def motions(self) -> Iterator[tuple[int, Motion]]:
        """Number and whole motion of each person, one after the other."""
        for id in sorted(self.tracks):
            yield id, self.motion(id)

    def people(self) -> Iterator[People]:
        """The frames: people of tracks refined, those whom only their motion knows filled in, the others as they
        were."""
        for start in range(0, len(self.results), _AT_ONCE):
            stop = min(start + _AT_ONCE, len(self.results))
            frames = [_read(self.results, k, self.late) for k in range(start, stop)]
            refined = self._refined(frames, start, stop)
            for people, own in zip(frames, refined, strict=True):
                persons = [p if p.id is None else own.pop(p.id, p) for p in people]
                persons += [own[id] for id in sorted(own)]
                yield replace(people, persons=tuple(persons))

    def _refined(self, frames: Sequence[People], start: int, stop: int) -> list[dict[int, Person]]:
        """The people of tracks in frames `start` to `stop`, by id."""
        out: list[dict[int, Person]] = [{} for _ in frames]
        for id, refined in self.tracks.items():
            track = refined.track
            first, last = max(track.first, start), min(track.last + 1, stop)
            if first >= last:
                continue
            motion = refined.motion(first - track.first, last - track.first)
            shown = self.placings[id].world(motion) if id in self.placings else None
            own = frames[first - start : last - start]
            seen = [next((p for p in people if p.id == id), None) for people in own]
            persons = refined_persons(motion, seen, [people.camera for people in own], id=id, shown=shown)
            for k, person in enumerate(persons, first - start):
                out[k][id] = person
        return out


def refine_clip(
    results: IndexedResults,
    refiner: Refiner,
    folder: Path,
    *,
    frame: str = "camera",
    late: Late | None = None,
    read: Tick | None = None,
    refined: Tick | None = None,
    total: Tick | None = None,
) -> RefinedClip:
    """Refine the tracks of a video.

    Args:
        results: of the first pass, with the ids of tracks; those that were refined before are refined anew.
        folder: for working files; it must exist, and stay while the clip is used.
        frame: of the motions: "camera", or "world" for a camera that stands still before a flat ground.
        late: ids that became known after a frame was written.
        read, refined: called with numbers of frames as they are read, and as the people's frames are refined.
        total: called once with the number of the people's frames.

    Raises:
        InputError: another frame. FileError: the disk is full. FormatError: results that are broken.
    """
    if frame not in FRAMES:
        raise InputError(f"the frame of motions is {' or '.join(FRAMES)}, not {frame!r}")
    late = late or {}
    times = rising_times(results.times)
    tracks = [track for track in _tracks(results, folder, late, read) if track.seen]
    if total:
        total(sum(map(len, tracks)))
    done: dict[int, RefinedTrack] = {}
    for track, count in refine_tracks(refiner, tracks, times):
        done[track.track.id] = track
        if refined:
            refined(count)
    placings = _placings(list(done.values())) if frame == "world" else {}
    return RefinedClip(results, times, done, late, placings)


def _read(results: IndexedResults, number: int, late: Late) -> People:
    """A frame as the detector saw it, with the ids that are known by now."""
    people = results[number]
    ids = late.get((people.source, people.frame))
    if ids:
        named = [
            replace(person, id=ids[k]) if person.id is None and k in ids else person for k, person in enumerate(people)
        ]
        people = replace(people, persons=tuple(named))
    return unrefined(people)


def _tracks(results: IndexedResults, folder: Path, late: Late, read: Tick | None) -> list[TrackRows]:
    tracks: dict[int, TrackRows] = {}
    for number in range(len(results)):
        for person in _read(results, number, late):
            if person.id is None or person.body is None:
                continue
            if person.id not in tracks:
                tracks[person.id] = TrackRows.begin(person.id, number, folder)
            tracks[person.id].add(number, person.body)
        if read:
            read(1)
    return [tracks[id] for id in sorted(tracks)]


def _placings(tracks: Sequence[RefinedTrack]) -> dict[int, _Placing]:
    """How each track comes to the world. Who is there at the same time has one upright, which those tell who are seen
    to walk about; each stands on the ground himself, as the places of people are less sure than that."""
    out = {}
    for group in _together(tracks):
        excerpts = [track.motion(0, _EXCERPT) for track in group]
        ups = np.array([find_up(motion) for motion in excerpts])
        level = (0.0, -1.0, 0.0)
        told = np.abs(ups - level).max(1) > 1e-9
        weight = np.array([len(standing_feet(motion)) for motion in excerpts], float) * told
        up = (weight[:, None] * ups).sum(0) if weight.sum() > 0 else np.array(level)
        for track, motion in zip(group, excerpts, strict=True):
            there = to_world(motion, up)
            turn = there.root[0] @ motion.root[0].T
            out[track.track.id] = _Placing(turn, there.translation[0] - turn @ motion.translation[0])
    return out


def _together(tracks: Sequence[RefinedTrack]) -> list[list[RefinedTrack]]:
    """Tracks in groups: those that overlap in time, which a cut never does."""
    groups: list[list[RefinedTrack]] = []
    end = -1
    for track in sorted(tracks, key=lambda t: t.track.first):
        if track.track.first > end:
            groups.append([])
        groups[-1].append(track)
        end = max(end, track.track.last)
    return groups
