// Batched matrix products: c = a b.
//
// One thread computes eight rows times eight columns of one product in registers: what it loads
// serves sixty-four products, and loads are slow on software adapters. Neighbouring threads share
// the rows and take the next columns. Where there are few rows, the inner size is split over the
// threads of several pieces, and `sum_pieces` adds them up.
//
// binding  access      element    shape              meaning
// 0        read        vec4<f32>  [batch, m, k / 4]  left matrices
// 1        read        vec4<f32>  [batch, k, n / 4]  right matrices
// 2        read_write  f32        [pieces, batch, m, width]  products, or sums over each piece
// 3        uniform     Info
//
// Workgroup: 64 threads, a multiple of every GPU's subgroup size, without shared memory and
// barriers, which are expensive on software adapters.
// Invariants: k and n are multiples of four, padded with zeros by the caller; the products are
// written without the padding: width <= n. Rows and columns past the last are computed as copies of
// it and not written.
// Definition: `ops::plain_matmul`.

struct Info {
    batch: u32,
    m: u32,
    k: u32,     // in vectors of four
    n: u32,     // in vectors of four
    width: u32, // columns of the products
    pieces: u32,
    depth: u32, // inner size of a piece, in vectors of four
    pad_0: u32,
}

const GROUP: u32 = 64u;

@group(0) @binding(0) var<storage, read> a: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read> b: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read_write> c: array<f32>;
@group(0) @binding(3) var<uniform> info: Info;

// Adds four terms to four sums. Written out, because adapters that run on a CPU are slower at
// matrix products.
fn add(sums: vec4<f32>, x: vec4<f32>, m: mat4x4<f32>) -> vec4<f32> {
    return fma(vec4<f32>(x.w), m[3], fma(vec4<f32>(x.z), m[2], fma(vec4<f32>(x.y), m[1], fma(vec4<f32>(x.x), m[0], sums))));
}

// Start of four consecutive rows of `a`.
fn rows_at(matrix: u32, row: u32) -> vec4<u32> {
    return (matrix * info.m + min(vec4<u32>(row, row + 1u, row + 2u, row + 3u), vec4<u32>(info.m - 1u))) * info.k;
}

fn right(at: u32) -> mat4x4<f32> {
    return mat4x4<f32>(b[at], b[at + info.n], b[at + 2u * info.n], b[at + 3u * info.n]);
}

fn store_row(matrix: u32, row: u32, column: u32, values: vec4<f32>) {
    if row >= info.m { return; }
    let at = (matrix * info.m + row) * info.width + column;
    let rest = info.width - column;
    c[at] = values.x;
    if rest > 1u { c[at + 1u] = values.y; }
    if rest > 2u { c[at + 2u] = values.z; }
    if rest > 3u { c[at + 3u] = values.w; }
}

@compute @workgroup_size(GROUP)
fn matmul(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let thread = (group.y * groups.x + group.x) * GROUP + lane;
    let columns = (info.n + 1u) / 2u;
    let tiles = (info.m + 7u) / 8u;
    let first = thread % columns * 2u;
    let second = min(first + 1u, info.n - 1u);
    let row = thread / columns % tiles * 8u;
    let matrix = thread / columns / tiles % info.batch;
    let piece = thread / columns / tiles / info.batch;
    if piece >= info.pieces { return; }
    let end = min((piece + 1u) * info.depth, info.k);
    let upper = rows_at(matrix, row);
    let lower = rows_at(matrix, row + 4u);

    var first_0 = vec4<f32>();
    var second_0 = vec4<f32>();
    var first_1 = vec4<f32>();
    var second_1 = vec4<f32>();
    var first_2 = vec4<f32>();
    var second_2 = vec4<f32>();
    var first_3 = vec4<f32>();
    var second_3 = vec4<f32>();
    var first_4 = vec4<f32>();
    var second_4 = vec4<f32>();
    var first_5 = vec4<f32>();
    var second_5 = vec4<f32>();
    var first_6 = vec4<f32>();
    var second_6 = vec4<f32>();
    var first_7 = vec4<f32>();
    var second_7 = vec4<f32>();
    for (var i = piece * info.depth; i < end; i++) {
        let at = (matrix * info.k + i) * 4u * info.n;
        let b_first = right(at + first);
        let b_second = right(at + second);
        let a_0 = a[upper.x + i];
        first_0 = add(first_0, a_0, b_first);
        second_0 = add(second_0, a_0, b_second);
        let a_1 = a[upper.y + i];
        first_1 = add(first_1, a_1, b_first);
        second_1 = add(second_1, a_1, b_second);
        let a_2 = a[upper.z + i];
        first_2 = add(first_2, a_2, b_first);
        second_2 = add(second_2, a_2, b_second);
        let a_3 = a[upper.w + i];
        first_3 = add(first_3, a_3, b_first);
        second_3 = add(second_3, a_3, b_second);
        let a_4 = a[lower.x + i];
        first_4 = add(first_4, a_4, b_first);
        second_4 = add(second_4, a_4, b_second);
        let a_5 = a[lower.y + i];
        first_5 = add(first_5, a_5, b_first);
        second_5 = add(second_5, a_5, b_second);
        let a_6 = a[lower.z + i];
        first_6 = add(first_6, a_6, b_first);
        second_6 = add(second_6, a_6, b_second);
        let a_7 = a[lower.w + i];
        first_7 = add(first_7, a_7, b_first);
        second_7 = add(second_7, a_7, b_second);
    }
    let product = piece * info.batch + matrix;
    store_row(product, row + 0u, first * 4u, first_0);
    store_row(product, row + 1u, first * 4u, first_1);
    store_row(product, row + 2u, first * 4u, first_2);
    store_row(product, row + 3u, first * 4u, first_3);
    store_row(product, row + 4u, first * 4u, first_4);
    store_row(product, row + 5u, first * 4u, first_5);
    store_row(product, row + 6u, first * 4u, first_6);
    store_row(product, row + 7u, first * 4u, first_7);
    if second == first { return; }
    store_row(product, row + 0u, second * 4u, second_0);
    store_row(product, row + 1u, second * 4u, second_1);
    store_row(product, row + 2u, second * 4u, second_2);
    store_row(product, row + 3u, second * 4u, second_3);
    store_row(product, row + 4u, second * 4u, second_4);
    store_row(product, row + 5u, second * 4u, second_5);
    store_row(product, row + 6u, second * 4u, second_6);
    store_row(product, row + 7u, second * 4u, second_7);
}
