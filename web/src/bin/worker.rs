//! The entry point of the worker: see `web::worker`.

fn main() {
    web::worker::run();
}
