"""The GLSL of the shading pass: finds the surface of each pixel's triangle, its cloth or skin, and its light."""

from __future__ import annotations

from anchorpose.learn.synthesis.gl.scene import FACE_BITS
from anchorpose.learn.synthesis.gl.shaders import DATA, VERSION

_SHADE_INPUT = """
uniform sampler2D seen;
uniform sampler2D seen_depth;
uniform sampler2D noise;            // tiling: xy slope of folds, z mottling, w grain
uniform sampler2DShadow shadow_map;
uniform mat4 light_from_camera;
uniform vec4 lens;                  // 1 / fx, 1 / fy, cx, cy
uniform vec3 range;                 // z = range.x / (range.y - depth), size of the shadow map
uniform vec4 sun;                   // direction to the light, softness as a share of the map
uniform vec3 sun_color;
uniform vec3 sky;
uniform vec3 floor_color;
uniform vec4 up;                    // up, exposure
#if LAMPS > 0
uniform vec3 lamp_position[LAMPS];
uniform vec3 lamp_color[LAMPS];
#endif
uniform float bias;
"""

_SHADE_LIGHT = """
// Between sRGB and linear light, by roots and a cubic, within half a step of 255 (after Chilliant 2012).
vec3 encoded(vec3 c) {
    vec3 r = sqrt(c), r2 = sqrt(r), r3 = sqrt(r2);
    return clamp(0.662002687 * r + 0.684122060 * r2 - 0.323583601 * r3 - 0.0225411470 * c, 0.0, 1.0);
}
vec3 decoded(vec3 c) { return c * (c * (c * 0.305306011 + 0.682171111) + 0.012522878); }

float lit(vec3 p, float radius) {
    vec4 q = light_from_camera * vec4(p, 1.0);
    vec3 t = q.xyz * 0.5 + 0.5;
    t.z -= bias;
    vec3 r = vec3(0.7, 0.4, 0.0) * max(radius, 0.8 / range.z);
    return 0.5 * (texture(shadow_map, t + r) + texture(shadow_map, t - r));
}
"""

_SHADE_SURFACE = """
// Which surface covers the body at garment coordinates f = (arm, leg, torso, scalp); x: sideways in the rest pose.
// `hem` darkens where cloth ends on skin or on other cloth.
int surface_at(int mesh_row, vec4 f, float x, float front, float top_start, out float hem) {
    vec4 worn = STUFF(0), more = STUFF(1), starts = STUFF(2), neck = STUFF(3);
    float collar = neck.x - neck.y * max(0.0, 1.0 - abs(x) / 0.09) * front;
    int s = 0;
    if (f.z >= max(starts.w, top_start) && f.z < collar && f.x < more.z && abs(x) > neck.w * front) s = int(worn.x);
    if (f.z < starts.w && f.y < more.w) s = int(worn.y);
    if (worn.w > 0.5 && f.y > starts.y) s = int(worn.w);
    if (more.x > 0.5 && f.y > starts.z) s = int(more.x);
    if (worn.z > 0.5 && f.x > starts.x) s = int(worn.z);
    if (more.y > 0.5 && f.w > neck.z) s = int(more.y);
    float d = min(abs(f.x - more.z) * 0.3, abs(f.y - more.w) * 0.4);
    d = min(d, min(abs(f.z - starts.w), abs(f.z - neck.x)) * 0.55);
    hem = 0.75 + 0.25 * clamp(d / 0.012, 0.0, 1.0);
    return s;
}

float stripe(float t, float w) { return smoothstep(0.5 - w, 0.5 + w, abs(fract(t) * 2.0 - 1.0)); }

vec3 pattern(int mesh_row, vec4 flags, int s, vec2 q, vec2 uv, vec3 rest, float footprint) {
    vec4 first = STUFF(SURFACE(s));
    vec3 a = first.rgb;
    int kind = int(first.w);
    WHEN (kind > 0) {
        vec4 second = STUFF(SURFACE(s) + 1), third = STUFF(SURFACE(s) + 2);
        vec3 b = second.rgb;
        float scale = second.w, layer = STUFF(SURFACE(s) + 3).y, share = 0.0;
        vec2 t = mat2(third.x, third.y, -third.y, third.x) * q / scale;
        float w = clamp(2.0 * footprint / scale, 0.01, 1.0);
        float texel = max(log2(footprint / scale * float(textureSize(bank, 0).x)), 0.0);
        if (kind == 1) share = stripe(t.y, w);
        WHEN (kind == 2) share = 0.5 * (stripe(t.x, w) + stripe(t.y, w));
        WHEN (kind == 3) {
            vec2 c = fract(t + vec2(0.5 * mod(floor(t.y), 2.0), 0.0)) - 0.5;
            share = 1.0 - smoothstep(0.28 - w, 0.28 + w, length(c));
        }
        if (kind == 5) share = smoothstep(-0.5, 0.5, t.y);
        WHEN (kind == 4 || kind == 8) {      // blotches; strands of hair
            bool hair = kind == 8;
            vec2 at = t * (hair ? vec2(0.8, 0.03) : vec2(0.25));
            vec4 c = textureLod(noise, at, max(texel - (hair ? 2.5 : 1.0), 0.0));
            share = hair ? smoothstep(0.3, 0.8, c.w) : smoothstep(0.35, 0.65, c.z);
        }
        WHEN (kind == 6 || kind == 7) {      // photo; logo on the chest
            bool logo = kind == 7, whole = !logo && flags.x < 0.5 && STUFF(42).y > 1e8;
            vec2 l = vec2(rest.x, flags.w - rest.y) / scale + 0.5;
            vec2 at = logo ? l : whole ? uv : vec2(t.x, -t.y);
            vec4 c = textureLod(bank, vec3(at, layer), whole ? 0.0 : texel);
            float inside = step(0.0, min(min(l.x, l.y), min(1.0 - l.x, 1.0 - l.y))) * step(0.0, rest.z) * c.a;
            b = logo ? decoded(c.rgb) : a * decoded(c.rgb);
            share = logo ? inside : 1.0;
        }
        a = mix(a, b, share);
    }
    return a;
}

vec3 skin(vec3 base, vec4 f, vec4 grain) {
    // Blood under the skin: knees, elbows, hands and feet; slow mottling all over.
    float red = 0.5 * (grain.z - 0.5) + 0.35 * smoothstep(2.0, 2.6, max(f.x, f.y))
        + 0.25 * max(0.0, max(1.0 - 9.0 * (f.x - 1.0) * (f.x - 1.0), 1.0 - 9.0 * (f.y - 1.0) * (f.y - 1.0)));
    base *= 1.0 + 0.16 * (grain.z - 0.5) + 0.08 * (grain.w - 0.5);
    return base * mix(vec3(1.0), vec3(1.06, 0.88, 0.86), clamp(red, 0.0, 1.0));
}

vec3 painted(int mesh_row, vec3 base, vec4 p, float grain) {
    vec4 lips = STUFF(5);
    base = mix(base, STUFF(8).rgb, lips.w * 0.85 * smoothstep(0.15, 0.7, p.z * (0.75 + 0.5 * grain)));
    base = mix(base, lips.rgb, 0.8 * smoothstep(0.25, 0.75, p.x));
    base = mix(base, STUFF(6).rgb, 0.9 * smoothstep(0.3, 0.7, p.y));
    WHEN (p.w > 0.002) {
        base = mix(vec3(0.62, 0.58, 0.55), STUFF(7).rgb, smoothstep(0.80, 0.84, p.w));
        base = mix(base, vec3(0.01), smoothstep(0.93, 0.95, p.w));
    }
    return base;
}
"""

_SHADE_TRIANGLE = """
struct Corner { vec3 p; vec3 n; vec4 rest; vec4 fields; };
vec4 unpacked(float packed_, int bits) {
    ivec4 shift = ivec4(0, bits, 2 * bits, 3 * bits);
    return vec4((ivec4(int(packed_)) >> shift) & ((1 << bits) - 1)) / float((1 << bits) - 1);
}
Corner corner(vec4 at, float index) {
    Corner c;
    vec4 one = texelFetch(placed, at_data(int(at.y + index)), 0);
    ivec2 two = at_data(2 * int(at.z + index));
    c.p = one.xyz;
    c.n = unpacked(one.w, 8).xyz * 2.0 - 1.0;
    c.rest = texelFetch(fixed_data, two, 0);
    c.fields = texelFetch(fixed_data, two + ivec2(1, 0), 0);
    return c;
}

// Shades triangle `id` where the pixel's ray meets it; z_label gets the depth and labels.
vec3 shade(int id, vec3 ray, out vec3 z_label) {
    int mesh_row = (id >> FACE_BITS) - 1;
    vec4 at = STUFF(43);
    vec4 face = texelFetch(faces, at_data(int(at.x) + (id & ((1 << FACE_BITS) - 1))), 0);
    Corner a = corner(at, face.x), b = corner(at, face.y), c = corner(at, face.z);
    vec3 e1 = b.p - a.p, e2 = c.p - a.p, flat_n = cross(e1, e2);
    // Moeller and Trumbore; a ray beside the triangle is kept near it.
    vec3 pv = cross(ray, e2);
    float det = dot(e1, pv);
    det = abs(det) < 1e-16 ? 1e-16 : det;
    vec3 qv = cross(-a.p, e1);
    vec2 w = clamp(vec2(dot(-a.p, pv), dot(ray, qv)) / det, -0.6, 1.6);
    vec3 position = a.p + w.x * e1 + w.y * e2;
    vec3 n = normalize(a.n + w.x * (b.n - a.n) + w.y * (c.n - a.n));
    vec4 rest = a.rest + w.x * (b.rest - a.rest) + w.y * (c.rest - a.rest);
    vec4 f = a.fields + w.x * (b.fields - a.fields) + w.y * (c.fields - a.fields);
    vec3 rest_n = abs(cross(b.rest.xyz - a.rest.xyz, c.rest.xyz - a.rest.xyz));
    vec2 uv = f.yz;
    vec4 paint = unpacked(a.rest.w, 6) * (1.0 - w.x - w.y) + unpacked(b.rest.w, 6) * w.x + unpacked(c.rest.w, 6) * w.y;
    vec4 flags = STUFF(4);
    z_label = vec3(position.z, face.w, flags.z);

    // Flat coordinates [m] on the side of the rest pose that the surface faces.
    bool side = rest_n.x > rest_n.z && rest_n.x >= rest_n.y, top = rest_n.y > rest_n.z && rest_n.y > rest_n.x;
    vec2 q = top ? rest.xz : side ? rest.zy : rest.xy;
    vec2 q1 = (top ? b.rest.xz - a.rest.xz : side ? b.rest.zy - a.rest.zy : b.rest.xy - a.rest.xy);
    vec2 q2 = (top ? c.rest.xz - a.rest.xz : side ? c.rest.zy - a.rest.zy : c.rest.xy - a.rest.xy);
    float footprint = position.z * lens.x;
    vec4 seed = STUFF(9);
    float level = log2(footprint * 256.0) + 0.5;
    vec4 broad = textureLod(noise, q * vec2(1.5, 1.1) + seed.xy, max(level + 0.4, 0.0));
    vec4 fine = vec4(broad.yx, 1.0 - broad.z, broad.w);
    WHEN (footprint < 0.009) fine = textureLod(noise, q * 4.5 + seed.yx, max(level + 2.2, 0.0));
    f += vec4(0.02, 0.02, 0.01, 0.012) * (fine.z - 0.5);
    int s = 0;
    float hem = 1.0;
    WHEN (flags.x > 0.5) s = surface_at(mesh_row, f, rest.x, step(0.0, rest.z), seed.z, hem);
    vec4 third = STUFF(SURFACE(s) + 2);
    float folds = third.w;
    bool bare = flags.y > 0.5 && s == 0;
    vec3 albedo = pattern(mesh_row, flags, s, q, uv, rest.xyz, footprint);
    vec4 grain = vec4(broad.xy, broad.z, fine.w);
    WHEN (bare) {
        albedo = skin(albedo, f, grain);
        bool on_face = max(max(paint.x, paint.y), max(paint.z, paint.w)) > 0.01;
        WHEN (on_face) albedo = painted(mesh_row, albedo, paint, grain.w);
    }
    if (!bare) albedo *= 1.0 + folds * 0.24 * (fine.z - 0.5) + 0.08 * (grain.w - 0.5);
    albedo *= hem;
    // Folds tilt the normal along the surface's own gradient of q.
    vec3 view = normalize(-position);
    if (dot(flat_n, view) < 0.0 && dot(n, view) < 0.0) n = -n;
    float area = max(dot(flat_n, flat_n), 1e-16);
    vec3 d1 = cross(e2, flat_n) / area, d2 = cross(flat_n, e1) / area;
    vec2 slope = folds * (2.4 * (broad.xy - 0.5) + 1.1 * (fine.xy - 0.5));
    vec3 tilt = slope.x * (q1.x * d1 + q2.x * d2) + slope.y * (q1.y * d1 + q2.y * d2);
    n = normalize(n - tilt * min(1.0, 1.2 / max(length(tilt), 1e-6)));

    float shadow = lit(position + n * 0.02, sun.w);
    float direct = dot(n, sun.xyz);
    vec3 wrap = bare ? vec3(0.25, 0.12, 0.08) : vec3(0.04);
    vec3 light = sun_color * clamp((direct + wrap) / (1.0 + wrap), 0.0, 1.0) * shadow;
    light += mix(floor_color, sky, dot(n, up.xyz) * 0.5 + 0.5);
    float gloss = max(dot(n, normalize(sun.xyz + view)), 0.0);
    gloss *= gloss;
    gloss *= gloss;                  // to the power of 4, at last 28
    float gloss4 = gloss * gloss;
    gloss *= gloss4 * gloss4 * gloss4 * shadow;
#if LAMPS > 0
    for (int i = 0; i < LAMPS; ++i) {
        vec3 d = lamp_position[i] - position;
        float r2 = max(dot(d, d), 0.05);
        light += lamp_color[i] * max(dot(n, d), 0.0) * inversesqrt(r2) / r2;
    }
#endif
    float rim = 1.0 - clamp(dot(n, view), 0.0, 1.0);
    vec3 color = albedo * light + third.z * (0.5 * gloss * sun_color + 0.25 * rim * rim * rim * rim * sky);
    color *= up.w;
    vec3 over = max(color - 0.6, 0.0);
    return encoded(min(color, 0.6) + 0.4 * over / (over + 0.4));
}
"""

_SHADE_MAIN = """
layout(location = 0) out vec4 o_color;
layout(location = 1) out vec4 o_depth;
layout(location = 2) out vec4 o_label;
vec3 ray_at(vec2 pixel) { return vec3((pixel - lens.zw) * lens.xy, 1.0); }

// A pixel sees at most two surfaces that count: the nearest of its points', and that of those well behind it. Each is
// shaded once, at the pixel's middle, and weighs as many of its points as show it. Labels and depth are those of the
// point next to the middle.
void main() {
    vec2 pixel = gl_FragCoord.xy - 0.5;
    ivec2 corner_ = ivec2(gl_FragCoord.xy) * OVER;
    int ids[OVER * OVER];
    float z[OVER * OVER];
    float near = 1e9;
    int any_seen = 0;
    for (int i = 0; i < OVER * OVER; ++i) {
        ids[i] = int(texelFetch(seen, corner_ + ivec2(i % OVER, i / OVER), 0).r);
        any_seen |= ids[i];
        z[i] = 1e9;
    }
    WHEN (any_seen != 0) for (int i = 0; i < OVER * OVER; ++i) {
        float depth = texelFetch(seen_depth, corner_ + ivec2(i % OVER, i / OVER), 0).r;
        if (ids[i] != 0) z[i] = range.x / (range.y - depth);
        near = min(near, z[i]);
    }
    int front = 0, behind = 0;
    ivec2 at = ivec2(0);            // the points shaded, in front and behind
    vec2 weight = vec2(0.0);
    for (int j = 0; j < OVER * OVER; ++j) {
        int i = (j + MIDDLE) % (OVER * OVER);
        bool close = z[i] < near * 1.01 + 0.02, there = ids[i] != 0;
        if (there && close && front == 0) { front = ids[i]; at.x = i; }
        if (there && !close && behind == 0) { behind = ids[i]; at.y = i; }
        weight += there ? (close ? vec2(1.0, 0.0) : vec2(0.0, 1.0)) : vec2(0.0);
    }
    int count = front == 0 ? 0 : behind == 0 ? 1 : 2;
    vec4 total = vec4(0.0);
    o_depth = o_label = vec4(0.0, 0.0, 0.0, 1.0);
    for (int k = 0; k < count; ++k) {
        int i = k == 0 ? at.x : at.y;
        vec3 z_label;
        vec3 color = shade(k == 0 ? front : behind, ray_at(pixel), z_label);
        total += vec4(color, 1.0) * (k == 0 ? weight.x : weight.y);
        if (i == MIDDLE) {
            o_depth.x = z_label.x;
            o_label.xy = z_label.yz / 255.0;
        }
    }
    if (count == 0) discard;
    o_color = total / float(OVER * OVER);
}
"""

_SHADE = DATA + _SHADE_INPUT + _SHADE_LIGHT + _SHADE_SURFACE + _SHADE_TRIANGLE + _SHADE_MAIN


def shade_fragment(oversampling: int, lamps: int) -> str:
    """The shading pass for so many by so many points of visibility in a pixel, and 0 to `MAX_LAMPS` lamps."""
    middle = (oversampling // 2) * (oversampling + 1)
    names = {"OVER": oversampling, "MIDDLE": middle, "LAMPS": lamps, "FACE_BITS": FACE_BITS}
    return VERSION + "".join(f"#define {name} {value}\n" for name, value in names.items()) + _SHADE
