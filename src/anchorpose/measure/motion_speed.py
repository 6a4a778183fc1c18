"""Milliseconds a frame of refining motion while it happens, from the poses of one camera frame to those that come out.

    python -m anchorpose.measure.motion_speed

Made-up people, as the time does not depend on what is seen: everything is there in every frame, three modes each, and
the camera's times are a little uneven, so that nothing falls on the grid. All take turns, one frame each, as in
`measure.bench`: so between two frames other things are computed, as in live use.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from anchorpose.measure.report import provenance, provenance_line, run_command, table
from anchorpose.measure.turns import take_turns
from anchorpose.poses.body_bones import BODY_BONES, body13_points
from anchorpose.poses.rotations import rotvec_to_matrix
from anchorpose.poses.sequences import MODES
from anchorpose.poses.values import Mode, Pose

if TYPE_CHECKING:
    from anchorpose.sense.motion import Refiner
    from anchorpose.sense.motion_online import OnlineRefiner

WINDOWS = (16, 32, 64)
COUNTS = (1, 10)
DELAY = 4
RATE = 30.0
_TURNS = 10  # in each round, one frame each

Json = dict[str, Any]


class Stream:
    """`count` people who swing their limbs before a camera, refined frame by frame."""

    def __init__(self, refiner: Refiner, window: int, count: int) -> None:
        from anchorpose.sense.motion_online import OnlineRefiner

        self.window, self.frame, self.rng = window, 0, np.random.default_rng(0)
        self.people = [OnlineRefiner(refiner, delay=DELAY, window=window) for _ in range(count)]
        self.poses = [_swinging(seed) for seed in range(count)]
        self.run(window)

    def run(self, frames: int = 1) -> None:
        """The next frames of the camera."""
        from anchorpose.sense.motion_online import push_many

        for _ in range(frames):
            poses = [each[self.frame % len(each)] for each in self.poses]
            push_many(self.people, poses, self.frame / RATE + self.rng.uniform(0, 5e-4))
            self.frame += 1


def _swinging(seed: int, frames: int = 90) -> list[Pose]:
    """A person's poses over three seconds, as a detector and a lift give them."""
    rng = np.random.default_rng(seed)
    phase, size = rng.uniform(0, 2 * np.pi, (2, len(BODY_BONES), 3)) * ([[[1.0]], [[0.05]]])
    swing = size * np.sin(phase + 2 * np.pi * np.arange(frames)[:, None, None] / frames)
    joints = body13_points(np.diag([1.0, -1.0, -1.0]) @ rotvec_to_matrix(swing), np.zeros(9))
    weights = np.arange(MODES, 0, -1) / sum(range(MODES + 1))
    return [
        Pose("body13", 0.9, np.zeros(4), None, np.full(13, 0.8), own, np.array([0.2, 0.1, 4.0]),
             tuple(Mode(weight, own + rng.normal(0, 0.03, own.shape), np.zeros(13)) for weight in weights.tolist()))
        for own in joints
    ]  # fmt: skip


def motion_record(
    refiner: Refiner, rounds: int, windows: Sequence[int] = WINDOWS, counts: Sequence[int] = COUNTS
) -> Json:
    """Milliseconds a frame by window and number of people: `median` and `least` of all turns, and those of the network
    alone, `network` and `network_least`."""
    calls: dict[str, Callable[[], Any]] = {}
    for window in windows:
        for count in counts:
            stream = Stream(refiner, window, count)
            calls[f"{window}|{count}|all"] = stream.run
            calls[f"{window}|{count}|network"] = partial(refiner.session.run, None, _inputs(stream.people))
    times = take_turns(calls, _TURNS * rounds, progress="motion")
    return {
        str(window): {
            str(count): {
                key: float(of(times[f"{window}|{count}|{what}"]))
                for key, what, of in (
                    ("median", "all", np.median), ("least", "all", np.min), ("network", "network", np.median),
                    ("network_least", "network", np.min),
                )
            }
            for count in counts
        }
        for window in windows
    }  # fmt: skip


def _inputs(people: Sequence[OnlineRefiner]) -> dict[str, np.ndarray]:
    """What the network is given for people."""
    from anchorpose.poses.motion_view import view_of
    from anchorpose.sense.motion_window import window_rows

    live = [person.live for person in people if person.live is not None]
    return dict(view_of(window_rows(live), np.zeros((len(live), 9))).inputs)


def motion_tables(record: Json) -> list[str]:
    """The section of the page."""
    if not record:
        return []
    counts = list(next(iter(record.values())))
    rows = []
    for window, row in record.items():
        cells = [(row[c]["median"], row[c]["network"], row[c]["least"], row[c]["network_least"]) for c in counts]
        rows.append([window, *(f"{a:.2f} ({b:.2f}) {c:.2f} ({d:.2f})" for a, b, c, d in cells)])
    people = [f"{count} {'person' if count == '1' else 'people'}" for count in counts]
    return [
        "## Motion, live",
        "Milliseconds from the poses of a camera frame to those that come out, with "
        f"{DELAY} frames of delay, wall time: the median and in brackets the network's part of it, then the least, "
        f"which other work on the machine disturbs least. Each frame is a turn of its own, {_TURNS} a round.",
        table(["window", *people], rows),
    ]


def main(rounds: int = 15, threads: int | None = None) -> None:
    """Measure and print.

    Args:
        rounds: how often each contender runs. threads: of the network.
    """
    from anchorpose.sense.models import default_threads, load_session
    from anchorpose.sense.motion import MODEL, Refiner

    made = provenance("anchorpose.measure.motion_speed", threads or default_threads())
    record = motion_record(Refiner(load_session(MODEL, threads)), rounds)
    print("\n\n".join([provenance_line(made), *motion_tables(record)]))


if __name__ == "__main__":
    run_command(main)
