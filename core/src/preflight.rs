//! What a scan seems to be (up axis, unit, density, colour), what was assumed, and how to change it.
