//! The points on the device, in chunks, so that no bound buffer exceeds 12 MiB and no upload blocks
//! the page for long.

use wgpu::BufferUsages;

use crate::view::cloud::Cloud;

/// Number of points in one chunk.
const CHUNK_POINTS: usize = 1 << 20;

/// One chunk of the cloud: points `first..first + count`.
pub struct Chunk {
    pub first: u32,
    pub count: u32,
    pub bindings: wgpu::BindGroup,
    owners: wgpu::Buffer,
}

impl Chunk {
    /// Uploads the chunk that begins at point `first`, which must exist.
    pub fn new(
        device: &wgpu::Device,
        queue: &wgpu::Queue,
        layout: &wgpu::BindGroupLayout,
        cloud: &Cloud,
        first: usize,
    ) -> Self {
        let range = first..(first + CHUNK_POINTS).min(cloud.positions.len());
        let storage = |values: &[u8]| filled(device, queue, BufferUsages::STORAGE, values);
        let uniform = filled(
            device,
            queue,
            BufferUsages::UNIFORM,
            bytemuck::bytes_of(&[range.start as u32, range.len() as u32, 0, 0]),
        );
        let positions = storage(bytemuck::cast_slice(&cloud.positions[range.clone()]));
        let colorless = if cloud.colors.is_empty() {
            vec![0u32; range.len()]
        } else {
            Vec::new()
        };
        let colors = storage(bytemuck::cast_slice(if cloud.colors.is_empty() {
            &colorless
        } else {
            &cloud.colors[range.clone()]
        }));
        let owners = storage(bytemuck::cast_slice(&cloud.owner_of_point[range.clone()]));
        let buffers = [&uniform, &positions, &colors, &owners];
        let bindings = bind(device, layout, &buffers);
        Self {
            first: range.start as u32,
            count: range.len() as u32,
            bindings,
            owners,
        }
    }

    /// Index of the first point after this chunk.
    pub fn end(&self) -> usize {
        (self.first + self.count) as usize
    }

    /// Replaces the owners of the chunk's points.
    pub fn write_owners(&self, queue: &wgpu::Queue, cloud: &Cloud) {
        queue.write_buffer(
            &self.owners,
            0,
            bytemuck::cast_slice(&cloud.owner_of_point[self.first as usize..self.end()]),
        );
    }
}

/// A buffer with these bytes. It is not mapped at creation because wgpu panics when a lost device
/// refuses to map.
pub fn filled(
    device: &wgpu::Device,
    queue: &wgpu::Queue,
    usage: BufferUsages,
    bytes: &[u8],
) -> wgpu::Buffer {
    let buffer = device.create_buffer(&wgpu::BufferDescriptor {
        label: None,
        size: bytes.len() as u64,
        usage: usage | BufferUsages::COPY_DST,
        mapped_at_creation: false,
    });
    queue.write_buffer(&buffer, 0, bytes);
    buffer
}

/// Binds whole buffers, in binding order.
pub fn bind(
    device: &wgpu::Device,
    layout: &wgpu::BindGroupLayout,
    buffers: &[&wgpu::Buffer],
) -> wgpu::BindGroup {
    let entries: Vec<_> = buffers
        .iter()
        .enumerate()
        .map(|(i, b)| wgpu::BindGroupEntry {
            binding: i as u32,
            resource: b.as_entire_binding(),
        })
        .collect();
    device.create_bind_group(&wgpu::BindGroupDescriptor {
        label: None,
        layout,
        entries: &entries,
    })
}
