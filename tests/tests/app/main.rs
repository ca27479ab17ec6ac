//! The built app in a real browser, used as people use it. Read from the top: the whole way first,
//! then what each part promises.
//!
//! `cargo xtask test --only app,stories` builds the app and runs these; pictures of the page are
//! kept in `target/tmp/pages`.
#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "tests")]

mod backends;
mod bad_input;
mod files;
mod interruption;
mod links;
mod looks;
mod whole_way;
