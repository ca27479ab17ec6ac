//! The uniforms that change with every frame.

use super::{buffers::bind, pipelines::Pipelines};
use crate::view::{
    cloud::{Cloud, Frame},
    picture::{Scene, View},
};

/// The uniform buffers and the bindings created from them.
pub struct Uniforms {
    view: wgpu::Buffer,
    pub scene: wgpu::Buffer,
    points: Option<wgpu::BindGroup>,
}

impl Uniforms {
    /// Creates empty buffers of the right sizes.
    pub fn new(device: &wgpu::Device) -> Self {
        let uniform = |label, size: usize| {
            device.create_buffer(&wgpu::BufferDescriptor {
                label: Some(label),
                size: size as u64,
                usage: wgpu::BufferUsages::UNIFORM | wgpu::BufferUsages::COPY_DST,
                mapped_at_creation: false,
            })
        };
        Self {
            view: uniform("view", size_of::<View>()),
            scene: uniform("scene", size_of::<Scene>()),
            points: None,
        }
    }

    /// The bindings of group 0 of `points.wgsl`.
    pub fn points_bindings(
        &mut self,
        device: &wgpu::Device,
        pipelines: &Pipelines,
        [looks, owners]: [&wgpu::Buffer; 2],
    ) -> wgpu::BindGroup {
        let buffers = [&self.view, looks, owners];
        self.points
            .get_or_insert_with(|| bind(device, &pipelines.view_layout, &buffers))
            .clone()
    }

    /// Discards the bindings, because the looks or the owners have a new buffer.
    pub fn forget_bindings(&mut self) {
        self.points = None;
    }

    /// Writes the uniforms of one frame.
    pub fn write(&self, queue: &wgpu::Queue, cloud: &Cloud, frame: &Frame, size: (u32, u32)) {
        let view = View::new(cloud, frame, size);
        let scene = Scene::new(cloud, frame, size);
        queue.write_buffer(&self.view, 0, bytemuck::bytes_of(&view));
        queue.write_buffer(&self.scene, 0, bytemuck::bytes_of(&scene));
    }
}
