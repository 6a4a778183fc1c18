"""Small motion capture files for the tests of their readers."""

from __future__ import annotations

from pathlib import Path

CHAIN = """HIERARCHY
ROOT hips
{
\tOFFSET 0 0 0
\tCHANNELS 6 Xposition Yposition Zposition Zrotation Xrotation Yrotation
\tJOINT knee
\t{
\t\tOFFSET 0 10 0
\t\tCHANNELS 3 Xrotation Zrotation Yrotation
\t\tEnd Site
\t\t{
\t\t\tOFFSET 0 5 0
\t\t}
\t}
}
MOTION
Frames: 2
Frame Time: 0.05
1 2 3 0 0 0 0 0 0
0 0 0 90 90 0 90 90 0
"""

INDEX_HEADER = "path,source,subject,trial,action,fps,frames,seconds,format,units_per_metre,up_axis,licence,split"


def figure_bvh(frames: int = 3, speed: float = 0.04) -> str:
    """A stiff person with the joint names of DeepMimic, in metres, 25 fps, who glides along x, the way he faces."""
    limbs = []
    for side, z in (("right", 1), ("left", -1)):
        limbs.append(
            (f"{side}_hip", (0, 0, 0.09 * z), f"{side}_knee", (0.02, -0.42, 0), f"{side}_ankle", (-0.02, -0.41, 0))
        )
        arm = (f"{side}_shoulder", (0, 0.45, 0.18 * z), f"{side}_elbow", (0, -0.27, 0), f"{side}_wrist", (0, -0.26, 0))
        limbs.append(arm)
    limbs.append(("neck", (0, 0.46, 0)))
    lines = ["HIERARCHY", "ROOT root {", "OFFSET 0 0 0", "CHANNELS 3 Xposition Yposition Zposition"]
    for limb in limbs:
        for name, offset in zip(limb[::2], limb[1::2], strict=True):
            lines += [f"JOINT {name} {{", f"OFFSET {offset[0]} {offset[1]} {offset[2]}", "CHANNELS 1 Yrotation"]
        lines += ["End Site {", "OFFSET 0 0.28 0" if limb[0] == "neck" else "OFFSET 0 -0.08 0", "}"]
        lines += ["}"] * (len(limb) // 2)
    joints = sum(len(limb) // 2 for limb in limbs)
    lines += ["}", "MOTION", f"Frames: {frames}", "Frame Time: 0.04"]
    lines += [" ".join([f"{speed * t:.4f}", "0.95", "0", *["0"] * joints]) for t in range(frames)]
    return "\n".join(lines) + "\n"


def write_folder(folder: Path, frames: tuple[int, ...] = (3, 4)) -> Path:
    """A folder with index.csv, checks.csv and clips walk0.bvh, walk1.bvh, ..., the last of them for val."""
    folder.mkdir(parents=True, exist_ok=True)
    index, checks = [INDEX_HEADER], ["path,height_m,leg_m,floor_m,max_joint_speed_mps"]
    for k, count in enumerate(frames):
        name, split = f"walk{k}.bvh", "val" if k == len(frames) - 1 else "train"
        (folder / name).write_text(figure_bvh(count))
        index.append(f'{name},made,nobody,{k},"walk, stiffly",25,{count},{count / 25},bvh,1,y,none,{split}')
        checks.append(f"{name},1.650,0.831,0.040,1.00")
    (folder / "index.csv").write_text("\n".join(index) + "\n")
    (folder / "checks.csv").write_text("\n".join(checks) + "\n")
    return folder
