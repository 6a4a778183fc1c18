"""From what the samples of a pixel show to points on surfaces, with all that their colour depends on."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from anchorpose.learn.synthesis.gl.scene import FACE_BITS
from anchorpose.learn.synthesis.soft.compiled import compiled
from anchorpose.learn.synthesis.soft.raster import FACE, FIRST, INSTANCE, STATIC
from anchorpose.learn.synthesis.soft.store import FIXED, Store

POSITION, NORMAL, REST, FIELDS, PAINT, FLAT, ALONG, ACROSS = 0, 3, 6, 9, 13, 17, 19, 22
"""First column of each attribute of a point: where it is, its normal towards the camera (not of length 1), its place in
the rest pose, garment coordinates (4), what is painted on it (4), flat coordinates [m] (2) of the rest pose, and their
gradients in the camera frame (3 each)."""

_COLUMNS = 25


@dataclass(frozen=True, eq=False)
class Points:
    """Surfaces to give a colour to.

    Attributes:
        row, column: (N,) of the pixel. weight: (N,) share of the pixel that it fills. label: (N,) whether depth and
            labels of the pixel are its own.
        mesh: (N,) number; corner: (N,) number of its triangle's last vertex among all that is kept.
        at: (N, 25) attributes, see `POSITION` and the others.
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
    at, corner = np.empty((count, _COLUMNS), np.float32), np.empty(count, np.int64)
    rx, ry = (column - lens[2]) / lens[0], (row - lens[3]) / lens[1]
    _attributes(number, rx, ry, meshes, vertices, normals, store.faces, store.fixed, corner, at)
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
    faces: np.ndarray, fixed: np.ndarray, corner: np.ndarray, at: np.ndarray,
) -> None:  # fmt: skip
    """Fills the attributes of points where rays (rx, ry, 1) meet triangles; a ray beside one is kept near it."""
    for p in range(len(number)):
        mesh = (number[p] >> FACE_BITS) - 1
        face = meshes[mesh, FACE] + (number[p] & ((1 << FACE_BITS) - 1))
        first = meshes[mesh, FIRST]
        i, j, k = first + faces[face, 0], first + faces[face, 1], first + faces[face, 2]
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
        x, y, z = ax + b * ux + c * vx, ay + b * uy + c * vy, az + b * uz + c * vz
        nx = a * normals[i, 0] + b * normals[j, 0] + c * normals[k, 0]
        ny = a * normals[i, 1] + b * normals[j, 1] + c * normals[k, 1]
        nz = a * normals[i, 2] + b * normals[j, 2] + c * normals[k, 2]
        flip = -1.0 if det < 0 and nx * x + ny * y + nz * z > 0 else 1.0
        at[p, 0], at[p, 1], at[p, 2], at[p, 3], at[p, 4], at[p, 5] = x, y, z, flip * nx, flip * ny, flip * nz
        first = meshes[mesh, STATIC]
        i, j, k = first + faces[face, 0], first + faces[face, 1], first + faces[face, 2]
        corner[p] = k
        for n in range(FIXED):
            at[p, REST + n] = a * fixed[i, n] + b * fixed[j, n] + c * fixed[k, n]
        # Flat coordinates are those of the side of the rest pose that the triangle faces.
        x1, y1, z1 = fixed[j, 0] - fixed[i, 0], fixed[j, 1] - fixed[i, 1], fixed[j, 2] - fixed[i, 2]
        x2, y2, z2 = fixed[k, 0] - fixed[i, 0], fixed[k, 1] - fixed[i, 1], fixed[k, 2] - fixed[i, 2]
        sx, sy, sz = abs(y1 * z2 - z1 * y2), abs(z1 * x2 - x1 * z2), abs(x1 * y2 - y1 * x2)
        one, two, d1, e1, d2, e2 = 0, 1, x1, x2, y1, y2
        if sx > sz and sx >= sy:
            one, d1, e1 = 2, z1, z2
        elif sy > sz and sy > sx:
            two, d2, e2 = 2, z1, z2
        at[p, FLAT], at[p, FLAT + 1] = at[p, REST + one], at[p, REST + two]
        kx, ky, kz = uy * vz - uz * vy, uz * vx - ux * vz, ux * vy - uy * vx
        scale = 1 / max(kx * kx + ky * ky + kz * kz, 1e-16)
        gx, gy, gz = (vy * kz - vz * ky) * scale, (vz * kx - vx * kz) * scale, (vx * ky - vy * kx) * scale
        hx, hy, hz = (ky * uz - kz * uy) * scale, (kz * ux - kx * uz) * scale, (kx * uy - ky * ux) * scale
        at[p, ALONG], at[p, ALONG + 1], at[p, ALONG + 2] = d1 * gx + e1 * hx, d1 * gy + e1 * hy, d1 * gz + e1 * hz
        at[p, ACROSS], at[p, ACROSS + 1], at[p, ACROSS + 2] = d2 * gx + e2 * hx, d2 * gy + e2 * hy, d2 * gz + e2 * hz


@compiled
def blend(row: np.ndarray, column: np.ndarray, weight: np.ndarray, color: np.ndarray, image: np.ndarray) -> None:
    """Draws points with colours (N, 3) over an image (H, W, 3) uint8; the points of a pixel follow each other."""
    k = 0
    while k < len(row):
        y, x, total = row[k], column[k], weight[k]
        red, green, blue = total * color[k, 0], total * color[k, 1], total * color[k, 2]
        k += 1
        while k < len(row) and row[k] == y and column[k] == x:
            total += weight[k]
            red, green, blue = (
                red + weight[k] * color[k, 0],
                green + weight[k] * color[k, 1],
                blue + weight[k] * color[k, 2],
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
