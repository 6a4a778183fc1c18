"""OKS average precision over the 12 body joints, with COCO's sigmas, by faster-coco-eval.

As COCO does it, but without the five joints of the face, so that sets and detectors without them can be compared. A
crowd and a person without any of the 12 joints labelled are ignore regions: they neither ask for a detection nor count
one as false. Images whose list of people is incomplete must be left out by the caller.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from anchorpose.files.labels import LabelledImage, LabelledPerson
from anchorpose.measure.metrics import BODY12, BODY12_SIGMAS, body12
from anchorpose.poses.errors import InputError, MissingExtra
from anchorpose.poses.values import Pose

# A joint that was not found lies far from every labelled one.
_NOWHERE = -1e4


@dataclass(frozen=True)
class KeypointAP:
    """AP and AR over OKS .50:.05:.95 (at most 20 people an image), AP at .50 and .75; `people` have labelled joints."""

    ap: float
    ap50: float
    ap75: float
    ar: float
    images: int
    people: int


def keypoint_ap(images: Sequence[LabelledImage], skeleton: str, found: Sequence[Sequence[Pose]]) -> KeypointAP:
    """Average precision of detected people.

    Args:
        images: labelled photos; `skeleton` is that of their labels.
        found: for each photo the detected people, in any order and any skeleton that names the 12 joints.

    Returns:
        NaN where no person has labelled joints.
    """
    if len(images) != len(found):
        raise InputError(f"{len(images)} photos, but detections for {len(found)}")
    people = [(photo, person) for photo, image in enumerate(images) for person in image.people]
    annotations = [_annotation(number, *each, skeleton) for number, each in enumerate(people, 1)]
    count = sum(a["num_keypoints"] > 0 and not a["iscrowd"] for a in annotations)
    results = [_result(photo, pose) for photo, poses in enumerate(found) for pose in poses if pose.joints2d is not None]
    if not count or not results:
        value = 0.0 if count else float("nan")
        return KeypointAP(value, value, value, value, len(images), count)
    stats = _evaluate(images, annotations, results)
    return KeypointAP(stats[0], stats[1], stats[2], stats[5], len(images), count)


def _annotation(number: int, image_id: int, person: LabelledPerson, skeleton: str) -> dict[str, Any]:
    joints = body12(person.joints2d, skeleton)
    visible = body12(person.visible[:, None], skeleton)[:, 0]
    x0, y0, x1, y1 = person.box.tolist()
    return {
        "id": number,
        "image_id": image_id,
        "category_id": 1,
        "bbox": [x0, y0, x1 - x0, y1 - y0],
        "area": person.area,
        "iscrowd": int(person.iscrowd),
        "keypoints": np.column_stack([np.nan_to_num(joints), visible]).ravel().tolist(),
        "num_keypoints": int((visible > 0).sum()),
    }


def _result(image_id: int, pose: Pose) -> dict[str, Any]:
    joints = np.nan_to_num(body12(np.asarray(pose.joints2d), pose.skeleton), nan=_NOWHERE)
    keypoints = np.column_stack([joints, np.ones(len(joints))]).ravel().tolist()
    return {"image_id": image_id, "category_id": 1, "keypoints": keypoints, "score": pose.score}


def _evaluate(
    images: Sequence[LabelledImage], annotations: list[dict[str, Any]], results: list[dict[str, Any]]
) -> list[float]:
    try:
        from faster_coco_eval import COCO, COCOeval_faster
    except ImportError:
        raise MissingExtra("faster-coco-eval", "eval") from None
    truth = COCO(
        {
            "images": [{"id": n, "width": i.width, "height": i.height} for n, i in enumerate(images)],
            "annotations": annotations,
            "categories": [{"id": 1, "name": "person", "keypoints": list(BODY12), "skeleton": []}],
        }
    )
    evaluation = COCOeval_faster(truth, truth.loadRes(results), "keypoints", kpt_oks_sigmas=BODY12_SIGMAS.tolist())
    evaluation.evaluate()
    evaluation.accumulate()
    evaluation.summarize()
    return [float(value) for value in evaluation.stats]
