//! The entry point of the worker that shows the first points: see `web::reader`.

fn main() {
    web::reader::run();
}
