"""Everything that is read or written: images, video, motion capture, labels and keypoints of other programs, results.

No torch, no inference. Modules are imported by name (`from anchorpose.files.images import read_image`), so that
nothing loads FFmpeg or Pillow before it is needed; only the light `datasets` is at hand from here.
"""

from anchorpose.files.datasets import data_root, dataset_path

__all__ = ["data_root", "dataset_path"]
