//! PLY: ascii, binary little and big endian; points and meshes.
