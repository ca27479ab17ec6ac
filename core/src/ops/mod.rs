//! Operations on tensors that burn does not have: shader, CPU twin and gradient, one file each.
