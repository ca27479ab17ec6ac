//! Masks of single frames from a network that sees the partial cloud of points of each frame alone,
//! such as that of Segment3D's first stage: masks for trackers, without a 2D model.

use anyhow::Context;
use glam::{Mat3A, Quat, Vec3};
use recordings::foundation::{ImageInstance, Mask};
use segscape::{
    captures::{NEAREST, UpVotes, axis_up},
    images::Picture,
    instances::query::Labels,
    job::{self, Decoding, Network},
    model::Observation,
    progress::Monitor,
    scan::UpAxis,
    track::MAX_MASKS,
    views::{Camera, Map, Pixel},
};

use crate::query_masks::QueryMasks;

/// Maximum number of points along each side of a frame; a larger depth image is sampled.
const SIDE: usize = 320;
/// Number of frames that say what is up.
const VOTERS: usize = 256;

/// A network that finds the objects in frames, one after the other.
pub struct FrameNetwork {
    network: Network,
    /// Depth beyond this is left out, metres.
    farthest: f32,
    /// How the cameras were held in the first frames whose up axis is not known.
    votes: UpVotes,
    /// Number of frames that voted.
    voted: usize,
}

/// The points of a frame.
struct Cloud {
    positions: Vec<[f32; 3]>,
    colors: Option<Vec<[u8; 3]>>,
    /// `(points)`: index of the place in the grid of the mask.
    places: Vec<usize>,
    /// Rows and columns of the grid.
    size: [usize; 2],
}

impl FrameNetwork {
    /// Frames for this network; `farthest` is in metres.
    pub fn new(network: Network, farthest: f32) -> Self {
        Self {
            network,
            farthest,
            votes: UpVotes::default(),
            voted: 0,
        }
    }

    /// The objects in a frame as a mask that spans it, with the network's confidence in each. The
    /// depth, shape `(height, width, 1)`, is in metres; `up` is the axis of the pose that points up,
    /// which is estimated from the first frames if it is not known. Where masks overlap, the network is most
    /// confident of the one that is kept. A frame that shows too little to be separated has none.
    ///
    /// # Errors
    /// The frame does not fit the network.
    pub fn masks(
        &mut self,
        camera: &Camera,
        depth: &Map,
        picture: Option<&Picture>,
        up: Option<UpAxis>,
    ) -> anyhow::Result<(Mask, Vec<ImageInstance>)> {
        let turn = match up {
            Some(up) => axis_up(up).matrix3,
            None => self.turn_by_votes(camera, depth),
        };
        let cloud = self.cloud(camera, depth, picture, turn);
        let [rows, columns] = cloud.size;
        let mut values = vec![0; rows * columns];
        let mut instances = Vec::new();
        if cloud.positions.len() >= job::MIN_POINTS {
            for (points, instance) in self.found(&cloud)?.into_iter().take(MAX_MASKS) {
                let value = u16::try_from(instances.len() + 1).context("too many masks")?;
                let mut is_shown = false;
                for point in points {
                    let at = &mut values[cloud.places[point as usize]];
                    if *at == 0 {
                        (*at, is_shown) = (value, true);
                    }
                }
                if is_shown {
                    instances.push(instance);
                }
            }
        }
        let mask = Mask::new(values, cloud.size).context("the depth image has no pixel")?;
        Ok((mask, instances))
    }

    /// The points of each object, most confident first.
    fn found(&self, cloud: &Cloud) -> anyhow::Result<Vec<(Vec<u32>, ImageInstance)>> {
        let observation = Observation {
            positions: &cloud.positions,
            colors: cloud.colors.as_deref(),
            ..Observation::default()
        };
        let (network, monitor) = (&self.network, Monitor::silent());
        let options = network.superpoint_options(&observation);
        let grouping = job::group(&observation, None, &options, &monitor)?;
        let nameless = |score| ImageInstance {
            name: String::new(),
            score,
            features: Vec::new(),
        };
        if network.fixed_classes().is_some() {
            let masks = QueryMasks::of(network, &observation, &grouping)?.post_processed();
            let masks = masks.into_iter();
            return Ok(masks
                .map(|mask| (mask.points, nameless(mask.score)))
                .collect());
        }
        let decoding = Decoding::default();
        let found = job::segment(&observation, &grouping, network, &decoding, &monitor);
        let found = pollster::block_on(found)?;
        let labels = Labels::new(&found, &[], network.vocabulary())?;
        let instances = found.instances.iter().zip(&labels.of_instance).enumerate();
        Ok(instances
            .map(|(index, (instance, label))| {
                let points = found.points_of_instance(index, &grouping.superpoints);
                let told = ImageInstance {
                    name: label.name.clone(),
                    features: instance.embedding.clone(),
                    ..nameless(instance.score)
                };
                (points, told)
            })
            .collect())
    }

    /// The rotation that takes what the cameras of the first frames say is up to +z.
    fn turn_by_votes(&mut self, camera: &Camera, depth: &Map) -> Mat3A {
        if self.voted < VOTERS {
            self.voted += 1;
            self.votes.add_camera(camera);
            self.votes.add_depth(camera, depth);
        }
        let up = self.votes.up().unwrap_or(Vec3::Z);
        Mat3A::from_quat(Quat::from_rotation_arc(up, Vec3::Z))
    }

    /// The points of a frame, turned.
    fn cloud(&self, camera: &Camera, depth: &Map, picture: Option<&Picture>, turn: Mat3A) -> Cloud {
        let extent = depth.size();
        let stride = extent[0].max(extent[1]).div_ceil(SIDE).max(1);
        let size = extent.map(|n| n.div_ceil(stride));
        let mut cloud = Cloud {
            positions: Vec::new(),
            colors: picture.map(|_| Vec::new()),
            places: Vec::new(),
            size,
        };
        for place in 0..size[0] * size[1] {
            let share = |at: usize, extent: usize| (at as f32 + 0.5) / extent as f32;
            let (y, x) = (
                share(place / size[1], size[0]),
                share(place % size[1], size[1]),
            );
            let at = |share: f32, extent: usize| ((share * extent as f32) as usize).min(extent - 1);
            let depth = depth.at(at(y, extent[0]), at(x, extent[1]))[0];
            if !(NEAREST..self.farthest).contains(&depth) {
                continue;
            }
            let position = Vec3::from(camera.back_project(Pixel { x, y, depth }));
            let position = turn * position;
            if !position.is_finite() {
                continue;
            }
            cloud.positions.push(position.into());
            cloud.places.push(place);
            if let (Some(colors), Some(picture)) = (&mut cloud.colors, picture) {
                let [rows, columns] = picture.size();
                let pixel = at(y, rows) * columns + at(x, columns);
                let color = picture.bytes().as_chunks().0.get(pixel).copied();
                colors.push(color.unwrap_or_default());
            }
        }
        cloud
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use std::path::Path;

    use glam::{Affine3A, Vec3A};

    use super::*;
    use crate::{device::DeviceChoice, models};

    const SIZE: [usize; 2] = [96, 128];

    /// A camera 1.5 m above the floor that looks 20 degrees down along +y, +z is up.
    fn camera() -> Camera {
        let (sine, cosine) = 20f32.to_radians().sin_cos();
        let forward = Vec3A::new(0.0, cosine, -sine);
        let down = Vec3A::new(0.0, -sine, -cosine);
        let turn = Mat3A::from_cols(Vec3A::X, down, forward);
        Camera {
            width: SIZE[1] as f32,
            height: SIZE[0] as f32,
            focal: [110.0; 2],
            center: [63.5, 47.5],
            world_from_camera: Affine3A::from_mat3_translation(
                turn.into(),
                Vec3::new(0.0, -0.5, 1.5),
            ),
        }
    }

    /// What a ray from the camera meets: the box's place along it, or that of floor and wall.
    fn depth_of(ray: Vec3A, eye: Vec3A) -> (f32, bool) {
        let (low, high) = (Vec3A::new(-0.4, 1.6, 0.0), Vec3A::new(0.4, 2.2, 0.8));
        let (a, b) = ((low - eye) / ray, (high - eye) / ray);
        let (near, far) = (a.min(b).max_element(), a.max(b).min_element());
        let wall = (3.0 - eye.y) / ray.y;
        let floor = if ray.z < 0.0 {
            -eye.z / ray.z
        } else {
            f32::MAX
        };
        match near < far && near > 0.0 {
            true => (near, true),
            false => (wall.min(floor), false),
        }
    }

    /// The depth image, and which of its pixels show the box.
    fn frame() -> (Map, Vec<bool>) {
        let camera = camera();
        let eye = camera.world_from_camera.translation;
        let pixel = |at: usize| {
            let (x, y) = ((at % SIZE[1]) as f32, (at / SIZE[1]) as f32);
            let ray = Vec3A::new((x - 63.5) / 110.0, (y - 47.5) / 110.0, 1.0);
            depth_of(camera.world_from_camera.matrix3 * ray, eye)
        };
        let (depths, is_box) = (0..SIZE[0] * SIZE[1]).map(pixel).unzip();
        (Map::new(depths, [SIZE[0], SIZE[1], 1]).unwrap(), is_box)
    }

    fn frames() -> FrameNetwork {
        let shipped = concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/../../static/models/nano-cf162d1d"
        );
        let device = DeviceChoice::Cpu.open().unwrap();
        let loaded = models::load_network(Some(Path::new(shipped)), None, &device);
        FrameNetwork::new(loaded.unwrap().0, 4.0)
    }

    #[test]
    fn a_box_is_found_in_one_frame_whatever_the_axes_are() {
        let (depth, is_box) = frame();
        let overlap = |mask: &Mask, value: usize| {
            let pixels = mask.values().iter().zip(&is_box);
            let both = |and: bool| {
                let count = |(v, b): &(&u16, &bool)| {
                    let is_it = usize::from(**v) == value;
                    if and { is_it && **b } else { is_it || **b }
                };
                pixels.clone().filter(count).count() as f32
            };
            both(true) / both(false)
        };
        let find = |camera: &Camera, up| {
            let (mask, instances) = frames().masks(camera, &depth, None, up).unwrap();
            assert_eq!(mask.size(), SIZE);
            let count = instances.len();
            let best = (1..=count).map(|value| overlap(&mask, value));
            let best = best.fold(0.0, f32::max);
            assert!(best > 0.6, "IoU {best} of {count} masks, {up:?}");
            mask
        };
        let mask = find(&camera(), Some(UpAxis::PlusZ));
        find(&camera(), None);

        // The same with -y up, as in the axes of many cameras.
        let turned = Camera {
            world_from_camera: Affine3A::from_rotation_x(90f32.to_radians())
                * camera().world_from_camera,
            ..camera()
        };
        find(&turned, None);
        let told = find(&turned, Some(UpAxis::MinusY));
        let same = mask.values().iter().zip(told.values());
        let same = same.filter(|(a, b)| a == b).count();
        assert!(same * 100 > 95 * mask.values().len(), "{same} pixels agree");
    }

    #[test]
    fn a_frame_without_depth_has_no_masks() {
        let depth = Map::new(vec![0.0; 12], [3, 4, 1]).unwrap();
        let (mask, instances) = frames().masks(&camera(), &depth, None, None).unwrap();
        assert!(instances.is_empty() && mask.values().iter().all(|value| *value == 0));
    }
}
