// Matrix products, one after the other of a batch: c = a b.
//
// One thread computes eight rows times eight columns of one product, in registers: what it loads serves sixty-four products, and loads are
// what software adapters are slow at. Neighbouring threads share the rows and take the next columns.
//
// binding  access      element    shape                meaning
// 0        read        vec4<f32>  [batch, m, k / 4]    left matrices
// 1        read        vec4<f32>  [batch, k, n / 4]    right matrices
// 2        read_write  f32        [batch, m, width]    products
// 3        uniform     Info
//
// Workgroup: 64 threads, nothing shared: a multiple of every GPU's wave, and no barrier, which software adapters pay for dearly.
// Invariants: k and n are multiples of four, filled up with zeros by the caller; the products are written without that: width <= n.
// Rows and columns past the last are computed as copies of it and not written.
// Definition: `ops::plain_matmul`.

struct Info {
    batch: u32,
    m: u32,
    k: u32,     // in vectors of four
    n: u32,     // in vectors of four
    width: u32, // columns of the products
    pad_0: u32,
    pad_1: u32,
    pad_2: u32,
}

const GROUP: u32 = 64u;

@group(0) @binding(0) var<storage, read> a: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read> b: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read_write> c: array<f32>;
@group(0) @binding(3) var<uniform> info: Info;

// Where four consecutive rows of `a` begin.
fn rows_at(matrix: u32, row: u32) -> vec4<u32> {
    return (matrix * info.m + min(vec4<u32>(row, row + 1u, row + 2u, row + 3u), vec4<u32>(info.m - 1u))) * info.k;
}

fn left(rows: vec4<u32>, i: u32) -> mat4x4<f32> {
    return mat4x4<f32>(a[rows.x + i], a[rows.y + i], a[rows.z + i], a[rows.w + i]);
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

fn store(matrix: u32, row: u32, column: u32, values: mat4x4<f32>) {
    store_row(matrix, row, column, values[0]);
    store_row(matrix, row + 1u, column, values[1]);
    store_row(matrix, row + 2u, column, values[2]);
    store_row(matrix, row + 3u, column, values[3]);
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
    let matrix = thread / columns / tiles;
    if matrix >= info.batch { return; }
    let upper = rows_at(matrix, row);
    let lower = rows_at(matrix, row + 4u);

    var upper_first = mat4x4<f32>();
    var upper_second = mat4x4<f32>();
    var lower_first = mat4x4<f32>();
    var lower_second = mat4x4<f32>();
    for (var i = 0u; i < info.k; i++) {
        let at = (matrix * info.k + i) * 4u * info.n;
        let b_first = right(at + first);
        let b_second = right(at + second);
        let a_upper = left(upper, i);
        let a_lower = left(lower, i);
        upper_first += b_first * a_upper;
        upper_second += b_second * a_upper;
        lower_first += b_first * a_lower;
        lower_second += b_second * a_lower;
    }
    store(matrix, row, first * 4u, upper_first);
    store(matrix, row + 4u, first * 4u, lower_first);
    if second > first {
        store(matrix, row, second * 4u, upper_second);
        store(matrix, row + 4u, second * 4u, lower_second);
    }
}
