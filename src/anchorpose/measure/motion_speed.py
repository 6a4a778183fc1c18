"""Milliseconds a frame of refining motion while it happens, from the poses of one camera frame to those that come out.

    python -m anchorpose.measure.motion_speed

Made-up people, as the time does not depend on what is seen: everything is there in every frame, three modes each, and
the camera's times are a little uneven, so that nothing falls on the grid. All take turns, one frame each, as in
`measure.bench`: so between two frames other things are computed, as in live use.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from anchorpose.measure.report import provenance, provenance_line, run_command, table
from anchorpose.measure.turns import take_turns
from anchorpose.poses.body_bones import BODY_BONES, body13_points
from anchorpose.poses.rotations import rotvec_to_matrix
from anchorpose.poses.sequences import MODES
from anchorpose.poses.values import Mode, Pose

if TYPE_CHECKING:
    pass

WINDOWS = (16, 32, 64)
COUNTS = (1, 10)
DELAY = 4
RATE = 30.0
_TURNS = 10  # in each round, one frame each

Json = dict[str, Any]


class Timed:
    """A session that notes the milliseconds of its runs: the network, and what settles in its file."""

    def __init__(self, session: Any) -> None:
        self.session, self.times = session, list[float]()

    def get_modelmeta(self) -> Any:
        return self.session.get_modelmeta()

    def run(self, *arguments: Any) -> Any:
        start = time.perf_counter()
        out = self.session.run(*arguments)
        self.times.append(1000 * (time.perf_counter() - start))
        return out


class Stream:
    """`count` people who swing their limbs before a camera, refined frame by frame."""

    def __init__(self, session: Any, window: int, count: int) -> None:
        from anchorpose.sense.motion import Refiner
        from anchorpose.sense.motion_online import OnlineRefiner

        self.window, self.frame, self.rng = window, 0, np.random.default_rng(0)
        self.network = Timed(session)
        refiner = Refiner(self.network)  # type: ignore[arg-type]
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


def motion_record(session: Any, rounds: int, windows: Sequence[int] = WINDOWS, counts: Sequence[int] = COUNTS) -> Json:
    """Milliseconds a frame by window and number of people: `median` and `least` of all turns, and `network` and
    `network_least` of the network's runs within them, one a frame.

    Args:
        session: of PoseBERT. rounds: how often each contender takes its turns.
    """
    streams = {(window, count): Stream(session, window, count) for window in windows for count in counts}
    turns = _TURNS * rounds
    # No rest: live, other computing comes right before; and our networks' threads do not go on waiting.
    calls = {f"{w} {c}": stream.run for (w, c), stream in streams.items()}
    times = take_turns(calls, turns, progress="motion", rest=0.0)
    return {
        str(w): {str(c): _cell(times[f"{w} {c}"], streams[w, c].network.times[-turns:]) for c in counts}
        for w in windows
    }


def _cell(times: np.ndarray, network: Sequence[float]) -> Json:
    return {
        "median": float(np.median(times)), "least": float(np.min(times)),
        "network": float(np.median(network)), "network_least": float(np.min(network)),
    }  # fmt: skip


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
        f"{DELAY} frames of delay, wall time: the median and in brackets the network's part of it (which also settles "
        "the poses), then the least, which other work on the machine disturbs least. Each frame is a turn of its own, "
        f"{_TURNS} a round.",
        table(["window", *people], rows),
    ]


def main(rounds: int = 15, threads: int | None = None) -> None:
    """Measure and print.

    Args:
        rounds: how often each contender runs. threads: of the network.
    """
    from anchorpose.sense.models import default_threads, load_session
    from anchorpose.sense.motion import LIVE_MODEL

    made = provenance("anchorpose.measure.motion_speed", threads or default_threads())
    record = motion_record(load_session(LIVE_MODEL, threads), rounds)
    print("\n\n".join([provenance_line(made), *motion_tables(record)]))


if __name__ == "__main__":
    run_command(main)
