//! SegDINO3D-VL, points only.
