//! The entry point of the page: see `web::page`.

fn main() {
    std::panic::set_hook(Box::new(web::page::crash::report));
    if let Some(starting) = web::browser::document().get_element_by_id("starting") {
        starting.remove();
    }
    leptos::mount::mount_to_body(web::page::App);
}
