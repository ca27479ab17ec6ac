//! Compiles what scans will need of a GPU before there is one.
//!
//! Burn's shaders are compiled anew for rows that are whole vectors of four numbers, of two or of
//! neither, and for how many threads of a group have work, but not for how deep a network is. So a
//! shallow network that is asked about made-up rooms compiles what the shipped one needs in rooms;
//! one of the shipped shape compiles what it needs for the test scene of its manifest, which is too
//! small for that. Their weights are random: nothing has to be fetched first.

use burn::tensor::{DType, Device};

use crate::{
    model::{
        Config, Observation, SceneInput, SegDino3dVl,
        config::Backbone,
        manifest::{Golden, ManifestError},
    },
    ops::Tuning,
    progress::Monitor,
    superpoint::Superpoints,
};

/// Superpoints of the made-up rooms, in whole vectors of four, of two and of neither: so many that
/// groups of threads are full.
const SUPERPOINTS: [usize; 3] = [684, 518, 519];
/// Voxels along an edge of the made-up rooms' floor.
const EDGE: usize = 32;

/// Runs on `device` what loading a network and looking at rooms will run; lets the event loop run
/// in between. What it is not asked about, such as rooms with less than some hundred superpoints,
/// is compiled when it comes.
///
/// # Errors
/// The device's failures.
pub async fn warm_up(device: &Device) -> Result<(), ManifestError> {
    let random = |config: &Config| {
        let network = SegDino3dVl::new(config, device);
        if Tuning::of(device).storage == DType::F16 {
            network.by_halves()
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

/// Every kind of layer of the shipped network: the way down and up again, the first layer of the
/// decoder and another one.
fn shallow() -> Config {
    Config {
        backbone: Backbone::SparseUnet {
            planes: vec![16, 16],
            grid: None,
        },
        layers: 2,
        ..Config::nano()
    }
}

/// A point in every voxel of a floor, cut into equally many points a superpoint.
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
