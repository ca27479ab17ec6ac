//! Reads which points a part of the last picture shows from the identity target, without blocking.

use send_wrapper::SendWrapper;

use super::targets::Targets;
use crate::view::seen::{NOTHING, Seen, Window};

/// Bytes per pixel of the identity target.
const PIXEL: u32 = 8;
/// Alignment of the rows of a texture copy, bytes.
const ROW: u32 = wgpu::COPY_BYTES_PER_ROW_ALIGNMENT;

/// Calls `found` with what a window of the picture shows, once the GPU has answered; without points if
/// it cannot.
pub fn read(
    device: &wgpu::Device,
    queue: &wgpu::Queue,
    targets: &Targets,
    window: Window,
    found: impl FnOnce(Seen) + 'static,
) {
    let picture = targets.size;
    let row_bytes = (window.size.0 * PIXEL).next_multiple_of(ROW);
    let bytes = u64::from(row_bytes) * u64::from(window.size.1);
    if window.is_empty() || bytes > device.limits().max_buffer_size {
        return found(Seen {
            picture,
            ..Seen::default()
        });
    }
    let buffer = device.create_buffer(&wgpu::BufferDescriptor {
        label: Some("pick"),
        size: bytes,
        usage: wgpu::BufferUsages::COPY_DST | wgpu::BufferUsages::MAP_READ,
        mapped_at_creation: false,
    });
    let mut encoder = device.create_command_encoder(&wgpu::CommandEncoderDescriptor::default());
    encoder.copy_texture_to_buffer(
        wgpu::TexelCopyTextureInfo {
            texture: &targets.identity,
            mip_level: 0,
            origin: wgpu::Origin3d {
                x: window.corner.0,
                y: window.corner.1,
                z: 0,
            },
            aspect: wgpu::TextureAspect::All,
        },
        wgpu::TexelCopyBufferInfo {
            buffer: &buffer,
            layout: wgpu::TexelCopyBufferLayout {
                offset: 0,
                bytes_per_row: Some(row_bytes),
                rows_per_image: None,
            },
        },
        wgpu::Extent3d {
            width: window.size.0,
            height: window.size.1,
            depth_or_array_layers: 1,
        },
    );
    queue.submit([encoder.finish()]);

    let mapped_buffer = buffer.clone();
    // wgpu requires callbacks that are `Send`; this page has only one thread.
    let found = SendWrapper::new(found);
    buffer.map_async(wgpu::MapMode::Read, .., move |mapped| {
        let points = mapped
            .ok()
            .and_then(|()| mapped_buffer.get_mapped_range(..).ok())
            .map(|bytes| points(&bytes, window.size.0 as usize, row_bytes as usize));
        found.take()(Seen {
            picture,
            window,
            points: points.unwrap_or_default(),
        });
    });
}

/// Index of the point of each pixel, or [`NOTHING`].
fn points(bytes: &[u8], columns: usize, row_bytes: usize) -> Vec<u32> {
    let rows = bytes.chunks_exact(row_bytes);
    let pixels = rows.flat_map(|row| row.chunks_exact(PIXEL as usize).take(columns));
    pixels
        .map(|pixel| {
            let number = u32::from_le_bytes([pixel[0], pixel[1], pixel[2], pixel[3]]);
            number.checked_sub(1).unwrap_or(NOTHING)
        })
        .collect()
}
