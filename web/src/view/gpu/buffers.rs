//! The points on the device, in chunks, so that no bound buffer exceeds 12 MiB and no upload blocks
//! the page for long.

use std::{borrow::Cow, ops::Range};

use wgpu::BufferUsages;

use crate::view::cloud::Cloud;

/// Number of points in one chunk.
const CHUNK_POINTS: usize = 1 << 20;
/// A chunk with fewer points is uploaded again with the points that follow it.
const SMALL: u32 = 1 << 16;

/// One chunk of the cloud: points `first..first + count`.
pub struct Chunk {
    pub first: u32,
    pub count: u32,
    pub bindings: wgpu::BindGroup,
    superpoints: wgpu::Buffer,
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
        let superpoints = storage(bytemuck::cast_slice(&superpoints(cloud, &range)));
        let normals = cloud.normals.get(range.clone());
        let normals = normals.map(|normals| storage(bytemuck::cast_slice(normals)));
        let normals = normals.as_ref().unwrap_or(&colors);
        let buffers = [&uniform, &positions, &colors, &superpoints, normals];
        let bindings = bind(device, layout, &buffers);
        Self {
            first: range.start as u32,
            count: range.len() as u32,
            bindings,
            superpoints,
        }
    }

    /// `true` if it costs little to upload the chunk again.
    pub fn is_small(&self) -> bool {
        self.count < SMALL
    }

    /// Index of the first point after this chunk.
    pub fn end(&self) -> usize {
        (self.first + self.count) as usize
    }

    /// Replaces the superpoints of the chunk's points.
    pub fn write_superpoints(&self, queue: &wgpu::Queue, cloud: &Cloud) {
        let range = self.first as usize..self.end();
        queue.write_buffer(
            &self.superpoints,
            0,
            bytemuck::cast_slice(&superpoints(cloud, &range)),
        );
    }
}

/// The superpoints of a range of points; superpoint 0 as long as they are not known.
fn superpoints<'a>(cloud: &'a Cloud, range: &Range<usize>) -> Cow<'a, [u32]> {
    cloud
        .superpoint_of_point
        .get(range.clone())
        .map_or_else(|| vec![0; range.len()].into(), Cow::from)
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
