//! Recordings of rooms: readers of captures and data sets, the foundation bundles that they become,
//! pseudo-labels, and the object stores that they may lie in.

pub mod class_table;
pub mod folder;
pub mod foundation;
pub mod nyu40;
pub mod pseudo_label_file;
pub mod readers;
#[cfg(feature = "stores")]
pub mod store;
pub mod tensor_file;
