// Shades the drawn points by how much deeper they lie than their neighbours (eye-dome lighting:
// edges and creases darken without normals), closes the gaps between the points of a surface,
// outlines the hovered and the selected instance, and draws the floor grid behind everything. One
// fragment computes one pixel of the canvas, which a single triangle covers.
//
// group binding access  element    shape          meaning
// 0     0       uniform Scene      1              camera, colors, outlined instances
// 0     1       texture f32        height, width  colors of the points
// 0     2       texture u32 x2     height, width  identity: .x point index + 1 or 0, .y owner of the outline
// 0     3       texture depth      height, width  reversed depth: near / metres; 0: no point
//
// Invariants: all three textures and the canvas have the same size. Neighbours outside are clamped
// to the border.
// CPU counterpart: the shading at the end of web/src/view/software.rs.

struct Scene {
    eye: vec3f,           // position of the eye relative to the middle of the grid in metres
    reach: f32,           // metres from the middle of the grid to where it has faded out
    corner: vec3f,        // direction from the eye through the upper left corner of the picture
    spread: i32,          // distance in pixels of the neighbours with which a pixel is compared
    across: vec3f,        // change of the direction by one pixel to the right
    gap: i32,             // pixels within which a gap between points has points around it
    down: vec3f,          // change of the direction by one pixel down
    hovered: u32,         // instance to outline lightly, or NO_INSTANCE
    selected: u32,        // instance to outline strongly, or NO_INSTANCE
    background: u32,      // packed 0xAABBGGRR sRGB, as the colors that follow
    grid: u32,
    hovered_color: u32,
    selected_color: u32,
    flat_distance: f32,   // distance whose scale holds at every depth in metres; 0: perspective
    forward: vec3f,       // direction in which the eye looks
}

@group(0) @binding(0) var<uniform> scene: Scene;
@group(0) @binding(1) var colors: texture_2d<f32>;
@group(0) @binding(2) var identities: texture_2d<u32>;
@group(0) @binding(3) var depths: texture_depth_2d;

const NO_INSTANCE: u32 = 0xffffffffu;
// A neighbour that is nearer than this part of the distance darkens a pixel no further.
const MAX_STEP: f32 = 1.28;
// A gap in a surface has points of the surface in at least this many of eight directions.
const ENCLOSED: f32 = 6.0;
// Through a gap one sees what is farther than the surface by this factor.
const BEHIND: f32 = 1.05;

@vertex
fn triangle(@builtin(vertex_index) vertex: u32) -> @builtin(position) vec4f {
    return vec4f(f32(vertex & 1u) * 4.0 - 1.0, f32(vertex >> 1u) * 4.0 - 1.0, 0.5, 1.0);
}

fn clamped(pixel: vec2i) -> vec2i {
    return clamp(pixel, vec2i(0), vec2i(textureDimensions(depths)) - 1);
}

// The instance whose outline goes around a pixel, or NO_INSTANCE.
fn owner(pixel: vec2i) -> u32 {
    let identity = textureLoad(identities, clamped(pixel), 0);
    return select(NO_INSTANCE, identity.y, identity.x != 0u);
}

// The offset to the neighbour in direction `x`, `y` on a circle, in whole pixels.
fn offset(x: i32, y: i32, radius: i32) -> vec2i {
    return vec2i(x, y) * select(radius, (radius * 181 + 128) / 256, x * y != 0);
}

// The darkening grows with the ratio of the depths, so that a step has the same weight near and
// far. A neighbour without a point is infinitely deep.
fn shade(pixel: vec2i) -> f32 {
    let here = textureLoad(depths, pixel, 0);
    var steps = 1.0;
    for (var y = -1; y <= 1; y++) {
        for (var x = -1; x <= 1; x++) {
            let neighbor = textureLoad(depths, clamped(pixel + offset(x, y, scene.spread)), 0);
            steps *= clamp(neighbor / here, 1.0, MAX_STEP);
        }
    }
    return 1.0 / steps;
}

// The mean color of the points around the pixel that are in front of it, and in how many of eight
// directions there are any.
fn in_front(pixel: vec2i) -> vec4f {
    let behind = textureLoad(depths, pixel, 0) * BEHIND;
    var sum = vec4f(0.0);
    for (var y = -1; y <= 1; y++) {
        for (var x = -1; x <= 1; x++) {
            var neighbor = clamped(pixel + offset(x, y, scene.gap / 2));
            if textureLoad(depths, neighbor, 0) <= behind {
                neighbor = clamped(pixel + offset(x, y, scene.gap));
            }
            if textureLoad(depths, neighbor, 0) > behind {
                sum += vec4f(textureLoad(colors, neighbor, 0).rgb, 1.0);
            }
        }
    }
    return vec4f(sum.rgb / max(sum.a, 1.0), sum.a);
}

// `true` if the pixel lies between points of the instance.
fn in_gap(pixel: vec2i, wanted: u32) -> bool {
    var around = 0.0;
    for (var y = -1; y <= 1; y++) {
        for (var x = -1; x <= 1; x++) {
            let near = owner(pixel + offset(x, y, scene.gap / 2)) == wanted;
            let far = owner(pixel + offset(x, y, scene.gap)) == wanted;
            around += select(0.0, 1.0, near || far);
        }
    }
    return around >= ENCLOSED;
}

// `true` next to the border of the outlined instance, on its outer side.
fn outlined(pixel: vec2i, wanted: u32, width: i32) -> bool {
    if wanted == NO_INSTANCE || owner(pixel) == wanted {
        return false;
    }
    for (var y = -width; y <= width; y++) {
        for (var x = -width; x <= width; x++) {
            if x * x + y * y <= width * width + 1 && owner(pixel + vec2i(x, y)) == wanted {
                return !in_gap(pixel, wanted);
            }
        }
    }
    return false;
}

// Coverage of the floor point by the grid lines with this spacing; `per_pixel` is the size of one
// pixel on the floor.
fn line_cover(at: vec2f, spacing: f32, per_pixel: vec2f) -> f32 {
    let distance = abs(fract(at / spacing - 0.5) - 0.5) * spacing;
    let cover = 1.0 - clamp(distance / max(per_pixel, vec2f(1e-6)), vec2f(0.0), vec2f(1.0));
    return max(cover.x, cover.y) * clamp(spacing / max(per_pixel.x + per_pixel.y, 1e-6) / 12.0, 0.0, 1.0);
}

// Coverage of the pixel around `position` by the grid, which is seen only from above.
fn grid_cover(position: vec2f) -> f32 {
    let through = scene.corner + position.x * scene.across + position.y * scene.down;
    // In an orthographic picture, the rays are parallel and begin beside the eye.
    let is_flat = scene.flat_distance > 0.0;
    let ray = select(through, scene.forward, is_flat);
    let begin = scene.eye + select(vec3f(0.0), scene.flat_distance * (through - scene.forward), is_flat);
    if begin.z <= 0.0 || ray.z >= 0.0 {
        return 0.0;
    }
    let along = begin.z / -ray.z;
    let at = begin.xy + along * ray.xy;
    let fade = 1.0 - smoothstep(0.3, 1.0, length(at) / scene.reach);
    let reach = select(along, scene.flat_distance, is_flat);
    let right = reach * (scene.across.xy - ray.xy * (scene.across.z / ray.z));
    let below = reach * (scene.down.xy - ray.xy * (scene.down.z / ray.z));
    let per_pixel = abs(right) + abs(below);
    return fade * max(0.35 * line_cover(at, 1.0, per_pixel), 0.6 * line_cover(at, 5.0, per_pixel));
}

fn unpacked(color: u32) -> vec3f {
    return unpack4x8unorm(color).rgb;
}

@fragment
fn eye_dome(@builtin(position) position: vec4f) -> @location(0) vec4f {
    let pixel = vec2i(position.xy);
    let surface = in_front(pixel);
    var color: vec3f;
    if outlined(pixel, scene.selected, scene.spread + 1) {
        color = unpacked(scene.selected_color);
    } else if outlined(pixel, scene.hovered, scene.spread) {
        color = unpacked(scene.hovered_color);
    } else if surface.a >= ENCLOSED {
        color = surface.rgb;
    } else if textureLoad(identities, pixel, 0).x != 0u {
        color = textureLoad(colors, pixel, 0).rgb * shade(pixel);
    } else {
        color = mix(unpacked(scene.background), unpacked(scene.grid), grid_cover(position.xy));
    }
    return vec4f(color, 1.0);
}
