//! `.segscape`: a segmented scene in one file.
