//! Draws the cloud with WebGPU: `wgsl/points.wgsl` draws into off-screen targets,
//! `wgsl/eye_dome.wgsl` from those to the canvas.
//!
//! The page has its own small device; the worker has another one because devices cannot be shared
//! between threads.

use std::sync::{
    Arc,
    atomic::{AtomicBool, AtomicU32, Ordering},
};

use segscape::instances::NO_INSTANCE;
use send_wrapper::SendWrapper;
use web_sys::HtmlCanvasElement;

use self::{buffers::Chunk, pipelines::Pipelines, targets::Targets, uniforms::Uniforms};
use super::{
    cloud::{Cloud, Drawn, Frame, Look},
    seen::{Seen, Window},
};
use crate::browser;

mod buffers;
mod pick;
mod pipelines;
mod targets;
mod uniforms;

/// Maximum number of frames that wait for the GPU at the same time; more would only add input
/// latency.
const MAX_IN_FLIGHT: u32 = 2;

/// The reason why WebGPU cannot draw. The software renderer is used instead.
#[derive(Debug, thiserror::Error)]
pub enum GpuError {
    /// No adapter is available.
    #[error(transparent)]
    Adapter(#[from] wgpu::RequestAdapterError),
    /// No device is available.
    #[error(transparent)]
    Device(#[from] wgpu::RequestDeviceError),
    /// The surface cannot be created.
    #[error(transparent)]
    Surface(#[from] wgpu::CreateSurfaceError),
    /// The canvas supports no suitable format.
    #[error("the canvas offers no format to draw in")]
    Format,
}

/// The renderer and its resources on the device.
pub struct GpuRenderer {
    surface: wgpu::Surface<'static>,
    format: wgpu::TextureFormat,
    device: wgpu::Device,
    queue: wgpu::Queue,
    pipelines: Pipelines,
    uniforms: Uniforms,
    targets: Option<Targets>,
    chunks: Vec<Chunk>,
    looks: wgpu::Buffer,
    owners: wgpu::Buffer,
    in_flight: Arc<AtomicU32>,
    /// Bits of the f32 duration in milliseconds of the last finished frame.
    picture_ms: Arc<AtomicU32>,
    lost: Arc<AtomicBool>,
}

impl GpuRenderer {
    /// Creates a device and the pipelines for `canvas`.
    ///
    /// # Errors
    /// [`GpuError`] if any of them is not available.
    pub async fn new(canvas: HtmlCanvasElement) -> Result<Self, GpuError> {
        let instance = wgpu::Instance::new(wgpu::InstanceDescriptor {
            backends: wgpu::Backends::BROWSER_WEBGPU,
            ..wgpu::InstanceDescriptor::new_without_display_handle()
        });
        let options = wgpu::RequestAdapterOptions {
            power_preference: wgpu::PowerPreference::HighPerformance,
            ..Default::default()
        };
        let adapter = instance.request_adapter(&options).await?;
        // Requests only the limits that WebGPU guarantees, so that any adapter is suitable.
        let (device, queue) = adapter
            .request_device(&wgpu::DeviceDescriptor::default())
            .await?;
        // Create the surface last: a canvas that has had a WebGPU context is of no use to the
        // software renderer.
        let surface = instance.create_surface(wgpu::SurfaceTarget::Canvas(canvas))?;
        let format = surface
            .get_capabilities(&adapter)
            .formats
            .into_iter()
            .find(|f| !f.is_srgb())
            .ok_or(GpuError::Format)?;

        let pipelines = Pipelines::new(&device, format);
        let uniforms = Uniforms::new(&device);
        let looks = storage(&device, &queue, &[Look::shown(super::palette::UNOWNED)]);
        let owners = storage(&device, &queue, &[NO_INSTANCE]);
        Ok(Self {
            surface,
            format,
            device,
            queue,
            pipelines,
            uniforms,
            targets: None,
            chunks: Vec::new(),
            looks,
            owners,
            in_flight: Arc::default(),
            picture_ms: Arc::default(),
            lost: Arc::default(),
        })
    }

    /// Registers a callback for the loss of the device. Once the device is lost,
    /// [`Self::is_lost`] returns `true`; without a registered callback it never does.
    pub fn on_lost(&self, call: impl Fn() + 'static) {
        // wgpu requires callbacks that are `Send`; this page has only one thread.
        let (flag, call) = (Arc::clone(&self.lost), SendWrapper::new(call));
        self.device.set_device_lost_callback(move |_, _| {
            flag.store(true, Ordering::Relaxed);
            call();
        });
    }

    /// Returns `true` if the device is lost. Everything then has to be created again.
    pub fn is_lost(&self) -> bool {
        self.lost.load(Ordering::Relaxed)
    }

    /// Discards the points.
    pub fn clear(&mut self) {
        self.chunks.clear();
    }

    /// Lets the next upload begin with the last chunk, if it is a small one: points that come in many
    /// small parts would otherwise be many small chunks.
    pub fn grow(&mut self) {
        if self.chunks.last().is_some_and(Chunk::is_small) {
            self.chunks.pop();
        }
    }

    /// Uploads the next chunk of the cloud. Returns `false` if all chunks are uploaded. One chunk
    /// takes a few milliseconds.
    fn upload_next(&mut self, cloud: &Cloud) -> bool {
        let first = self.chunks.last().map_or(0, Chunk::end);
        if first >= cloud.positions.len() {
            return false;
        }
        self.chunks.push(Chunk::new(
            &self.device,
            &self.queue,
            &self.pipelines.chunk_layout,
            cloud,
            first,
        ));
        true
    }

    /// Writes the superpoints of the points that are already uploaded.
    pub fn set_superpoints(&self, cloud: &Cloud) {
        for chunk in &self.chunks {
            chunk.write_superpoints(&self.queue, cloud);
        }
    }

    /// Sets the owner of each superpoint.
    pub fn set_owners(&mut self, owner_of_superpoint: &[u32]) {
        // A buffer cannot be empty.
        let owners = match owner_of_superpoint {
            [] => &[NO_INSTANCE],
            owners => owners,
        };
        self.owners = storage(&self.device, &self.queue, owners);
        self.uniforms.forget_bindings();
    }

    /// Sets the look of each instance and, last, of unowned points.
    pub fn set_looks(&mut self, looks: &[Look]) {
        self.looks = storage(&self.device, &self.queue, looks);
        self.uniforms.forget_bindings();
    }

    /// Draws one frame of `size` pixels, unless the GPU is still busy with earlier frames. Returns
    /// [`Drawn::Partly`] while points have yet to be uploaded.
    pub fn draw(&mut self, cloud: &Cloud, frame: &Frame, size: (u32, u32)) -> Drawn {
        if self.in_flight.load(Ordering::Relaxed) >= MAX_IN_FLIGHT {
            return Drawn::Partly;
        }
        let uploading = self.upload_next(cloud);
        let Some(canvas) = self.resized(size) else {
            return Drawn::Partly;
        };
        let Some(targets) = &self.targets else {
            return Drawn::Partly;
        };
        self.uniforms.write(&self.queue, cloud, frame, size);
        let tables = [&self.looks, &self.owners];
        let points_bindings = self
            .uniforms
            .points_bindings(&self.device, &self.pipelines, tables);
        let scene_bindings = targets.bindings(&self.device, &self.pipelines, &self.uniforms.scene);

        let mut encoder = self
            .device
            .create_command_encoder(&wgpu::CommandEncoderDescriptor::default());
        {
            let mut pass = targets.begin(&mut encoder);
            pass.set_pipeline(&self.pipelines.points);
            pass.set_bind_group(0, &points_bindings, &[]);
            for chunk in &self.chunks {
                pass.set_bind_group(1, &chunk.bindings, &[]);
                pass.draw(0..4, 0..chunk.count.div_ceil(frame.stride));
            }
        }
        {
            let view = canvas
                .texture
                .create_view(&wgpu::TextureViewDescriptor::default());
            let mut pass = targets::begin_canvas(&mut encoder, &view);
            pass.set_pipeline(&self.pipelines.eye_dome);
            pass.set_bind_group(0, &scene_bindings, &[]);
            pass.draw(0..3, 0..1);
        }
        self.queue.submit([encoder.finish()]);
        self.queue.present(canvas);
        self.in_flight.fetch_add(1, Ordering::Relaxed);
        let (in_flight, picture_ms, submitted) = (
            Arc::clone(&self.in_flight),
            Arc::clone(&self.picture_ms),
            browser::now(),
        );
        self.queue.on_submitted_work_done(move || {
            picture_ms.store(
                ((browser::now() - submitted) as f32).to_bits(),
                Ordering::Relaxed,
            );
            in_flight.fetch_sub(1, Ordering::Relaxed);
        });
        if uploading {
            Drawn::Partly
        } else {
            Drawn::Wholly
        }
    }

    /// Time of the last finished frame from submission to completion, milliseconds.
    pub fn last_picture_ms(&self) -> f32 {
        f32::from_bits(self.picture_ms.load(Ordering::Relaxed))
    }

    /// Number of draw calls of a picture: one for each chunk of points, and the shading.
    pub fn draws(&self) -> usize {
        self.chunks.len() + 1
    }

    /// Width and height of the last picture, pixels.
    pub fn picture(&self) -> (u32, u32) {
        self.targets.as_ref().map_or((0, 0), |targets| targets.size)
    }

    /// Calls `found` with what a window of the last picture shows.
    pub fn seen(&self, window: Window, found: impl FnOnce(Seen) + 'static) {
        match &self.targets {
            Some(targets) => pick::read(&self.device, &self.queue, targets, window, found),
            None => found(Seen::default()),
        }
    }

    /// The next texture of the canvas, after the surface and the targets are resized if needed.
    fn resized(&mut self, size: (u32, u32)) -> Option<wgpu::SurfaceTexture> {
        if self.targets.as_ref().is_none_or(|t| t.size != size) {
            let config = wgpu::SurfaceConfiguration {
                usage: wgpu::TextureUsages::RENDER_ATTACHMENT,
                format: self.format,
                color_space: wgpu::SurfaceColorSpace::Auto,
                width: size.0,
                height: size.1,
                present_mode: wgpu::PresentMode::Fifo,
                desired_maximum_frame_latency: 2,
                alpha_mode: wgpu::CompositeAlphaMode::Opaque,
                view_formats: vec![],
            };
            self.surface.configure(&self.device, &config);
            self.targets = Some(Targets::new(&self.device, size));
        }
        match self.surface.get_current_texture() {
            wgpu::CurrentSurfaceTexture::Success(texture)
            | wgpu::CurrentSurfaceTexture::Suboptimal(texture) => Some(texture),
            _ => {
                self.targets = None; // configured again before the next frame
                None
            }
        }
    }
}

fn storage<T: bytemuck::NoUninit>(
    device: &wgpu::Device,
    queue: &wgpu::Queue,
    values: &[T],
) -> wgpu::Buffer {
    buffers::filled(
        device,
        queue,
        wgpu::BufferUsages::STORAGE,
        bytemuck::cast_slice(values),
    )
}
