//! The entry point of the worker that runs 2D models: see `web::images`.

fn main() {
    web::images::run();
}
