//! PCD: ascii, binary, binary_compressed.
