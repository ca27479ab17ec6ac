//! The line icons, drawn for a 24 x 24 box.

use leptos::prelude::*;

/// The picture that an icon shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Icon {
    Open,
    Help,
    Close,
    Fit,
    Camera,
    Folder,
    Next,
    Eye,
    EyeOff,
    Isolate,
    Rename,
    Download,
    Share,
    Undo,
    Redo,
    Chevron,
    Search,
    Cube,
    Trash,
    Copy,
    Picture,
    Sun,
    Moon,
    HalfDark,
    Sliders,
    Save,
    Plus,
    Merge,
    Similar,
    Clock,
    Split,
    Lock,
    Unlock,
    Lasso,
    Ruler,
    Point,
    Minus,
    Grow,
    Shrink,
    Link,
    Cut,
    Fill,
}

impl Icon {
    fn path(self) -> &'static str {
        match self {
            Self::Open => {
                "M3 18V6.5A1.5 1.5 0 0 1 4.5 5h4.6l2 2.4h8.4A1.5 1.5 0 0 1 21 8.9V18a1.5 1.5 0 0 1-1.5 1.5h-15A1.5 1.5 0 0 1 3 18z"
            }
            Self::Help => {
                "M9 9.2a3 3 0 1 1 4.3 2.7c-.9.5-1.3 1-1.3 2.1M12 17.4v.2M12 21a9 9 0 1 0 0-18 9 9 0 0 0 0 18z"
            }
            Self::Close => "M6 6l12 12M18 6L6 18",
            Self::Fit => {
                "M4 9V5a1 1 0 0 1 1-1h4M15 4h4a1 1 0 0 1 1 1v4M20 15v4a1 1 0 0 1-1 1h-4M9 20H5a1 1 0 0 1-1-1v-4"
            }
            Self::Camera => {
                "M3 8.500A1.500 1.500 0 0 1 4.500 7h3L9 4.500h6L16.500 7h3A1.500 1.500 0 0 1 21 8.500v9a1.500 1.500 0 0 1-1.500 1.500h-15A1.500 1.500 0 0 1 3 17.500zM12 16a3.500 3.500 0 1 0 0-7 3.500 3.500 0 0 0 0 7z"
            }
            Self::Folder => {
                "M3 18V6.500A1.500 1.500 0 0 1 4.500 5h4.600l2 2.400h8.400A1.500 1.500 0 0 1 21 8.900V18a1.500 1.500 0 0 1-1.500 1.500h-15A1.500 1.500 0 0 1 3 18zM8 13.500h8M12 10v7"
            }
            Self::Next => "M10 7l5 5-5 5",
            Self::Eye => {
                "M2.5 12S6 5.5 12 5.5 21.5 12 21.5 12 18 18.5 12 18.5 2.5 12 2.5 12zM12 15a3 3 0 1 0 0-6 3 3 0 0 0 0 6z"
            }
            Self::EyeOff => {
                "M4 4l16 16M9.5 5.9A9 9 0 0 1 12 5.5c6 0 9.5 6.5 9.5 6.5a17 17 0 0 1-2.9 3.6M6.2 7.5A16 16 0 0 0 2.5 12S6 18.5 12 18.5a9.300 9.300 0 0 0 4.200-1"
            }
            Self::Isolate => "M12 3v3M12 18v3M3 12h3M18 12h3M12 16a4 4 0 1 0 0-8 4 4 0 0 0 0 8z",
            Self::Rename => "M4 20h4L19 9l-4-4L4 16v4zM13 7l4 4",
            Self::Download => "M12 4v11M7.500 10.500L12 15l4.500-4.500M5 19.500h14",
            Self::Share => {
                "M15 8.500L9 11.500M9 13l6 3M18 9.500a2.500 2.500 0 1 0 0-5 2.500 2.500 0 0 0 0 5zM6 14.500a2.500 2.500 0 1 0 0-5 2.500 2.500 0 0 0 0 5zM18 20a2.500 2.500 0 1 0 0-5 2.500 2.500 0 0 0 0 5z"
            }
            Self::Picture => "M4 5h16v14H4zM4 16l5-5 4 4 3-3 4 4M15.500 9.300v.200",
            Self::Undo => "M9 7L4.500 11.500 9 16M5 11.500h9a5 5 0 0 1 0 10h-2",
            Self::Redo => "M15 7l4.500 4.500L15 16M19 11.500h-9a5 5 0 0 0 0 10h2",
            Self::Chevron => "M7 10l5 5 5-5",
            Self::Search => {
                "M10.500 17a6.500 6.500 0 1 0 0-13 6.500 6.500 0 0 0 0 13zM15.500 15.500L20 20"
            }
            Self::Cube => "M12 3l8 4.500v9L12 21l-8-4.500v-9L12 3zM4 7.500l8 4.500 8-4.500M12 12v9",
            Self::Trash => {
                "M4.500 7h15M9.500 7V4.500h5V7M6.500 7l1 13h9l1-13M10 11v5.500M14 11v5.500"
            }
            Self::Copy => "M9 9h10v11H9zM5 15V4h10",
            Self::Sun => {
                "M12 16a4 4 0 1 0 0-8 4 4 0 0 0 0 8zM12 3v2M12 19v2M3 12h2M19 12h2M5.600 5.600L7 7M17 17l1.400 1.400M18.400 5.600L17 7M7 17l-1.400 1.400"
            }
            Self::Sliders => "M4 7h9M19 7h1M4 17h1M11 17h9M16 4.500v5M8 14.500v5M13 7h3M5 17h3",
            Self::Save => "M5 4h11l3 3v13H5zM8 4v5h7V4M8 20v-6h8v6",
            Self::Plus => "M12 5v14M5 12h14",
            Self::Merge => {
                "M5 4v3a5 5 0 0 0 5 5h9M5 20v-3a5 5 0 0 1 5-5M15.500 8.500L19 12l-3.500 3.500"
            }
            Self::Split => {
                "M4 12h6a5 5 0 0 0 5-5V4M10 12a5 5 0 0 1 5 5v3M12 6.500L15 3.500l3 3M12 17.500l3 3 3-3"
            }
            Self::Similar => {
                "M9 15a5 5 0 1 0 0-10 5 5 0 0 0 0 10zM15 19a5 5 0 1 0 0-10 5 5 0 0 0 0 10z"
            }
            Self::Clock => "M12 21a9 9 0 1 0 0-18 9 9 0 0 0 0 18zM12 7v5l3.500 2",
            Self::Lock => "M6 11h12v9H6zM8.500 11V8a3.500 3.500 0 0 1 7 0v3",
            Self::Unlock => "M6 11h12v9H6zM8.500 11V7a3.500 3.500 0 0 1 6.800-1.200",
            Self::Lasso => {
                "M7 14.500C4.500 13.500 3 12 3 10c0-3.600 4-6 9-6s9 2.400 9 6-4 6-9 6c-1 0-1.900-.1-2.800-.3M9.200 15.700a2 2 0 1 1-2.200-1.200M7.500 18c.5 1.500 0 2.500-1.500 3.500"
            }
            Self::Point => "M5 4l5.500 14 2-5.700 5.700-2zM18 15v6M15 18h6",
            Self::Minus => "M5 12h14",
            Self::Grow => "M14 4h6v6M20 4l-7 7M10 20H4v-6M4 20l7-7",
            Self::Shrink => "M20 10h-6V4M14 10l7-7M4 14h6v6M10 14l-7 7",
            Self::Link => {
                "M10 14a4 4 0 0 0 5.700 0l3.100-3.100a4 4 0 0 0-5.700-5.700L12 6.300M14 10a4 4 0 0 0-5.700 0l-3.100 3.100a4 4 0 0 0 5.700 5.700L12 17.700"
            }
            Self::Cut => {
                "M3.500 12h3M10.500 12h3M17.500 12h3M6 8.500V5h12v3.500M6 15.500V19h12v-3.500"
            }
            Self::Fill => "M10 4l8.500 8.500-7.500 7.500L3.500 12.500zM4 13h14M21 16.500v3",
            Self::Ruler => "M15.500 3.500l5 5-12 12-5-5zM7 12l2 2M10 9l1.500 1.500M13 6l2 2",
            Self::Moon => "M20 14.500A8 8 0 1 1 9.500 4a6.500 6.500 0 0 0 10.500 10.500z",
            Self::HalfDark => {
                "M12 21a9 9 0 1 0 0-18 9 9 0 0 0 0 18zM12 3v18M12 8h5M12 12h8M12 16h5"
            }
        }
    }
}

/// A decorative icon, hidden from screen readers; the control around it carries the label.
#[component]
pub fn Glyph(
    /// The picture to show.
    icon: Icon,
) -> impl IntoView {
    view! {
        <svg class="icon" viewBox="0 0 24 24" aria-hidden="true">
            <path d=icon.path() />
        </svg>
    }
}
