//! The worker's entry: see `web::worker`.

fn main() {
    web::worker::run();
}
