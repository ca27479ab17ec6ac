//! The entry point of the page: see `web::app`.

fn main() {
    console_error_panic_hook::set_once();
    if let Some(starting) = web::browser::document().get_element_by_id("starting") {
        starting.remove();
    }
    leptos::mount::mount_to_body(web::page::App);
}
