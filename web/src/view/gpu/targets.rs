//! The off-screen textures between the two passes.

use wgpu::TextureUsages;

use super::pipelines::Pipelines;

/// Colors of the points.
pub const COLOR: wgpu::TextureFormat = wgpu::TextureFormat::Rgba8Unorm;
/// Point index + 1 and owner.
pub const IDENTITY: wgpu::TextureFormat = wgpu::TextureFormat::Rg32Uint;
/// Reversed depth.
pub const DEPTH: wgpu::TextureFormat = wgpu::TextureFormat::Depth32Float;

/// One texture each for color, identity and depth.
pub struct Targets {
    pub size: (u32, u32),
    pub identity: wgpu::Texture,
    views: [wgpu::TextureView; 3],
}

impl Targets {
    /// Creates the textures for a canvas of this size.
    pub fn new(device: &wgpu::Device, size: (u32, u32)) -> Self {
        let texture = |format, extra| {
            device.create_texture(&wgpu::TextureDescriptor {
                label: None,
                size: wgpu::Extent3d {
                    width: size.0,
                    height: size.1,
                    depth_or_array_layers: 1,
                },
                mip_level_count: 1,
                sample_count: 1,
                dimension: wgpu::TextureDimension::D2,
                format,
                usage: TextureUsages::RENDER_ATTACHMENT | TextureUsages::TEXTURE_BINDING | extra,
                view_formats: &[],
            })
        };
        let identity = texture(IDENTITY, TextureUsages::COPY_SRC);
        let textures = [
            &texture(COLOR, TextureUsages::empty()),
            &identity,
            &texture(DEPTH, TextureUsages::empty()),
        ];
        let views = textures.map(|t| t.create_view(&wgpu::TextureViewDescriptor::default()));
        Self {
            size,
            identity,
            views,
        }
    }

    /// The bindings of group 0 of `eye_dome.wgsl`.
    pub fn bindings(
        &self,
        device: &wgpu::Device,
        pipelines: &Pipelines,
        scene: &wgpu::Buffer,
    ) -> wgpu::BindGroup {
        let mut entries = vec![wgpu::BindGroupEntry {
            binding: 0,
            resource: scene.as_entire_binding(),
        }];
        entries.extend(
            self.views
                .iter()
                .enumerate()
                .map(|(i, view)| wgpu::BindGroupEntry {
                    binding: i as u32 + 1,
                    resource: wgpu::BindingResource::TextureView(view),
                }),
        );
        device.create_bind_group(&wgpu::BindGroupDescriptor {
            label: None,
            layout: &pipelines.scene_layout,
            entries: &entries,
        })
    }

    /// Begins the pass that draws the points.
    pub fn begin<'a>(&self, encoder: &'a mut wgpu::CommandEncoder) -> wgpu::RenderPass<'a> {
        let [color, identity, depth] = &self.views;
        encoder.begin_render_pass(&wgpu::RenderPassDescriptor {
            label: Some("points"),
            color_attachments: &[Some(cleared(color)), Some(cleared(identity))],
            depth_stencil_attachment: Some(wgpu::RenderPassDepthStencilAttachment {
                view: depth,
                depth_ops: Some(wgpu::Operations {
                    load: wgpu::LoadOp::Clear(0.0),
                    store: wgpu::StoreOp::Store,
                }),
                stencil_ops: None,
            }),
            ..Default::default()
        })
    }
}

/// Begins the pass that draws to the canvas.
pub fn begin_canvas<'a>(
    encoder: &'a mut wgpu::CommandEncoder,
    view: &wgpu::TextureView,
) -> wgpu::RenderPass<'a> {
    encoder.begin_render_pass(&wgpu::RenderPassDescriptor {
        label: Some("eye_dome"),
        color_attachments: &[Some(cleared(view))],
        ..Default::default()
    })
}

fn cleared(view: &wgpu::TextureView) -> wgpu::RenderPassColorAttachment<'_> {
    let ops = wgpu::Operations {
        load: wgpu::LoadOp::Clear(wgpu::Color::TRANSPARENT),
        store: wgpu::StoreOp::Store,
    };
    wgpu::RenderPassColorAttachment {
        view,
        depth_slice: None,
        resolve_target: None,
        ops,
    }
}
