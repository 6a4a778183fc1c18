"""What `anchorpose synth` takes: training images with exact labels, made from the user's own material."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

from tyro.conf import OmitArgPrefixes, OmitSubcommandPrefixes, Positional, arg, subcommand


@dataclass(frozen=True, kw_only=True)
class Making:
    """What the commands that make samples have in common."""

    out: Annotated[Path, arg(aliases=("-o",))] = Path("anchorpose-synth")
    """folder for the shards (000000.tar, ...), their index and what could not be used (skipped.txt)"""
    count: int = 1000
    """how many images, over all machines"""
    seed: int = 0
    """of the run; image i follows from the seed, i and the options alone"""
    size: tuple[int, int] = (256, 256)
    """width and height of the images [px]"""
    people: tuple[int, int] = (1, 1)
    """fewest and most people in an image"""
    backgrounds: Path | None = None
    """folder of photos without people, to put behind them"""
    fov: tuple[float, float] | None = None
    """least and largest field of view of the longer side [degrees]"""
    truncated: float | None = None
    """share of images in which the border cuts people, 0 to 1"""
    format: Literal["jpg", "png"] = "jpg"
    """how images are stored"""
    quality: int = 92
    """of JPEG, 1 to 100"""
    maps: bool = True
    """also store the maps that the engine makes: parts of the body, instances, depth"""
    per_shard: int = 500
    """images in a shard; what a stopped run loses of each process is less than this"""
    resume: bool = False
    """go on with a run that was stopped; finished shards are not made again"""
    only: int | None = None
    """make the image of this number alone, into OUT/only-NUMBER.tar"""
    shard: int = 1
    """which part of the run this machine makes, from 1 to --of"""
    of: int = 1
    """into how many parts the run is divided, one for each machine"""
    processes: int | None = None
    """processes (default: as many as processors)"""
    cluster: str | None = None
    """run on a Ray cluster instead: its address, "auto" or "local" (pip install "anchorpose[cluster]")"""
    mocap_scale: float | None = None
    """metres per unit of --mocap (default: what the file says; BVH: 0.01, centimetres)"""
    mocap_up: Literal["y", "z"] | None = None
    """axis that points up in --mocap (default: what the file says, else y; C3D: z)"""


@dataclass(frozen=True, kw_only=True)
class SynthMosaic(Making):
    """Patch photos of labelled people together into people in poses of motion capture.

    For example:
      anchorpose synth mosaic --labels people.json --images photos/ --mocap walk.bvh --count 2000 -o mosaics
      anchorpose synth mosaic --labels people.json --mocap bvh/ amc/ --people 1 4 --backgrounds empty/ --count 500
      anchorpose synth mosaic ... --count 2000 -o mosaics --resume        (go on where it was stopped)
      anchorpose synth mosaic ... --count 100000 --shard 2 --of 8         (this machine's part)
      anchorpose synth mosaic ... --only 17                               (make one image again)

    Labels: a file in the format of COCO person_keypoints with at least 30 people, 17 joints of COCO or 14 of LSP.
    Photos and labels that are broken are left out and listed in OUT/skipped.txt.
    """

    labels: Path
    """label file (COCO person_keypoints, JSON)"""
    images: Path | None = None
    """folder of its photos (default: that of the label file)"""
    mocap: tuple[Path, ...]
    """motion capture: files (.bvh, .amc with its .asf, .npz with the keys of AMASS, .c3d) or folders of them"""
    max_zoom: float | None = None
    """most that a piece of a photo is enlarged"""
    agree: float | None = None
    """0 to 1: how much worse a photo may fit that serves another joint already; 0 as published, 0.2 for clothes that
    agree more"""
    max_mismatch: float | None = None
    """poses that no photo is like enough are drawn again"""


@dataclass(frozen=True, kw_only=True)
class SynthRender(Making):
    """Render people: bodies of every shape and age, dressed, in poses of motion capture, before any camera.

    For example:
      anchorpose synth render --count 1000 -o rendered
      anchorpose synth render --mocap dance.bvh --backgrounds photos/ --textures fabrics/ --count 5000 -o dance
      anchorpose synth render --people 2 6 --size 640 480 --fov 40 90 --count 500 -o groups
      anchorpose synth render --count 1000 -o rendered --resume           (go on where it was stopped)
      anchorpose synth render --count 1000 --only 17                      (make one image again)
    """

    mocap: tuple[Path, ...] = ()
    """motion capture: files (.bvh, .amc with its .asf, .npz with the keys of AMASS, .c3d), folders of them, or one
    corpus of motions (motions.npz of another run); by default the data set "mocap", where there is one"""
    textures: Path | None = None
    """folder of photos to print on clothes"""
    hands: Path | None = None
    """recorded hand poses (ycb_grasps.npz of the data set "hands"); without, hands are posed by rule"""
    licenses: tuple[int, ...] | None = None
    """use only backgrounds with one of these licence ids in their folder's negatives.json"""
    texture_licenses: tuple[int, ...] | None = None
    """likewise for textures"""
    split: Literal["train", "val"] | None = None
    """only this part of the photos (a tenth, by file name, is "val") and of a corpus of motions"""
    occluded: float | None = None
    """share of images with things in front of people, 0 to 1"""
    sensor: bool = True
    """blur, noise and JPEG as of a real camera"""


@dataclass(frozen=True)
class SynthShow:
    """Draw the labels of a shard on its images, as a sheet.

    Right is orange, left is blue; joints that are hidden are hollow, on hands and faces faint; boxes white.

    For example:
      anchorpose synth show rendered/000000.tar
      anchorpose synth show rendered -n 48 -o sheet.png --map depth
    """

    shards: Positional[tuple[Path, ...]]
    """shards, or folders of them"""
    number: Annotated[int, arg(aliases=("-n",))] = 24
    """how many images"""
    out: Annotated[Path, arg(aliases=("-o",))] = Path("sheet.png")
    """the picture to write"""
    map: Literal["none", "parts", "instances", "depth"] = "none"
    """lay a map over the images"""
    columns: int = 6
    """images side by side"""
    cell: int = 256
    """width and height of each [px]"""


Synthesis = OmitArgPrefixes[
    OmitSubcommandPrefixes[
        Annotated[SynthMosaic, subcommand("mosaic")]
        | Annotated[SynthRender, subcommand("render")]
        | Annotated[SynthShow, subcommand("show")]
    ]
]


@dataclass(frozen=True)
class Synth:
    """Make labelled training images: mosaics of photos, or rendered people; or look at them.

    For example:
      anchorpose synth render --count 24 -o rendered
      anchorpose synth mosaic --labels people.json --images photos/ --mocap walk.bvh --count 100 -o mosaics
      anchorpose synth show rendered
    """

    what: Synthesis
