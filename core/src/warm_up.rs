//! Compiles the GPU kernels that scans will need before there is a scan.
//!
//! Burn's kernels are compiled separately for row lengths that are multiples of four, of two or of
//! neither, and for how many threads of a group have work, but not for how deep a network is. A
//! shallow network run on synthetic rooms therefore compiles what the shipped network needs for
//! rooms. A network of the shipped shape compiles what it needs for the test scene of its manifest,
//! a scene too small to need the kernels for rooms. The weights of both are random: nothing has to
//! be downloaded first.

use burn::tensor::{DType, Device};

use crate::{
    model::{
        Config, Observation, SceneInput, SegDino3dVl,
        config::BackboneConfig,
        manifest::{Golden, ManifestError},
    },
    ops::Tuning,
    progress::Monitor,
    superpoint::Superpoints,
};

/// Numbers of superpoints of the synthetic rooms: a multiple of four, of two, and of neither, large
/// enough for groups of threads to be full.
const SUPERPOINTS: [usize; 3] = [684, 518, 519];
/// Voxels along an edge of the synthetic rooms' floor.
const EDGE: usize = 32;

/// Runs on `device` the kernels that loading a network and segmenting rooms will run, and yields to
/// the event loop in between. Kernels for other cases, such as rooms with fewer than some hundred
/// superpoints, are compiled when they are first needed.
///
/// # Errors
/// Errors of the device.
pub async fn warm_up(device: &Device) -> Result<(), ManifestError> {
    let random = |config: &Config| {
        let network = SegDino3dVl::new(config, device);
        if Tuning::of(device).storage == DType::F16 {
            network.into_f16()
        } else {
            network
        }
    };
    let shipped = Config::nano();
    Golden::ask(&random(&shipped), &shipped, device, &Monitor::silent()).await?;

    let shallow = shallow();
    let network = random(&shallow);
    for superpoints in SUPERPOINTS {
        let scene = floor(superpoints, &shallow)?.to_device(device);
        let queries = scene.queries(shallow.max_queries);
        network.infer(scene, queries, &Monitor::silent()).await?;
    }
    Ok(())
}

/// A configuration with every kind of layer of the shipped network: the way down and up again, the
/// first layer of the decoder and another layer.
fn shallow() -> Config {
    Config {
        backbone: BackboneConfig::SparseUnet {
            planes: vec![16, 16],
            grid: None,
        },
        layers: 2,
        ..Config::nano()
    }
}

/// A floor with one point in every voxel, divided into superpoints of equally many points.
fn floor(superpoints: usize, config: &Config) -> Result<SceneInput, ManifestError> {
    let place =
        |i: usize| [i % EDGE, i / EDGE, 0].map(|voxel| (voxel as f32 + 0.5) * config.voxel_size);
    let positions: Vec<[f32; 3]> = (0..EDGE * EDGE).map(place).collect();
    let ids: Vec<u32> = (0..positions.len())
        .map(|i| (i * superpoints / positions.len()) as u32)
        .collect();
    let observation = Observation {
        positions: &positions,
        ..Observation::default()
    };
    Ok(SceneInput::new(
        &observation,
        &Superpoints::from_ids(&ids),
        config,
    )?)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn made_up_rooms_have_the_numbers_that_decide() {
        let shallow = shallow();
        assert_eq!(shallow.validate(), Ok(()));
        let device = Device::flex();
        let sizes = SUPERPOINTS.map(|superpoints| {
            let scene = floor(superpoints, &shallow).unwrap().to_device(&device);
            assert_eq!(
                (scene.superpoints(), scene.voxels()),
                (superpoints, EDGE * EDGE)
            );
            (
                superpoints % 4,
                scene.queries(shallow.max_queries).len() % 4,
            )
        });
        assert_eq!(
            sizes,
            [(0, 0), (2, 2), (3, 3)],
            "superpoints and queries in whole vectors of four, of two, of neither"
        );
        cubecl::future::block_on(warm_up(&device)).unwrap();
    }
}
