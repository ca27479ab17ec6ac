//! The uniforms that change with every frame, laid out as the WGSL code declares them.

use glam::{Mat4, Vec2, Vec3};

use super::{buffers::bind, pipelines::Pipelines};
use crate::view::{
    camera::Camera,
    cloud::{Cloud, Frame, surroundings},
};

/// `View` of `points.wgsl`.
#[derive(Clone, Copy, bytemuck::Pod, bytemuck::Zeroable)]
#[repr(C)]
struct View {
    clip_from_world: Mat4,
    viewport: Vec2,
    pixels_per_metre: f32,
    point_size: f32,
    min_pixels: f32,
    height_low: f32,
    height_span: f32,
    paint: u32,
    stride: u32,
    padding: [u32; 3],
}

/// `Scene` of `eye_dome.wgsl`.
#[derive(Clone, Copy, bytemuck::Pod, bytemuck::Zeroable)]
#[repr(C)]
struct Scene {
    world_from_clip: Mat4,
    eye: Vec3,
    near: f32,
    background: [f32; 3],
    strength: f32,
    grid: [f32; 3],
    floor: f32,
    center: Vec2,
    reach: f32,
    hovered: u32,
    selected: u32,
    spread: f32,
    padding: [u32; 2],
}

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
    pub fn write(
        &self,
        queue: &wgpu::Queue,
        cloud: &Cloud,
        frame: &Frame,
        (width, height): (u32, u32),
    ) {
        let camera = &frame.camera;
        let (width, height) = (width as f32, height as f32);
        let clip_from_world = frame.clip_from_world((width, height));
        let (low, high) = cloud.bounds.map_or((Vec3::ZERO, Vec3::ONE), |b| {
            (Vec3::from(b.min), Vec3::from(b.max))
        });
        let thinned = (frame.stride as f32).sqrt();
        let view = View {
            clip_from_world,
            viewport: Vec2::new(width, height),
            pixels_per_metre: Camera::pixels_per_metre(height),
            point_size: cloud.spacing * frame.point_size * thinned,
            min_pixels: 1.5 * thinned.min(2.0),
            height_low: low.z,
            height_span: (high.z - low.z).max(1e-6),
            paint: frame.paint as u32,
            stride: frame.stride,
            padding: [0; 3],
        };
        let (background, grid) = surroundings(frame.dark);
        let scene = Scene {
            world_from_clip: clip_from_world.inverse(),
            eye: camera.eye(),
            near: camera.near(),
            background,
            strength: 5.0,
            grid,
            floor: low.z,
            center: ((low + high) / 2.0).truncate().round(),
            reach: (high - low).truncate().length().max(4.0) * 1.2,
            hovered: frame.hovered,
            selected: frame.selected,
            spread: (height / 700.0).clamp(1.0, 3.0).round(),
            padding: [0; 2],
        };
        queue.write_buffer(&self.view, 0, bytemuck::bytes_of(&view));
        queue.write_buffer(&self.scene, 0, bytemuck::bytes_of(&scene));
    }
}
