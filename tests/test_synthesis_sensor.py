"""The sensor: same bytes for the same generator, nothing moves, each effect does what it says."""

from __future__ import annotations

import numpy as np

from anchorpose.learn.synthesis.sensor import SensorRange, expose, shaken

NONE = SensorRange(
    gamma=(1.0, 1.0), gain=(1.0, 1.0), balance=0.0, saturation=(1.0, 1.0), noise=(1e-6, 1e-6), soft_share=0.0,
    defocus_share=0.0, motion_share=0.0, jpeg_share=0.0, grey_share=0.0,
)  # fmt: skip


def picture(size: tuple[int, int] = (60, 80)) -> np.ndarray:
    y, x = np.mgrid[: size[0], : size[1]]
    return np.stack([3 * y, 3 * x, 255 * ((y - 30) ** 2 + (x - 40) ** 2 < 150)], -1).astype(np.uint8)


def test_same_generator_same_bytes() -> None:
    first, second, other = (expose(picture(), np.random.default_rng(s)) for s in (1, 1, 2))
    assert first.dtype == np.uint8 and first.shape == (60, 80, 3)
    np.testing.assert_array_equal(first, second)
    assert (first != other).any()


def test_everything_off_leaves_the_picture() -> None:
    np.testing.assert_array_equal(expose(picture(), np.random.default_rng(0), NONE), picture())


def test_noise_has_the_strength_it_should_have() -> None:
    grey = np.full((200, 200, 3), 128, np.uint8)
    noisy = expose(grey, np.random.default_rng(0), SensorRange(**{**NONE.__dict__, "noise": (6.0, 6.0)}))
    assert abs(noisy.astype(float).mean() - 128) < 0.6
    assert abs(noisy.astype(float).std() - 6) < 0.5


def test_places_do_not_move() -> None:
    """The centre of a disc stays where it is whatever is drawn."""
    for seed in range(12):
        out = expose(picture(), np.random.default_rng(seed), SensorRange(noise=(0.5, 1.0))).astype(float)
        weight = np.clip(out[..., 2] - np.quantile(out[..., 2], 0.8), 0, None)
        y, x = np.mgrid[:60, :80]
        centre = np.array([(weight * y).sum(), (weight * x).sum()]) / weight.sum()
        np.testing.assert_allclose(centre, (30, 40), atol=1.6)


def test_shake_is_symmetric() -> None:
    dot = np.zeros((21, 21, 3), np.uint8)
    dot[10, 10] = 255
    out = shaken(dot, 6, 0.0).astype(float)[..., 0]
    assert out[10].argmax() in range(7, 14) and (out[:10] == 0).all()
    np.testing.assert_allclose(out[10], out[10, ::-1])
