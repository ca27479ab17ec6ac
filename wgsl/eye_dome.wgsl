// Shades the drawn points by how much deeper they lie than their neighbours (eye-dome lighting:
// edges and creases darken without normals), outlines the hovered and the selected instance, and
// draws the floor grid behind everything. One fragment computes one pixel of the canvas, which a
// single triangle covers.
//
// group binding access  element    shape          meaning
// 0     0       uniform Scene      1              camera, colors, outlined instances
// 0     1       texture f32        height, width  colors of the points
// 0     2       texture u32 x2     height, width  identity: .x point index + 1 or 0, .y owner
// 0     3       texture depth      height, width  reversed depth: near / metres; 0: no point
//
// Invariants: all three textures and the canvas have the same size. Neighbours outside are clamped
// to the border.
// CPU counterpart: the shading at the end of web/src/view/software.rs.

struct Scene {
    world_from_clip: mat4x4f,
    eye: vec3f,
    near: f32,
    background: vec3f,
    strength: f32,
    grid: vec3f,
    floor: f32,      // height of the grid in metres
    center: vec2f,   // where the grid is densest
    reach: f32,      // metres to where the grid has faded out
    hovered: u32,    // instance to outline lightly, or NO_INSTANCE
    selected: u32,   // instance to outline strongly, or NO_INSTANCE
    spread: f32,     // distance in pixels between a pixel and the neighbours it is compared with
}

@group(0) @binding(0) var<uniform> scene: Scene;
@group(0) @binding(1) var colors: texture_2d<f32>;
@group(0) @binding(2) var identities: texture_2d<u32>;
@group(0) @binding(3) var depths: texture_depth_2d;

const FAR: f32 = 1e9;
const NO_INSTANCE: u32 = 0xffffffffu;

@vertex
fn triangle(@builtin(vertex_index) vertex: u32) -> @builtin(position) vec4f {
    return vec4f(f32(vertex & 1u) * 4.0 - 1.0, f32(vertex >> 1u) * 4.0 - 1.0, 0.5, 1.0);
}

fn clamped(pixel: vec2i) -> vec2i {
    return clamp(pixel, vec2i(0), vec2i(textureDimensions(depths)) - 1);
}

// log2 of the distance, so that a step has the same weight near and far.
fn log_depth(pixel: vec2i) -> f32 {
    let depth = textureLoad(depths, clamped(pixel), 0);
    return select(log2(scene.near / max(depth, 1e-12)), log2(FAR), depth == 0.0);
}

// The instance at a pixel, or NO_INSTANCE.
fn owner(pixel: vec2i) -> u32 {
    let identity = textureLoad(identities, clamped(pixel), 0);
    return select(NO_INSTANCE, identity.y, identity.x != 0u);
}

fn shade(pixel: vec2i) -> f32 {
    let here = log_depth(pixel);
    let step = i32(scene.spread);
    var sum = 0.0;
    for (var i = 0; i < 8; i++) {
        let angle = f32(i) * 0.7853982;
        let offset = vec2i(round(vec2f(cos(angle), sin(angle)) * f32(step)));
        sum += min(max(0.0, here - log_depth(pixel + offset)), 0.4);
    }
    return exp(-scene.strength * sum / 8.0);
}

// 1 next to the border of the outlined instance, on its outer side.
fn outline(pixel: vec2i, wanted: u32, width: i32) -> f32 {
    if wanted == NO_INSTANCE || owner(pixel) == wanted {
        return 0.0;
    }
    for (var y = -width; y <= width; y++) {
        for (var x = -width; x <= width; x++) {
            if x * x + y * y <= width * width + 1 && owner(pixel + vec2i(x, y)) == wanted {
                return 1.0;
            }
        }
    }
    return 0.0;
}

// Coverage of the floor point by the grid lines with this spacing; `per_pixel` is the size of one
// pixel on the floor.
fn line_cover(at: vec2f, spacing: f32, per_pixel: vec2f) -> f32 {
    let distance = abs(fract(at / spacing - 0.5) - 0.5) * spacing;
    let cover = 1.0 - clamp(distance / max(per_pixel, vec2f(1e-6)), vec2f(0.0), vec2f(1.0));
    return max(cover.x, cover.y) * clamp(spacing / max(per_pixel.x + per_pixel.y, 1e-6) / 12.0, 0.0, 1.0);
}

@fragment
fn eye_dome(@builtin(position) position: vec4f) -> @location(0) vec4f {
    let pixel = vec2i(position.xy);
    let size = vec2f(textureDimensions(depths));
    // The floor point under this pixel. It is computed for every pixel, because derivatives require
    // uniform control flow.
    let ndc = vec2f(position.x / size.x * 2.0 - 1.0, 1.0 - position.y / size.y * 2.0);
    let ahead = scene.world_from_clip * vec4f(ndc, 0.5, 1.0);
    let ray = normalize(ahead.xyz / ahead.w - scene.eye);
    let along = (scene.floor - scene.eye.z) / select(ray.z, -1e-6, abs(ray.z) < 1e-6);
    let hit = scene.eye.xy + ray.xy * along - scene.center;
    let per_pixel = fwidth(hit);

    var color = scene.background;
    if along > 0.0 && scene.eye.z > scene.floor {
        let fade = 1.0 - smoothstep(0.3, 1.0, length(hit) / scene.reach);
        let cover = max(0.35 * line_cover(hit, 1.0, per_pixel), 0.6 * line_cover(hit, 5.0, per_pixel));
        color = mix(color, scene.grid, cover * fade);
    }
    if textureLoad(identities, pixel, 0).x != 0u {
        color = textureLoad(colors, pixel, 0).rgb * shade(pixel);
    }
    color = mix(color, vec3f(1.0, 1.0, 1.0), 0.85 * outline(pixel, scene.hovered, 1));
    color = mix(color, vec3f(1.0, 0.72, 0.1), outline(pixel, scene.selected, 2));
    return vec4f(color, 1.0);
}
