//! The built app in a real browser, used as people use it. Start with `whole_way`, which covers the
//! whole workflow; the other modules test individual parts.
//!
//! `cargo xtask test --only app,stories` builds the app and runs these tests. Pictures of the page
//! are kept in `target/tmp/pages`.
#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "tests")]

mod about;
mod asking;
mod assistant;
mod backends;
mod bad_input;
mod captures;
mod caution;
mod clicks;
mod colors;
mod cutting;
mod editing;
mod embedding;
mod files;
mod filling;
mod firefox;
mod first_look;
mod first_visit;
mod fixed_classes;
mod following;
mod image_models;
mod incoming;
mod interruption;
mod keyboard;
mod languages;
mod links;
mod looks;
mod odd;
mod offline;
mod overlay;
mod picture;
mod questions;
mod several;
mod sharing;
mod sliced;
mod tools;
mod viewing;
mod whole_way;
