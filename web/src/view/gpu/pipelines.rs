//! The two render pipelines and their binding layouts.

use wgpu::{BindingType, BufferBindingType, ShaderStages, TextureSampleType};

use super::targets;

/// The layouts and pipelines, created once.
pub struct Pipelines {
    pub view_layout: wgpu::BindGroupLayout,
    pub chunk_layout: wgpu::BindGroupLayout,
    pub scene_layout: wgpu::BindGroupLayout,
    pub points: wgpu::RenderPipeline,
    pub eye_dome: wgpu::RenderPipeline,
}

impl Pipelines {
    /// Creates pipelines that draw to a canvas of this format.
    pub fn new(device: &wgpu::Device, format: wgpu::TextureFormat) -> Self {
        let (uniform, read) = (
            buffer(BufferBindingType::Uniform),
            buffer(BufferBindingType::Storage { read_only: true }),
        );
        let view_layout = layout(device, ShaderStages::VERTEX, &[uniform, read, read]);
        let chunk_layout = layout(
            device,
            ShaderStages::VERTEX,
            &[uniform, read, read, read, read],
        );
        let textures = [
            TextureSampleType::Float { filterable: false },
            TextureSampleType::Uint,
            TextureSampleType::Depth,
        ];
        let [colors, identities, depths] = textures.map(texture);
        let scene_layout = layout(
            device,
            ShaderStages::FRAGMENT,
            &[uniform, colors, identities, depths],
        );

        let source = |label, text: &'static str| {
            device.create_shader_module(wgpu::ShaderModuleDescriptor {
                label: Some(label),
                source: wgpu::ShaderSource::Wgsl(text.into()),
            })
        };
        let points = source("points", include_str!("../../../../wgsl/points.wgsl"));
        let eye_dome = source("eye_dome", include_str!("../../../../wgsl/eye_dome.wgsl"));
        let depth = wgpu::DepthStencilState {
            format: targets::DEPTH,
            depth_write_enabled: Some(true),
            depth_compare: Some(wgpu::CompareFunction::Greater),
            stencil: wgpu::StencilState::default(),
            bias: wgpu::DepthBiasState::default(),
        };
        let points = pipeline(
            device,
            &[&view_layout, &chunk_layout],
            (&points, "corner", "round_point"),
            wgpu::PrimitiveTopology::TriangleStrip,
            Some(depth),
            &[targets::COLOR, targets::IDENTITY],
        );
        let eye_dome = pipeline(
            device,
            &[&scene_layout],
            (&eye_dome, "triangle", "eye_dome"),
            wgpu::PrimitiveTopology::TriangleList,
            None,
            &[format],
        );
        Self {
            view_layout,
            chunk_layout,
            scene_layout,
            points,
            eye_dome,
        }
    }
}

fn buffer(ty: BufferBindingType) -> BindingType {
    BindingType::Buffer {
        ty,
        has_dynamic_offset: false,
        min_binding_size: None,
    }
}

fn texture(sample_type: TextureSampleType) -> BindingType {
    BindingType::Texture {
        sample_type,
        view_dimension: wgpu::TextureViewDimension::D2,
        multisampled: false,
    }
}

fn layout(
    device: &wgpu::Device,
    visibility: ShaderStages,
    bindings: &[BindingType],
) -> wgpu::BindGroupLayout {
    let entries: Vec<_> = bindings
        .iter()
        .enumerate()
        .map(|(i, ty)| wgpu::BindGroupLayoutEntry {
            binding: i as u32,
            visibility,
            ty: *ty,
            count: None,
        })
        .collect();
    device.create_bind_group_layout(&wgpu::BindGroupLayoutDescriptor {
        label: None,
        entries: &entries,
    })
}

fn pipeline(
    device: &wgpu::Device,
    layouts: &[&wgpu::BindGroupLayout],
    (module, vertex, fragment): (&wgpu::ShaderModule, &str, &str),
    topology: wgpu::PrimitiveTopology,
    depth_stencil: Option<wgpu::DepthStencilState>,
    formats: &[wgpu::TextureFormat],
) -> wgpu::RenderPipeline {
    let layouts: Vec<_> = layouts.iter().map(|layout| Some(*layout)).collect();
    let layout = device.create_pipeline_layout(&wgpu::PipelineLayoutDescriptor {
        label: None,
        bind_group_layouts: &layouts,
        immediate_size: 0,
    });
    let color_targets: Vec<_> = formats
        .iter()
        .map(|format| Some((*format).into()))
        .collect();
    let compilation_options = wgpu::PipelineCompilationOptions::default();
    device.create_render_pipeline(&wgpu::RenderPipelineDescriptor {
        label: Some(fragment),
        layout: Some(&layout),
        vertex: wgpu::VertexState {
            module,
            entry_point: Some(vertex),
            compilation_options: compilation_options.clone(),
            buffers: &[],
        },
        primitive: wgpu::PrimitiveState {
            topology,
            ..Default::default()
        },
        depth_stencil,
        multisample: wgpu::MultisampleState::default(),
        fragment: Some(wgpu::FragmentState {
            module,
            entry_point: Some(fragment),
            compilation_options,
            targets: &color_targets,
        }),
        multiview_mask: None,
        cache: None,
    })
}
