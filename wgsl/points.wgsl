// Draws points as round, screen-facing quads into a color, an identity and a depth target. One
// instance draws one point; its four vertices are the corners of a triangle strip.
//
// group binding access  element  shape        meaning
// 0     0       uniform View     1            the picture: camera, sizes, paint
// 0     1       read    Look     instances+1  color, visibility, outline; last: points without an owner
// 0     2       read    u32      superpoints  instance that owns the superpoint, or NO_INSTANCE
// 1     0       uniform Chunk    1            the points that the buffers of this group hold
// 1     1       read    f32      points, 3    positions, world frame, metres
// 1     2       read    u32      points       packed 0xAABBGGRR sRGB (all zero: no color)
// 1     3       read    u32      points       superpoint
// 1     4       read    u32      points       packed color of the normal; the scan's as long as it is not known
//
// Invariants: every superpoint has an owner. Depth is reversed (1 near, 0 far). Identity .x is 0 for
// "no point", otherwise the point's index in the scene + 1; .y is the owner that it is outlined with.
// CPU counterpart: web/src/view/software.rs.

struct View {
    clip_from_world: mat4x4f,
    viewport: vec2f,        // pixels
    pixels_per_metre: f32,  // pixels per metre at a distance of one metre
    point_size: f32,        // metres
    min_pixels: f32,
    height_low: f32,        // lower end of the height ramp in metres
    height_span: f32,
    paint: u32,             // 0: the scan's color, 1: the owner's look, 2: the height ramp, 3: the normal
    stride: u32,            // every stride-th point is drawn
    flat_distance: f32,     // distance whose scale holds at every depth in metres; 0: perspective
    background: u32,        // color towards which faded points are mixed, packed 0xAABBGGRR sRGB
    blend: f32,             // part of the scan's color in another paint
    clip_low: vec3f,        // corners in metres of the box outside of which points are not drawn
    clip_high: vec3f,
}

struct Look {
    color: u32,
    shown: u32,             // 0: not drawn, 1: drawn, 2: drawn faintly, behind all others
    outlined_as: u32,       // owner whose outline goes around the points, or NO_INSTANCE: their own
}

struct Chunk {
    first: u32,
    count: u32,
}

struct Corner {
    @builtin(position) position: vec4f,
    @location(0) color: vec3f,
    @location(1) offset: vec2f,
    @location(2) @interpolate(flat) identity: vec2u,
}

struct Targets {
    @location(0) color: vec4f,
    @location(1) identity: vec2u,
}

@group(0) @binding(0) var<uniform> view: View;
@group(0) @binding(1) var<storage, read> looks: array<Look>;
@group(0) @binding(2) var<storage, read> owners: array<u32>;
@group(1) @binding(0) var<uniform> chunk: Chunk;
@group(1) @binding(1) var<storage, read> positions: array<f32>;
@group(1) @binding(2) var<storage, read> colors: array<u32>;
@group(1) @binding(3) var<storage, read> superpoints: array<u32>;
@group(1) @binding(4) var<storage, read> normals: array<u32>;

// Faded points are farther than all others by this factor, and mostly of the background's color.
const FADED_DEPTH: f32 = 1e-6;
const FADED_MIX: f32 = 0.75;
const NO_INSTANCE: u32 = 0xffffffffu;

fn ramp(t: f32) -> vec3f {
    var stops = array(vec3f(68, 1, 84), vec3f(59, 82, 139), vec3f(33, 145, 140), vec3f(94, 201, 98), vec3f(253, 231, 37));
    let at = clamp(t, 0.0, 1.0) * 4.0;
    let i = min(u32(at), 3u);
    return mix(stops[i], stops[i + 1u], at - f32(i)) / 255.0;
}

@vertex
fn corner(@builtin(vertex_index) vertex: u32, @builtin(instance_index) instance: u32) -> Corner {
    let point = min(instance * view.stride, chunk.count - 1u);
    let owner = owners[superpoints[point]];
    let look = looks[min(owner, arrayLength(&looks) - 1u)];
    let position = vec3f(positions[3u * point], positions[3u * point + 1u], positions[3u * point + 2u]);
    let center = view.clip_from_world * vec4f(position, 1.0);
    let divisor = select(center.w, view.flat_distance, view.flat_distance > 0.0);
    let pixels = clamp(view.point_size * view.pixels_per_metre / max(divisor, 1e-6), view.min_pixels, 48.0);
    let offset = vec2f(f32(vertex & 1u), f32(vertex >> 1u)) * 2.0 - 1.0;

    var out: Corner;
    // Before the division, z is the nearest depth and w the depth.
    let is_inside = all(position >= view.clip_low) && all(position <= view.clip_high);
    let seen = look.shown != 0u && is_inside && center.w >= center.z;
    let is_faded = look.shown == 2u;
    let across = center.xy * (center.w / divisor) + offset * pixels / view.viewport * center.w;
    // A point that is not seen is moved out of the clip volume.
    out.position = select(vec4f(2.0, 2.0, 2.0, 1.0), vec4f(across, center.z * select(1.0, FADED_DEPTH, is_faded), center.w), seen);
    let scan = unpack4x8unorm(colors[point]).rgb;
    switch view.paint {
        case 1u: {
            // The brightness of the scan keeps shapes readable under a flat color.
            let light = select(1.0, 0.55 + 0.75 * dot(scan, vec3f(0.3, 0.59, 0.11)), colors[point] != 0u);
            out.color = unpack4x8unorm(look.color).rgb * light;
        }
        case 2u: { out.color = ramp((position.z - view.height_low) / view.height_span); }
        case 3u: { out.color = unpack4x8unorm(normals[point]).rgb; }
        default: { out.color = select(unpack4x8unorm(look.color).rgb, scan, colors[point] != 0u); }
    }
    out.color = mix(out.color, scan, select(0.0, view.blend, colors[point] != 0u));
    out.color = mix(out.color, unpack4x8unorm(view.background).rgb, select(0.0, FADED_MIX, is_faded));
    // Smaller points stay square, since as circles they would miss every pixel center.
    out.offset = select(vec2f(0.0), offset, pixels > 3.0);
    let outlined_as = select(look.outlined_as, owner, look.outlined_as == NO_INSTANCE);
    out.identity = vec2u(chunk.first + point + 1u, outlined_as);
    return out;
}

@fragment
fn round_point(in: Corner) -> Targets {
    if dot(in.offset, in.offset) > 1.0 {
        discard;
    }
    return Targets(vec4f(in.color, 1.0), in.identity);
}
