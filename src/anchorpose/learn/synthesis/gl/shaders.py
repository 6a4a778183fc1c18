"""The GLSL programs.

Triangles of a body are about as small as pixels, and a rasteriser that shades them one by one shades every pixel many
times over. So the geometry pass only writes which triangle is seen (a visibility buffer: Burns and Hunt 2013), and one
pass over the image shades what is seen, once.
"""

from __future__ import annotations

from anchorpose.learn.synthesis.gl.scene import FACE_BITS

VERSION = "#version 330 core\n"

# Data kept in textures of four floats, DATA_WIDTH texels a row; packed by arena.py and materials.py, keep them in step.
# (Software renderers read textures many times faster than storage buffers.)
DATA = """
uniform sampler2D placed;           // per vertex: position, normal
uniform sampler2D fixed_data;       // per vertex two: rest position, paint; fields
uniform sampler2D faces;            // per triangle: three vertices, part
uniform sampler2D stuff_data;       // per mesh a row of 48
uniform sampler2DArray bank;
// An `if` that software renderers really skip: they run through both sides of a plain one.
#define WHEN(condition) for (int once_ = (condition) ? 1 : 0; once_ > 0; --once_)
#define STUFF(k) texelFetch(stuff_data, ivec2(k, mesh_row), 0)
#define SURFACE(i) (10 + 4 * (i))
ivec2 at_data(int index) { return ivec2(index & 2047, index >> 11); }
"""

# Triangles may have holes: garments are trimmed to length, photos without cuts may be transparent. "solid" has none.
HOLES = ("solid", "trimmed", "pierced")
_VERTEX = """
uniform mat4 clip_from_camera;
uniform ivec4 mesh;                 // number, first position, first record of fixed data, layer of the photo
out vec4 v_fields;
void main() {
    v_fields = FIELDS;
    gl_Position = clip_from_camera * vec4(texelFetch(placed, at_data(mesh.y + gl_VertexID), 0).xyz, 1.0);
}
"""
_FRAGMENT = """
uniform ivec4 mesh;
uniform vec3 trim;
in vec4 v_fields;
OUTPUT
void main() {
    HOLE
    RESULT
}
"""
_HOLE = {
    "solid": "",
    "trimmed": "if (v_fields.w < trim.x || v_fields.w > trim.y || v_fields.x < trim.z) discard;",
    "pierced": "if (textureLod(bank, vec3(v_fields.yz, mesh.w), 0.0).a < 0.5) discard;",
}
_FIELDS = "texelFetch(fixed_data, at_data(2 * (mesh.z + gl_VertexID) + 1), 0)"
# Number of the mesh from 1 and of the triangle in one float, exact below 2^24 (and clear to 0 on every driver, as an
# integer target is not).
_SEEN = ("out float o_seen;", f"o_seen = float(((mesh.x + 1) << {FACE_BITS}) | gl_PrimitiveID);")
_MASK = ("out float o_mask;", "o_mask = 1.0;")


def geometry_program(holes: str, shadow: bool) -> tuple[str, str]:
    """Vertex and fragment shader of the visibility pass, or of the shadow pass, for one of `HOLES`."""
    vertex = VERSION + DATA + _VERTEX.replace("FIELDS", "vec4(0.0)" if holes == "solid" else _FIELDS)
    output, result = _MASK if shadow else _SEEN
    fragment = _FRAGMENT.replace("OUTPUT", output).replace("HOLE", _HOLE[holes]).replace("RESULT", result)
    return vertex, VERSION + DATA + fragment


SCREEN_VERTEX = (
    VERSION
    + """
void main() {
    gl_Position = vec4(gl_VertexID == 1 ? 3.0 : -1.0, gl_VertexID == 2 ? 3.0 : -1.0, 0.0, 1.0);
}
"""
)
