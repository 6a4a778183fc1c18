"""The renderers: geometry, labels, light, determinism, and that both draw the same. Those with OpenGL are skipped where
there is none without a window."""

import sys
from types import SimpleNamespace

import numpy as np
import pytest

from anchorpose.learn.synthesis.gl import geometry
from anchorpose.learn.synthesis.gl.geometry import VertexNormals, clusters, coarse_faces
from anchorpose.learn.synthesis.gl.materials import linear, thickness
from anchorpose.learn.synthesis.gl.noise import noise_texture
from anchorpose.learn.synthesis.gl.scene import (
    Cuts,
    GLScene,
    Ground,
    Lamp,
    Lights,
    Material,
    Mesh,
    Sun,
    Surface,
    TextureBank,
    Topology,
)
from anchorpose.learn.synthesis.gl.shapes import box, cylinder, quad, sphere
from anchorpose.poses.cameras import Camera
from anchorpose.poses.errors import AnchorposeError, InputError, MissingExtra, ModelError

SIZE = 96
CAMERA = Camera(100.0, 100.0, 47.5, 47.5, SIZE, SIZE)
GREY = np.full((SIZE, SIZE, 3), 120, np.uint8)
FLAT = Lights(Sun(strength=0.0), sky=(0.9, 0.9, 0.9), floor=(0.9, 0.9, 0.9))
_UPRIGHT = np.array([1.0, -1.0, -1.0])


def make_renderer(kind, bank):
    if kind == "soft":
        pytest.importorskip("numba", reason="numba is not installed")
        from anchorpose.learn.synthesis.soft.renderer import SoftRenderer

        return SoftRenderer(SIZE, SIZE, bank, shadow_size=128)
    pytest.importorskip("moderngl", reason="moderngl is not installed")
    from anchorpose.learn.synthesis.gl.renderer import Renderer

    try:
        return Renderer(SIZE, SIZE, bank, shadow_size=128, threads=0)
    except AnchorposeError as error:
        pytest.skip(str(error))


def bank_of_two():
    layers = np.full((2, 16, 16, 4), 255, np.uint8)
    layers[1, :, 8:, 3] = 0
    layers[1, :, :, :3] = (200, 30, 30)
    return TextureBank(layers)


@pytest.fixture(scope="module", params=["gl", "soft"])
def kind(request):
    return request.param


@pytest.fixture(scope="module")
def renderer(kind):
    made = make_renderer(kind, bank_of_two())
    yield made
    made.close()


def mesh(topology, position, size=1.0, color=(0.8, 0.2, 0.2), instance=1, turn=None, **options):
    rest = topology.rest * size if turn is None else topology.rest * size @ turn.T
    vertices = (rest * _UPRIGHT + np.asarray(position)).astype(np.float32)
    material = options.pop("material", None) or Material((Surface(color, shine=0.0),))
    return Mesh(topology, vertices, material, instance, **options)


def scene(*meshes, lights=FLAT, background=GREY, ground=None, camera=CAMERA):
    return GLScene(camera, meshes, lights, background, ground)


def test_empty_scene_is_the_photo(renderer):
    photo = np.random.default_rng(0).integers(0, 256, (SIZE, SIZE, 3), dtype=np.uint8)
    out = renderer.render(scene(background=photo))
    np.testing.assert_array_equal(out.image, photo)
    assert np.isinf(out.depth).all() and not out.parts.any() and not out.instances.any()


def test_photo_of_another_size_is_stretched(renderer):
    photo = np.zeros((30, 40, 3), np.uint8)
    photo[:, 20:] = 200
    image = renderer.render(scene(background=photo)).image
    assert image[:, : SIZE // 2 - 3].max() == 0 and image[:, SIZE // 2 + 3 :].min() == 200


def test_depth_of_a_slanted_plane_is_exact(renderer):
    angle = 0.6
    turn = np.array([[np.cos(angle), 0, np.sin(angle)], [0, 1, 0], [-np.sin(angle), 0, np.cos(angle)]])
    out = renderer.render(scene(mesh(quad(), (0, 0, 3), 1.5, turn=turn, two_sided=True)))
    v, u = np.nonzero(np.isfinite(out.depth))
    rays = CAMERA.rays(np.stack([u, v], 1))
    normal = np.array([np.sin(angle), 0, np.cos(angle)]) * _UPRIGHT
    expected = normal @ (0, 0, 3) / (rays @ normal)
    np.testing.assert_allclose(out.depth[v, u], expected, atol=2e-4)
    assert len(v) > 1000


def test_depth_of_a_sphere(renderer):
    centre, radius = np.array([0.2, -0.1, 2.0]), 0.5
    out = renderer.render(scene(mesh(sphere(48, 96), centre, 2 * radius)))
    v, u = np.nonzero(np.isfinite(out.depth))
    rays = CAMERA.rays(np.stack([u, v], 1))
    b, c = rays @ centre, centre @ centre - radius**2
    a = (rays**2).sum(1)
    inside = b * b - a * c > 0.02
    expected = (b - np.sqrt(np.maximum(b * b - a * c, 0))) / a
    wrong = np.abs(out.depth[v, u] - expected)[inside]
    assert np.quantile(wrong, 0.99) < 3e-3 and wrong.max() < 0.03
    assert 0.9 < inside.mean() <= 1


def test_right_is_right_and_down_is_down(renderer):
    size = 0.1
    out = renderer.render(
        scene(mesh(box(), (0.5, 0, 2), size, instance=1), mesh(box(), (0, 0.5, 2), size, (0.1, 0.1, 0.8), instance=2))
    )
    v, u = np.nonzero(out.instances == 1)
    assert u.min() > SIZE / 2 and abs(v.mean() - 47.5) < 1.5
    v, u = np.nonzero(out.instances == 2)
    assert v.min() > SIZE / 2 and abs(u.mean() - 47.5) < 1.5


@pytest.mark.parametrize("camera", [CAMERA, Camera(180.0, 150.0, 40.0, 55.5, SIZE, SIZE)])
def test_projection_agrees_with_the_camera(renderer, camera):
    for x, y in ((0.0, 0.0), (0.31, -0.22), (-0.27, 0.3)):
        out = renderer.render(scene(mesh(sphere(), (x, y, 2.0), 0.25), camera=camera))
        v, u = np.nonzero(out.instances)
        # The outline of a ball is not centred on its middle's image; that of its contour's points is.
        contour = _sphere_outline(np.array([x, y, 2.0]), 0.125)
        expected = camera.project(contour)
        low, high = expected.min(0), expected.max(0)
        got = np.array([u.min() - 0.5 + u.max() + 0.5, v.min() - 0.5 + v.max() + 0.5]) / 2
        assert np.abs(got - (low + high) / 2).max() < 0.8  # whole pixels
        alpha = np.abs(out.image.astype(float) - GREY).sum(-1)
        alpha /= np.median(alpha[out.instances > 0])
        centroid = (alpha * np.arange(SIZE)).sum() / alpha.sum()
        area_centre = _area_centroid(expected)
        assert abs(centroid - area_centre[0]) < 0.1
        alpha_rows = (alpha * np.arange(SIZE)[:, None]).sum() / alpha.sum()
        assert abs(alpha_rows - area_centre[1]) < 0.1


def _sphere_outline(centre, radius):
    distance = np.linalg.norm(centre)
    axis = centre / distance
    side = np.cross(axis, (0, 1, 0))
    side /= np.linalg.norm(side)
    angle = np.linspace(0, 2 * np.pi, 400, endpoint=False)[:, None]
    ring = np.cos(angle) * side + np.sin(angle) * np.cross(axis, side)
    return axis * (distance - radius**2 / distance) + ring * radius * np.sqrt(1 - (radius / distance) ** 2)


def _area_centroid(points):
    x, y = points.T
    x1, y1 = np.roll(x, -1), np.roll(y, -1)
    cross = x * y1 - x1 * y
    return np.array([((x + x1) * cross).sum(), ((y + y1) * cross).sum()]) / (3 * cross.sum())


def test_nearer_things_hide_and_labels_follow(renderer):
    topology = Topology.of(quad().faces, quad().rest, np.array([7, 7, 9, 9]))
    parts = mesh(topology, (0, 0, 3), 2.0, instance=5)
    out = renderer.render(scene(parts, mesh(box(), (0, 0, 2), 0.3, instance=0)))
    assert out.instances[SIZE // 2, SIZE // 2] == 0 and out.parts[SIZE // 2, SIZE // 2] == 0
    assert out.depth[SIZE // 2, SIZE // 2] == pytest.approx(1.85, abs=1e-3)
    assert set(np.unique(out.parts)) == {0, 9} and out.instances[20, 20] == 5


def test_edges_are_smoothed_and_labels_are_not(renderer):
    out = renderer.render(scene(mesh(quad(), (0.013, 0, 2), 1.0, (0, 0, 0), two_sided=True)))
    row = out.image[SIZE // 2, :, 0].astype(int)
    assert 0 < ((row > 20) & (row < 110)).sum() <= 2
    assert set(np.unique(out.instances)) == {0, 1}


def test_same_scene_same_bytes(renderer, kind):
    def draw(one):
        lights = Lights(Sun(), lamps=())
        return one.render(scene(mesh(sphere(), (0, 0, 2)), lights=lights, ground=Ground((0, 0.5, 0))))

    first = draw(renderer)
    renderer.render(scene(mesh(box(), (0.2, 0, 1.5), 0.7)))
    other = make_renderer(kind, renderer.bank)
    for again in (draw(renderer), draw(other)):
        for name in ("image", "depth", "parts", "instances"):
            np.testing.assert_array_equal(getattr(first, name), getattr(again, name))
    other.close()


@pytest.mark.parametrize("side", [-1, 1])
def test_shadow_on_the_ground_falls_away_from_the_sun(renderer, side):
    lights = Lights(Sun((side * 1.0, -1.0, 0.0), strength=1.0))
    post = mesh(cylinder(), (0, 0.6, 2.5), np.array([0.15, 0.6, 0.15]))
    out = renderer.render(scene(post, lights=lights, ground=Ground((0, 0.9, 0), strength=0.8)))
    darker = (out.image.astype(int).sum(-1) < 330) & (out.instances == 0)
    u = np.nonzero(darker)[1]
    assert len(u) > 30
    assert np.sign(u.mean() - 47.5) == -side
    untouched = np.nonzero(~darker & (out.instances == 0))[0]
    assert np.isin(np.arange(40), untouched).all()  # nothing above the horizon


def test_light_and_shadow_on_the_person(renderer):
    ball = mesh(sphere(), (0, 0, 2.5), 0.8, (0.7, 0.7, 0.7))
    from_left = Lights(Sun((-1.0, 0.0, -0.3), strength=1.0), sky=(0.2,) * 3, floor=(0.2,) * 3)
    image = renderer.render(scene(ball, lights=from_left)).image.astype(int)
    assert image[48, 36, 0] > image[48, 60, 0] + 50
    blocker = mesh(quad(), (-1.2, 0, 2.3), 1.5, turn=np.array([[0, 0, 1.0], [0, 1, 0], [-1, 0, 0]]), instance=2)
    shaded = renderer.render(scene(ball, blocker, lights=from_left)).image.astype(int)
    assert shaded[48, 36, 0] < image[48, 36, 0] - 50


def test_photo_texture_is_upright_and_its_alpha_cuts(renderer, kind):
    layers = np.full((1, 16, 16, 4), 255, np.uint8)
    layers[0, :8, :, :3] = (250, 0, 0)
    layers[0, 8:, :, :3] = (0, 0, 250)
    upright = make_renderer(kind, TextureBank(layers))
    material = Material((Surface((1, 1, 1), pattern="photo", shine=0.0),))
    image = upright.render(scene(mesh(quad(), (0, 0, 2), 1.0, material=material, two_sided=True))).image.astype(int)
    assert image[30, 48, 0] > image[30, 48, 2] + 50 and image[66, 48, 2] > image[66, 48, 0] + 50
    upright.close()
    half = Material((Surface((1, 1, 1), pattern="photo", texture=1, shine=0.0),))
    out = renderer.render(scene(mesh(quad(), (0, 0, 2), 1.0, material=half, two_sided=True)))
    assert out.instances[48, 30] == 1 and out.instances[48, 66] == 0


@pytest.mark.parametrize("pattern", ["stripes", "checks", "dots", "noise", "gradient", "hair"])
def test_patterns_show_two_colours(renderer, pattern):
    material = Material((Surface((0.9, 0.1, 0.1), (0.1, 0.1, 0.9), pattern, 0.4, shine=0.0),))
    image = renderer.render(scene(mesh(quad(), (0, 0, 2), 1.4, material=material, two_sided=True))).image.astype(int)
    inner = image[25:70, 25:70]
    redness = inner[..., 0] - inner[..., 2]
    assert redness.max() - redness.min() > 40


def test_trim_cuts_triangles_away(renderer):
    topology = Topology.of(quad().faces, quad().rest, fields=np.array([[0, 0, 0, f] for f in (0, 0, 1, 1)]))
    material = Material((Surface((0.5, 0.5, 0.5)),), trim=(0.5, 9.0, -9.0))
    out = renderer.render(scene(mesh(topology, (0, 0, 2), 1.0, material=material, two_sided=True)))
    v = np.nonzero(out.instances)[0]
    assert v.min() == pytest.approx(23, abs=1) and v.max() == pytest.approx(47, abs=1)


def test_lamps_light_by_distance(renderer):
    wall = mesh(quad(), (0, 0, 2), 3.0, (0.5, 0.5, 0.5), two_sided=True)
    dim = {"sky": (0.2,) * 3, "floor": (0.2,) * 3, "sun": Sun(strength=0.0)}
    lit = renderer.render(scene(wall, lights=Lights(lamps=(Lamp((0.6, 0, 1.3), strength=0.5),), **dim)))
    two = renderer.render(
        scene(wall, lights=Lights(lamps=(Lamp((0.6, 0, 1.3), strength=0.5), Lamp((-0.6, 0, 1.3), strength=0.5)), **dim))
    )
    row = lit.image[48].astype(int).sum(-1)
    assert row[75] > row[20] + 60
    assert abs(two.image[48, 20].astype(int).sum() - two.image[48, 75].astype(int).sum()) < 12


def test_what_is_behind_the_camera_is_left_out(renderer):
    out = renderer.render(scene(mesh(box(), (0, 0, -2)), mesh(quad(), (0, 0, 0.0), 2.0, two_sided=True)))
    assert not out.instances.any()


def test_bad_scenes_are_refused(renderer):
    with pytest.raises(InputError, match="draws"):
        renderer.render(scene(camera=Camera.from_fov(50, 60)))
    with pytest.raises(InputError, match="distortion"):
        bent = Camera(100, 100, 47.5, 47.5, SIZE, SIZE, dist=(0.1,))
        renderer.render(scene(mesh(box(), (0, 0, 2)), camera=bent))
    with pytest.raises(InputError, match="background"):
        renderer.render(scene(background=GREY.astype(float)))
    grid = np.zeros((40_000, 3), int) + (0, 1, 2)
    with pytest.raises(InputError, match="triangles"):
        renderer.render(scene(mesh(Topology.of(grid, quad().rest), (0, 0, 2))))
    with pytest.raises(InputError, match="pattern"):
        Surface((0, 0, 0), pattern="plaid")
    with pytest.raises(InputError, match="vertices"):
        Mesh(quad(), np.zeros((3, 3)), Material((Surface((0, 0, 0)),)))
    with pytest.raises(InputError, match="indices"):
        Topology.of(np.array([[0, 1, 9]]), np.zeros((3, 3)))


def test_many_meshes_of_one_topology(renderer):
    ball = sphere(8, 12)
    row = [mesh(ball, (x, 0, 3), 0.2, instance=k + 1) for k, x in enumerate(np.linspace(-1, 1, 8))]
    out = renderer.render(scene(*row))
    for k, x in enumerate(np.linspace(-1, 1, 8)):
        assert np.nonzero(out.instances == k + 1)[1].mean() == pytest.approx(47.5 + 100 * x / 3, abs=1.0)


def test_old_topologies_are_forgotten(renderer, monkeypatch):
    from anchorpose.learn.synthesis.gl import arena
    from anchorpose.learn.synthesis.soft import store

    for module in (arena, store):
        monkeypatch.setattr(module, "_KEPT_TOPOLOGIES", 3)
    for k in range(8):
        out = renderer.render(scene(mesh(sphere(6 + k, 12), (0, 0, 2)), mesh(box(), (0.3, 0, 1.5), 0.1, instance=2)))
        assert set(np.unique(out.instances)) == {0, 1, 2}


def test_what_the_near_plane_cuts_is_drawn_up_to_it(renderer):
    # A floor that runs from behind the camera to before it: all below the horizon, down to the nearest row.
    flat = np.array([[1.0, 0, 0], [0, 0, -1], [0, 1, 0]])
    out = renderer.render(scene(mesh(quad(), (0, 0.3, 0), 30.0, turn=flat, two_sided=True)))
    rows = np.nonzero(out.instances)[0]
    assert rows.max() == SIZE - 1 and 48 <= rows.min() <= 51
    np.testing.assert_allclose(out.depth[80, 10:86], 0.3 * 100 / (80 - 47.5), rtol=1e-3)


def varied_scene():
    """All kinds of surfaces, lights, holes and shadows at once."""
    kinds = ("stripes", "checks", "dots", "noise", "gradient", "hair", "photo", "logo")
    balls = []
    for k, pattern in enumerate(kinds):
        surface = Surface((0.8, 0.3, 0.2), (0.2, 0.4, 0.8), pattern, 0.2, angle=0.3 * k, shine=0.3, folds=0.5 * (k % 2))
        material = Material((surface,), seed=0.1 * k, logo_height=0.0)
        place = (0.35 * (k % 4) - 0.5, 0.5 * (k // 4) - 0.25, 2.0 + 0.05 * k)
        balls.append(mesh(sphere(), place, 0.4, material=material, instance=k + 1))
    cut = Topology.of(quad().faces, quad().rest, fields=np.array([[0, 0, 0, f] for f in (0, 0, 1, 1)]))
    trimmed = Material((Surface((0.5, 0.7, 0.5), folds=0.4),), trim=(0.4, 9.0, -9.0))
    half = Material((Surface((1, 1, 1), pattern="photo", texture=1),))
    lights = Lights(Sun((-0.5, -0.8, -0.4), softness=0.05), lamps=(Lamp((0.5, -0.5, 1.0), strength=0.4),))
    things = (
        mesh(cut, (0.3, 0.1, 1.6), 0.5, material=trimmed, two_sided=True, instance=9),
        mesh(quad(), (-0.4, 0.5, 1.7), 0.5, material=half, two_sided=True, instance=10),
    )
    return scene(*balls, *things, lights=lights, ground=Ground((0, 0.6, 0)))


def test_both_renderers_draw_the_same():
    one, two = (make_renderer(kind, bank_of_two()) for kind in ("gl", "soft"))
    first, second = one.render(varied_scene()), two.render(varied_scene())
    assert (first.instances != second.instances).mean() < 2e-3 and len(np.unique(first.instances)) == 11
    np.testing.assert_array_equal(first.parts, second.parts)
    same = (first.instances == second.instances) & np.isfinite(first.depth)
    assert np.quantile(np.abs(first.depth[same] - second.depth[same]), 0.999) < 2e-3
    apart = np.abs(first.image.astype(int) - second.image).mean(-1)
    assert apart.mean() < 1.5 and np.quantile(apart, 0.98) < 12
    one.close()


def test_a_gpu_is_told_from_software_and_the_fastest_is_taken(monkeypatch):
    from anchorpose.learn.synthesis import renderers
    from anchorpose.learn.synthesis.gl import context as contexts
    from anchorpose.learn.synthesis.gl import renderer as gl_renderer
    from anchorpose.learn.synthesis.soft import compiled
    from anchorpose.learn.synthesis.soft.renderer import SoftRenderer

    def context(name):
        return SimpleNamespace(info={"GL_RENDERER": name}, release=lambda: None)

    monkeypatch.setattr(gl_renderer, "Renderer", lambda *_, context: context.info["GL_RENDERER"])
    monkeypatch.setattr(contexts, "may_have_gpu", lambda: True)
    monkeypatch.setattr(contexts, "create_context", lambda **_: context("NVIDIA H100 80GB HBM3/PCIe/SSE2"))
    assert renderers.open_renderer(8, 8).startswith("NVIDIA")
    monkeypatch.setattr(contexts, "create_context", lambda **_: context("llvmpipe (LLVM 15.0.6, 256 bits)"))
    monkeypatch.setattr(compiled, "can_compile", lambda: True)
    assert isinstance(renderers.open_renderer(8, 8), SoftRenderer)
    monkeypatch.setattr(compiled, "can_compile", lambda: False)
    assert renderers.open_renderer(8, 8).startswith("llvmpipe")

    def none(**_):
        raise ModelError("no OpenGL")

    monkeypatch.setattr(contexts, "create_context", none)
    with pytest.raises(ModelError, match="no OpenGL"):
        renderers.open_renderer(8, 8)
    monkeypatch.setattr(compiled, "can_compile", lambda: True)
    assert isinstance(renderers.open_renderer(8, 8), SoftRenderer)


# -- without a context


@pytest.mark.parametrize("fast", [True, False])
def test_vertex_normals_point_outward(monkeypatch, fast):
    if fast:
        pytest.importorskip("numba", reason="numba is not installed")
    monkeypatch.setattr(geometry, "can_compile", lambda: fast)
    for shape in (sphere(12, 24), box(), cylinder()):
        rest = shape.rest
        normals = VertexNormals(shape.faces, len(rest))(rest)
        used = np.unique(shape.faces)
        assert ((normals * rest).sum(1)[used] > 0).all()
    ball = sphere(24, 48)
    normals = VertexNormals(ball.faces, len(ball.rest))(ball.rest)
    inner = (np.abs(ball.uv[:, 0] - 0.5) < 0.49) & (np.abs(ball.uv[:, 1] - 0.5) < 0.4)
    assert (normals[inner] @ np.eye(3) - 2 * ball.rest[inner]).max() < 0.02


def test_coarse_faces_keep_the_shape():
    ball = sphere(48, 96)
    chosen = clusters(ball.rest, 0.08)
    faces = coarse_faces(ball.faces, chosen)
    assert len(faces) < len(ball.faces) / 2
    a, b, c = (ball.rest[faces[:, k]].astype(float) for k in range(3))
    volume = (a * np.cross(b, c)).sum() / 6
    assert volume == pytest.approx(np.pi / 6, rel=0.08)
    groups = (ball.rest[:, 0] > 0).astype(int)
    apart = clusters(ball.rest, 0.3, groups)
    assert (groups[apart] == groups).all()


def test_thickness_follows_the_cuts():
    skin, cloth, shoe = Surface((1, 1, 1)), Surface((0, 0, 0), thickness=0.01), Surface((0, 0, 0), thickness=0.02)
    material = Material((skin, cloth, shoe), Cuts(top=1, shoes=2, sleeve=0.5))
    #                   chest            forearm           foot              knee
    fields = np.array([[-1, -1, 0.7, -1], [1.5, -1, 0.7, -1], [-1, 2.5, -1, -1], [-1, 1.0, -0.5, -1.0]])
    rest = np.full((4, 3), 0.1)
    np.testing.assert_allclose(thickness(material, fields, rest), [0.01, 0, 0.02, 0], atol=1e-7)


def test_noise_tiles_and_is_fixed():
    noise = noise_texture()
    assert noise.shape == (256, 256, 4) and noise.dtype == np.uint8
    inside = np.abs(np.diff(noise[..., 2].astype(int), axis=0)).max()
    assert np.abs(noise[-1, :, 2].astype(int) - noise[0, :, 2]).max() <= inside + 1
    assert np.abs(noise[..., :2].mean((0, 1)) - 127.5).max() < 2


def test_missing_package_and_missing_driver_are_said(monkeypatch):
    from anchorpose.learn.synthesis.gl.context import create_context

    def refuse(**_):
        raise RuntimeError("libEGL.so.1: cannot open")

    monkeypatch.setitem(sys.modules, "moderngl", SimpleNamespace(create_context=refuse))
    with pytest.raises(ModelError, match="libEGL"):
        create_context()
    monkeypatch.setitem(sys.modules, "moderngl", None)
    with pytest.raises(MissingExtra, match="moderngl"):
        create_context()


def test_linear_light():
    np.testing.assert_allclose(linear((0.0, 0.5, 1.0)), [0, 0.2140411, 1], atol=1e-6)
