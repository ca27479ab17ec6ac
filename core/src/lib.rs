//! Segscape: from the bytes of a room scan to separate, named 3D instances.
//!
//! From a file to named objects, on the CPU. The device is `burn`'s, and `pollster` waits for what
//! is asynchronous:
//!
//! ```
//! # #[cfg(feature = "model")] {
//! use std::fs;
//!
//! use burn::tensor::Device;
//! use segscape::{
//!     instances::query::{Labels, Question},
//!     job::{self, Network, Options},
//!     model::manifest::Manifest,
//!     progress::Monitor,
//!     text::Vocabulary,
//!     write,
//! };
//!
//! let monitor = Monitor::silent();
//! # let models = std::path::Path::new("../static/models");
//! # let index: serde_json::Value = serde_json::from_slice(&fs::read(models.join("index.json"))?)?;
//! # let folder = models.join(index["network"].as_str().ok_or("no network")?);
//! // `folder` is that of a network: a manifest and the files that it lists. The network that ships
//! // is in `static/models`.
//! let manifest = Manifest::parse(&fs::read(folder.join("manifest.json"))?)?;
//! let shards = manifest.shards.iter().map(|shard| fs::read(folder.join(&shard.file)));
//! let shards = shards.collect::<Result<Vec<_>, _>>()?;
//! let device = Device::flex();
//! // The nouns are in the space of the network's text encoder, here all-MiniLM-L6-v2.
//! let nouns = Vocabulary::shipped();
//! let network = Network::load(manifest, &shards, nouns, &device, &monitor);
//! let network = pollster::block_on(network)?;
//!
//! # let (positions, colors, _) = segscape::model::manifest::probe();
//! # let room = segscape::scan::Scan::from_points(&positions, Some(&colors))?;
//! # let file = write::ply(&room.table);
//! // `file` is the content of a file of any format that `scan::read` knows. Its unit and its up axis
//! // are guessed. A page calls the steps of `run` one by one, to show each result.
//! let segmented = pollster::block_on(job::run(file, &network, &Options::default(), &monitor))?;
//!
//! // The network has run; from here on any number of prompts can be answered.
//! let question = Question::parse("box, table", nouns)?;
//! assert!(question.unread().is_empty(), "other words need a text encoder");
//! let labels = Labels::new(&segmented.segmentation, &question.terms(), nouns)?;
//! let labels = job::label(&segmented, &labels.of_instance, &labels.visible(0.1));
//! for instance in &labels.instances {
//!     println!("{:?} {:.2}", labels.name(instance), instance.score);
//! }
//! let labeled = write::labeled_ply(&segmented.scan, &labels, false);
//! # assert!(!segmented.segmentation.instances.is_empty());
//! # assert_eq!(segscape::scan::read(&labeled, &monitor)?.positions.len(), positions.len());
//! # }
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! `core/examples/segment.rs` is the same as a program:
//! `cargo run --release --example segment -- room.ply "chair, table"`.
//!
//! Without the feature `model` the crate has neither the network nor `burn`; it reads scans, makes
//! superpoints, answers prompts about given instances, and reads and writes bundles.
//!
//! With the feature `exports`, which is on by default, [`write`] writes all formats of results.
//!
//! With the feature `onnx`, the module `images` runs 2D models from ONNX files.
//!
//! The folders follow the order in which a scan passes through them; [`job`] is the only
//! module that knows that order. Inputs are bytes, outputs are structs: no file system, no DOM, no
//! threads; the clock and the yield are in [`platform`].
//!
//! Frames: `file` is the coordinate system of the scan's own file; `world` is in metres, z up, near
//! the origin ([`scan::Frame`] maps between the two). Index maps are named `target_of_source`.

pub mod benchmarks;
pub mod bundle;
#[cfg(feature = "captures")]
pub mod captures;
pub mod evaluate;
#[cfg(test)]
mod families;
#[cfg(feature = "captures")]
pub mod foundation;
pub mod geometry;
#[cfg(test)]
mod golden;
#[cfg(feature = "onnx")]
pub mod images;
pub mod instances;
#[cfg(feature = "model")]
pub mod job;
pub mod lift;
#[cfg(feature = "model")]
pub mod model;
#[cfg(feature = "model")]
pub mod ops;
pub mod palette;
#[cfg(feature = "model")]
pub mod peer;
pub mod platform;
pub mod preflight;
pub mod progress;
pub mod read_at;
pub mod scan;
pub mod shards;
pub mod spatial;
pub mod superpoint;
pub mod text;
#[cfg(feature = "captures")]
pub mod track;
pub mod views;
#[cfg(feature = "model")]
pub mod warm_up;
pub mod write;
