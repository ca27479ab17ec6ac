//! Picking: reads a small window of the identity target around the cursor, without blocking.

use send_wrapper::SendWrapper;

use super::targets::Targets;

/// Side length of the window, pixels. Points are sparse, so the nearest one within three pixels
/// counts.
const WINDOW: u32 = 7;
/// Bytes per pixel of the identity target.
const PIXEL: u32 = 8;
/// Alignment of the rows of a texture copy, bytes.
const ROW: u32 = wgpu::COPY_BYTES_PER_ROW_ALIGNMENT;

/// Calls `found` with the index of the point nearest to `pixel`, once the GPU has answered.
pub fn pick(
    device: &wgpu::Device,
    queue: &wgpu::Queue,
    targets: &Targets,
    pixel: (u32, u32),
    found: impl FnOnce(Option<u32>) + 'static,
) {
    let (width, height) = targets.size;
    if pixel.0 >= width || pixel.1 >= height {
        return found(None);
    }
    let origin = (
        pixel.0.saturating_sub(WINDOW / 2),
        pixel.1.saturating_sub(WINDOW / 2),
    );
    let (columns, rows) = (WINDOW.min(width - origin.0), WINDOW.min(height - origin.1));
    let buffer = device.create_buffer(&wgpu::BufferDescriptor {
        label: Some("pick"),
        size: u64::from(ROW * WINDOW),
        usage: wgpu::BufferUsages::COPY_DST | wgpu::BufferUsages::MAP_READ,
        mapped_at_creation: false,
    });
    let mut encoder = device.create_command_encoder(&wgpu::CommandEncoderDescriptor::default());
    encoder.copy_texture_to_buffer(
        wgpu::TexelCopyTextureInfo {
            texture: &targets.identity,
            mip_level: 0,
            origin: wgpu::Origin3d {
                x: origin.0,
                y: origin.1,
                z: 0,
            },
            aspect: wgpu::TextureAspect::All,
        },
        wgpu::TexelCopyBufferInfo {
            buffer: &buffer,
            layout: wgpu::TexelCopyBufferLayout {
                offset: 0,
                bytes_per_row: Some(ROW),
                rows_per_image: None,
            },
        },
        wgpu::Extent3d {
            width: columns,
            height: rows,
            depth_or_array_layers: 1,
        },
    );
    queue.submit([encoder.finish()]);

    let within = (pixel.0 - origin.0, pixel.1 - origin.1);
    let mapped_buffer = buffer.clone();
    // wgpu requires callbacks that are `Send`; this page has only one thread.
    let found = SendWrapper::new(found);
    buffer.map_async(wgpu::MapMode::Read, .., move |mapped| {
        let point = mapped
            .ok()
            .and_then(|()| mapped_buffer.get_mapped_range(..).ok())
            .and_then(|bytes| nearest(&bytes, (columns, rows), within));
        found.take()(point);
    });
}

/// The point nearest to `center` among `columns` x `rows` pixels.
fn nearest(bytes: &[u8], (columns, rows): (u32, u32), center: (u32, u32)) -> Option<u32> {
    (0..rows)
        .flat_map(|y| (0..columns).map(move |x| (x, y)))
        .filter_map(|(x, y)| {
            let at = (y * ROW + x * PIXEL) as usize;
            let word = bytes.get(at..at + 4)?;
            let word = u32::from_le_bytes([word[0], word[1], word[2], word[3]]);
            Some((
                x.abs_diff(center.0).pow(2) + y.abs_diff(center.1).pow(2),
                word.checked_sub(1)?,
            ))
        })
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, point)| point)
}
