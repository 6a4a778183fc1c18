"""Photos in and pictures out, by Pillow. Inside, an image is uint8 (H, W, 3) RGB, upright."""

from __future__ import annotations

import math
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from PIL import ExifTags, Image, ImageOps

from anchorpose.files.paths import input_file, replacing
from anchorpose.poses.errors import AnchorposeError, FileError, InputError

IMAGE_SUFFIXES = frozenset(
    ".jpg .jpeg .jpe .jfif .png .bmp .gif .tif .tiff .webp .avif .ppm .pgm .pnm .jp2 .tga".split()
)
MAX_PIXELS = 400_000_000  # 20,000 x 20,000; 1.2 GB as RGB
_PHOTO = "a photo (JPEG, PNG, TIFF, WebP, ...)"
_FILM_DIAGONAL = math.hypot(36.0, 24.0)  # mm, of a 35 mm film frame
# EXIF FocalPlaneResolutionUnit -> mm
_UNIT_MM = {2: 25.4, 3: 10.0, 4: 1.0, 5: 0.001}
# Pillow keeps its size limit in a module global; opening takes this lock while it is lifted.
_OPENING = threading.Lock()


def read_image(path: str | os.PathLike[str]) -> np.ndarray:
    """Read a photo as uint8 (H, W, 3) RGB.

    EXIF rotation is applied. Transparent pixels are laid over white. 16-bit grey is divided by 257 (so that
    65535 becomes 255); 32-bit and floating-point pictures are taken as 0..1, 0..255, 0..65535 or 0..maximum,
    whichever is the first that holds them. Of an animation or a multi-page file the first picture is read.

    Raises:
        FileError: missing, empty, truncated, not a picture, or more than `MAX_PIXELS` pixels.
    """
    return read_photo(path)[0]


def read_photo(path: str | os.PathLike[str]) -> tuple[np.ndarray, float | None]:
    """`read_image` and `read_exif_focal` in one go: the picture and its focal length in pixels, if known."""
    with _opened(path) as image:
        return _to_rgb(_upright(image)), _exif_focal(image)


def read_exif_focal(path: str | os.PathLike[str]) -> float | None:
    """Focal length in pixels of the stored picture from its EXIF data; None if it does not say.

    Preferred is FocalLengthIn35mmFilm, which by the camera makers' rule (CIPA DCG-001) compares diagonals:
    f = f35 / 43.27 mm * diagonal in pixels; for 3:2 pictures that is the same as f35 / 36 mm * longer side.
    Else FocalLength with FocalPlaneXResolution, scaled to the picture if it was shrunk.
    None if the picture's shape differs from the one that EXIF states: cropped, so the rule does not hold.
    """
    with _opened(path) as image:
        return _exif_focal(image)


def write_image(path: str | os.PathLike[str], array: np.ndarray, quality: int = 92) -> None:
    """Write uint8 (H, W, 3) RGB, (H, W, 4) RGBA or (H, W) grey; the suffix says the format.

    The file appears complete or not at all: it is written under a temporary name first.
    """
    array = np.asarray(array)
    if array.dtype != np.uint8 or array.ndim not in (2, 3) or (array.ndim == 3 and array.shape[2] not in (3, 4)):
        raise InputError(f"a picture is uint8 (H, W, 3), (H, W, 4) or (H, W), not {array.dtype} {array.shape}")
    if 0 in array.shape:
        raise InputError(f"an empty picture {array.shape} cannot be written")
    suffix = Path(path).suffix.lower()
    if suffix not in IMAGE_SUFFIXES or suffix not in Image.registered_extensions():
        raise InputError(f"{path}: {suffix or 'no suffix'!r} is no picture format; use .png, .jpg, .webp or .tif")
    image = Image.fromarray(array)
    if suffix in (".jpg", ".jpeg", ".jpe", ".jfif") and image.mode == "RGBA":
        image = _over_white(image)
    with replacing(path) as temporary:
        image.save(temporary, quality=quality)


@contextmanager
def _opened(path: str | os.PathLike[str]) -> Iterator[Image.Image]:
    """An image with its header read and its size checked; whatever goes wrong in the block becomes FileError."""
    file = input_file(path, _PHOTO)
    try:
        with open_unlimited(file) as image:
            width, height = image.size
            if width * height > MAX_PIXELS:
                raise FileError(
                    f"{file} is {width} x {height} = {width * height / 1e6:.0f} megapixels;"
                    f" at most {MAX_PIXELS // 10**6} are read"
                )
            yield image
    except AnchorposeError:
        raise
    except Image.UnidentifiedImageError as error:
        if file.suffix.lower() in (".heic", ".heif"):  # unless a plug-in of Pillow has read it
            raise FileError(f"{file}: HEIC pictures are not read; export it as JPEG or PNG") from error
        raise FileError(f"{file} is not a picture that can be read; expected {_PHOTO}") from error
    except Exception as error:  # decoders meet broken files with anything from SyntaxError to struct.error
        raise FileError(f"{file}: broken or truncated picture: {error or type(error).__name__}") from error


def open_unlimited(file: Path) -> Image.Image:
    """Pillow's image, header read, without Pillow's own limit on its size; the limit is back afterwards."""
    with _OPENING:
        limit, Image.MAX_IMAGE_PIXELS = Image.MAX_IMAGE_PIXELS, None
        try:
            return Image.open(file)
        finally:
            Image.MAX_IMAGE_PIXELS = limit


def _upright(image: Image.Image) -> Image.Image:
    image.load()
    try:
        turned = image.getexif().get(ExifTags.Base.Orientation, 1) != 1  # else a copy would be made of it
        return ImageOps.exif_transpose(image) if turned else image
    except Exception:  # broken EXIF data: the picture itself is fine
        return image


def _to_rgb(image: Image.Image) -> np.ndarray:
    if image.mode in ("I", "F") or image.mode.startswith("I;16"):
        grey = _grey8(np.asarray(image), sixteen_bit=image.mode.startswith("I;16"))
        return np.repeat(grey[..., None], 3, axis=2)
    if image.mode in ("RGBA", "RGBa", "LA", "La", "PA") or "transparency" in image.info:
        image = _over_white(image.convert("RGBA"))
    return np.array(image if image.mode == "RGB" else image.convert("RGB"))


def _grey8(values: np.ndarray, sixteen_bit: bool) -> np.ndarray:
    """Wide grey values (H, W) to uint8; `sixteen_bit` if the file says so, else the range is told from the values."""
    top = float(np.nanmax(values)) if np.isfinite(values).any() else 0.0
    if sixteen_bit:
        scale = 1 / 257
    elif values.dtype.kind == "f" and top <= 1:
        scale = 255.0
    elif top <= 255:
        scale = 1.0
    else:
        scale = 1 / 257 if top <= 65535 else 255 / top
    return np.clip(np.nan_to_num(values.astype(np.float32)) * np.float32(scale) + 0.5, 0, 255).astype(np.uint8)


def _over_white(image: Image.Image) -> Image.Image:
    white = Image.new("RGBA", image.size, (255, 255, 255, 255))
    return Image.alpha_composite(white, image).convert("RGB")


def _exif_focal(image: Image.Image) -> float | None:
    try:
        tags = image.getexif().get_ifd(ExifTags.IFD.Exif)
        width, height = (float(tags.get(t, 0)) for t in (ExifTags.Base.ExifImageWidth, ExifTags.Base.ExifImageHeight))
        film = float(tags.get(ExifTags.Base.FocalLengthIn35mmFilm, 0))
        focal = float(tags.get(ExifTags.Base.FocalLength, 0))
        resolution = float(tags.get(ExifTags.Base.FocalPlaneXResolution, 0))
        unit = _UNIT_MM.get(int(tags.get(ExifTags.Base.FocalPlaneResolutionUnit, 2)), 25.4)
    except Exception:  # EXIF data are a frequent victim of editors; a photo without them is still a photo
        return None
    long_side, short_side = max(image.size), min(image.size)
    known = width > 0 and height > 0
    if known and abs(min(width, height) / max(width, height) - short_side / long_side) > 0.02:
        return None
    if film > 0:
        pixels = film / _FILM_DIAGONAL * math.hypot(*image.size)
    elif focal > 0 and resolution > 0:
        scale = long_side / max(width, height) if known else 1.0
        pixels = focal * resolution / unit * scale
    else:
        return None
    # Nonsense (overflowing fields) is worse than no value: lenses from 170 degrees to 1 degree are believed.
    return pixels if math.isfinite(pixels) and 0.04 * long_side < pixels < 60 * long_side else None
