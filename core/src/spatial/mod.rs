//! Neighbourhoods of points: kNN, normals, voxels.
