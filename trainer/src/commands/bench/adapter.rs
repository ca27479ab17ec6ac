//! Describes the graphics adapter: its name and driver, what it can do, and the shaders that were
//! fastest on it.

use burn::tensor::{Device, wgpu::WgpuSetup};
use segscape::ops::Tuning;
use serde_json::{Value, json};

use super::{Bench, print};

/// Prints one row.
///
/// # Errors
/// If there is no graphics adapter.
pub fn run(bench: &Bench, device: &Device, setup: Option<&WgpuSetup>) -> anyhow::Result<()> {
    let Some(setup) = setup else {
        anyhow::bail!("a processor has no graphics adapter to describe: use --device gpu");
    };
    let row = description(device, setup);
    let text = serde_json::to_string_pretty(&row)?;
    print(bench, &row, &text).map_err(anyhow::Error::from)
}

fn description(device: &Device, setup: &WgpuSetup) -> Value {
    let (info, limits) = (setup.adapter.get_info(), setup.device.limits());
    let names = |features: burn::tensor::wgpu::wgpu::Features| -> Vec<&str> {
        features.iter_names().map(|(name, _)| name).collect()
    };
    let (offered, enabled) = (setup.adapter.features(), setup.device.features());
    json!({
        "adapter": info.name,
        "type": format!("{:?}", info.device_type),
        "backend": info.backend.to_str(),
        "driver": info.driver,
        "driver_info": info.driver_info,
        "vendor": info.vendor,
        "device": info.device,
        "limits": {
            "storage_binding_bytes": limits.max_storage_buffer_binding_size,
            "buffer_bytes": limits.max_buffer_size,
            "workgroup_memory_bytes": limits.max_compute_workgroup_storage_size,
            "threads_per_workgroup": limits.max_compute_invocations_per_workgroup,
            "workgroups_per_dimension": limits.max_compute_workgroups_per_dimension,
            "storage_buffers_per_stage": limits.max_storage_buffers_per_shader_stage,
            "smallest_subgroup": info.subgroup_min_size,
            "largest_subgroup": info.subgroup_max_size,
        },
        "features": names(enabled),
        "features_not_enabled": names(offered - enabled),
        "tuning": format!("{:?}", Tuning::of(device)),
    })
}
