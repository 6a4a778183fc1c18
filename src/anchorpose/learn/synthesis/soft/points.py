"""From what the samples of a pixel show to points on surfaces, with all that their colour depends on."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from anchorpose.learn.synthesis.gl.scene import FACE_BITS
from anchorpose.learn.synthesis.soft.compiled import compiled
from anchorpose.learn.synthesis.soft.raster import FACE, FIRST, INSTANCE, STATIC
from anchorpose.learn.synthesis.soft.store import Store

POSITION, NORMAL, REST, FIELDS, PAINT, FLAT, ALONG, ACROSS = 0, 3, 6, 9, 13, 17, 19, 22
"""First row of each attribute of a point: where it is, its normal towards the camera (not of length 1), its place in
the rest pose, garment coordinates (4), what is painted on it (4), flat coordinates [m] (2) of the rest pose, and their
gradients in the camera frame (3 each)."""

_ROWS = 25


@dataclass(frozen=True, eq=False)
class Points:
    """Surfaces to give a colour to.

    Attributes:
        row, column: (N,) of the pixel. weight: (N,) share of the pixel that it fills. label: (N,) whether depth and
            labels of the pixel are its own.
        mesh: (N,) number; corner: (N,) number of its triangle's last vertex among all that is kept.
        at: (25, N) attributes, see `POSITION` and the others.
    """

    row: np.ndarray
    column: np.ndarray
    weight: np.ndarray
    label: np.ndarray
    mesh: np.ndarray
    corner: np.ndarray
    at: np.ndarray


def find_points(
    seen: np.ndarray, value: np.ndarray, box: tuple[int, int, int, int], size: tuple[int, int],
    lens: tuple[float, float, float, float],
    meshes: np.ndarray, vertices: np.ndarray, normals: np.ndarray, store: Store,
) -> Points:  # fmt: skip
    """The points of an image.

    Args:
        seen, value, box: of a whole number of samples per pixel, from `raster.fill`.
        size: width, height of the image [px]. lens: fx, fy, cx, cy.
        meshes: (M, 7) table; vertices, normals: (V, 3) of the scene.
    """
    over = len(seen) // size[1]
    top, bottom, left, right = box[0] // over, -(-box[1] // over), box[2] // over, -(-box[3] // over)
    room = 2 * max(bottom - top, 0) * max(right - left, 0)
    where, weight, label = np.empty((3, room), np.int32), np.empty(room, np.float32), np.empty(room, bool)
    count = _resolve(seen, value, over, top, bottom, left, right, where, weight, label)
    row, column, number = (np.ascontiguousarray(part[:count]) for part in where)
    at, corner = np.empty((_ROWS, count), np.float32), np.empty(count, np.int64)
    rx, ry = (column - lens[2]) / lens[0], (row - lens[3]) / lens[1]
    fixed = store.rest, store.fields, store.paint
    _attributes(number, rx, ry, meshes, vertices, normals, store.faces, *fixed, corner, at)
    return Points(row, column, weight[:count], label[:count], (number >> FACE_BITS) - 1, corner, at)


@compiled
def _resolve(
    seen: np.ndarray, value: np.ndarray, over: int, top: int, bottom: int, left: int, right: int, where: np.ndarray,
    weight: np.ndarray, label: np.ndarray,
) -> int:  # fmt: skip
    """A pixel sees at most two surfaces that count: the nearest of its samples', and that of those well behind it. Each
    is a point, at the pixel's middle, and weighs as many samples as show it. Labels are those of the sample next to the
    middle. Fills where (3, N): row, column, triangle."""
    half, share, count = over // 2, 1 / (over * over), 0
    for row in range(top, bottom):
        for column in range(left, right):
            nearest = np.float32(0)
            for y in range(row * over, (row + 1) * over):
                for x in range(column * over, (column + 1) * over):
                    nearest = max(nearest, value[y, x])
            if nearest == 0:
                continue
            limit = 1 / (1.01 / nearest + 0.02)
            front, behind, ahead, back = 0, 0, 0, 0
            middle = seen[row * over + half, column * over + half]
            if middle and value[row * over + half, column * over + half] > limit:
                front = middle
            else:
                behind = middle
            for y in range(row * over, (row + 1) * over):
                for x in range(column * over, (column + 1) * over):
                    if value[y, x] > limit:
                        ahead += 1
                        front = front if front else seen[y, x]
                    elif seen[y, x]:
                        back += 1
                        behind = behind if behind else seen[y, x]
            where[0, count], where[1, count], where[2, count] = row, column, front
            weight[count], label[count] = ahead * share, front == middle
            count += 1
            if back:
                where[0, count], where[1, count], where[2, count] = row, column, behind
                weight[count], label[count] = back * share, behind == middle
                count += 1
    return count


@compiled
def _attributes(
    number: np.ndarray, rx: np.ndarray, ry: np.ndarray, meshes: np.ndarray, vertices: np.ndarray, normals: np.ndarray,
    faces: np.ndarray, rest: np.ndarray, fields: np.ndarray, paint: np.ndarray, corner: np.ndarray, at: np.ndarray,
) -> None:  # fmt: skip
    """Fills the attributes of points where rays (rx, ry, 1) meet triangles; a ray beside one is kept near it."""
    for p in range(len(number)):
        mesh = (number[p] >> FACE_BITS) - 1
        face = meshes[mesh, FACE] + (number[p] & ((1 << FACE_BITS) - 1))
        i, j, k = meshes[mesh, FIRST] + faces[face, 0], meshes[mesh, FIRST] + faces[face, 1], 0
        k = meshes[mesh, FIRST] + faces[face, 2]
        ax, ay, az = np.float64(vertices[i, 0]), np.float64(vertices[i, 1]), np.float64(vertices[i, 2])
        ux, uy, uz = vertices[j, 0] - ax, vertices[j, 1] - ay, vertices[j, 2] - az
        vx, vy, vz = vertices[k, 0] - ax, vertices[k, 1] - ay, vertices[k, 2] - az
        # Moeller and Trumbore.
        px, py, pz = ry[p] * vz - vy, vx - rx[p] * vz, rx[p] * vy - ry[p] * vx
        det = ux * px + uy * py + uz * pz
        det = 1e-16 if abs(det) < 1e-16 else det
        qx, qy, qz = az * uy - ay * uz, ax * uz - az * ux, ay * ux - ax * uy
        b = min(max(-(ax * px + ay * py + az * pz) / det, -0.6), 1.6)
        c = min(max((rx[p] * qx + ry[p] * qy + qz) / det, -0.6), 1.6)
        a = 1 - b - c
        at[0, p], at[1, p], at[2, p] = ax + b * ux + c * vx, ay + b * uy + c * vy, az + b * uz + c * vz
        nx = a * normals[i, 0] + b * normals[j, 0] + c * normals[k, 0]
        ny = a * normals[i, 1] + b * normals[j, 1] + c * normals[k, 1]
        nz = a * normals[i, 2] + b * normals[j, 2] + c * normals[k, 2]
        flip = -1.0 if det < 0 and nx * at[0, p] + ny * at[1, p] + nz * at[2, p] > 0 else 1.0
        at[3, p], at[4, p], at[5, p] = flip * nx, flip * ny, flip * nz
        i, j, k = meshes[mesh, STATIC] + faces[face, 0], meshes[mesh, STATIC] + faces[face, 1], 0
        k = meshes[mesh, STATIC] + faces[face, 2]
        corner[p] = k
        for n in range(3):
            at[6 + n, p] = a * rest[i, n] + b * rest[j, n] + c * rest[k, n]
        for n in range(4):
            at[9 + n, p] = a * fields[i, n] + b * fields[j, n] + c * fields[k, n]
            at[13 + n, p] = a * paint[i, n] + b * paint[j, n] + c * paint[k, n]
        # Flat coordinates are those of the side of the rest pose that the triangle faces.
        x1, y1, z1 = rest[j, 0] - rest[i, 0], rest[j, 1] - rest[i, 1], rest[j, 2] - rest[i, 2]
        x2, y2, z2 = rest[k, 0] - rest[i, 0], rest[k, 1] - rest[i, 1], rest[k, 2] - rest[i, 2]
        sx, sy, sz = abs(y1 * z2 - z1 * y2), abs(z1 * x2 - x1 * z2), abs(x1 * y2 - y1 * x2)
        top = sy > sz and sy > sx
        side = sx > sz and sx >= sy
        one, two = 2 if side else 0, 2 if top else 1
        at[17, p], at[18, p] = at[6 + one, p], at[6 + two, p]
        kx, ky, kz = uy * vz - uz * vy, uz * vx - ux * vz, ux * vy - uy * vx
        area = max(kx * kx + ky * ky + kz * kz, 1e-16)
        gx, gy, gz = (vy * kz - vz * ky) / area, (vz * kx - vx * kz) / area, (vx * ky - vy * kx) / area
        hx, hy, hz = (ky * uz - kz * uy) / area, (kz * ux - kx * uz) / area, (kx * uy - ky * ux) / area
        for n in range(2):
            m = one if n == 0 else two
            d, e = rest[j, m] - rest[i, m], rest[k, m] - rest[i, m]
            at[19 + 3 * n, p], at[20 + 3 * n, p] = d * gx + e * hx, d * gy + e * hy
            at[21 + 3 * n, p] = d * gz + e * hz


@compiled
def blend(row: np.ndarray, column: np.ndarray, weight: np.ndarray, color: np.ndarray, image: np.ndarray) -> None:
    """Draws points with colours (3, N) over an image (H, W, 3) uint8; the points of a pixel follow each other."""
    k = 0
    while k < len(row):
        y, x, total = row[k], column[k], weight[k]
        red, green, blue = total * color[0, k], total * color[1, k], total * color[2, k]
        k += 1
        while k < len(row) and row[k] == y and column[k] == x:
            total += weight[k]
            red, green, blue = (
                red + weight[k] * color[0, k],
                green + weight[k] * color[1, k],
                (blue + weight[k] * color[2, k]),
            )
            k += 1
        rest = np.float32(1) - total
        image[y, x, 0] = int(red + rest * image[y, x, 0] + np.float32(0.5))
        image[y, x, 1] = int(green + rest * image[y, x, 1] + np.float32(0.5))
        image[y, x, 2] = int(blue + rest * image[y, x, 2] + np.float32(0.5))


@compiled
def label_pixels(
    row: np.ndarray, column: np.ndarray, label: np.ndarray, mesh: np.ndarray, corner: np.ndarray, z: np.ndarray,
    meshes: np.ndarray, part_of: np.ndarray, depth: np.ndarray, parts: np.ndarray, instances: np.ndarray,
) -> None:  # fmt: skip
    """Writes depth z (N,), part and person of those points that are labels into maps (H, W)."""
    for k in range(len(row)):
        if label[k]:
            depth[row[k], column[k]] = z[k]
            parts[row[k], column[k]] = part_of[corner[k]]
            instances[row[k], column[k]] = meshes[mesh[k], INSTANCE]
