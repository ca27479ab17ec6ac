//! Small captures of every kind that follow their formats exactly, and what breaks them.

mod open3d;
mod phone;
mod tum;
