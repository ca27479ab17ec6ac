//! Addresses of files: which may be read, and which file those lead to that people copy from their
//! browser.

use web_sys::Url;

/// The address of the file itself, for the hosts that let other pages read files.
pub fn of_file(url: &str) -> String {
    let Some((host, path)) = url
        .strip_prefix("https://")
        .and_then(|rest| rest.split_once('/'))
    else {
        return url.to_owned();
    };
    let file = match host.strip_prefix("www.").unwrap_or(host) {
        "github.com" => github(path),
        "huggingface.co" => path
            .contains("/blob/")
            .then(|| format!("huggingface.co/{}", path.replacen("/blob/", "/resolve/", 1))),
        "dropbox.com" => Some(format!(
            "dl.dropboxusercontent.com/{}",
            path.replacen("dl=0", "dl=1", 1)
        )),
        _ => None,
    };
    file.map_or_else(|| url.to_owned(), |file| format!("https://{file}"))
}

/// `owner/repository/blob/branch/path` of a page is `owner/repository/branch/path` of the file.
fn github(path: &str) -> Option<String> {
    let mut parts = path.splitn(4, '/');
    let (owner, repository) = (parts.next()?, parts.next()?);
    let is_page = ["blob", "raw"].contains(&parts.next()?);
    let file = parts.next().filter(|file| !file.is_empty())?;
    is_page.then(|| format!("raw.githubusercontent.com/{owner}/{repository}/{file}"))
}

/// `true` for addresses that may be read: those of https, on this machine, and on the server of the
/// page, whose `origin` is given. What an address begins with does not say where it leads.
pub fn may_be_read(url: &str, origin: &str) -> bool {
    let Ok(url) = Url::new(url) else {
        return false;
    };
    match url.protocol().as_str() {
        "https:" => true,
        "http:" => {
            let host = url.hostname();
            ["127.0.0.1", "localhost", "[::1]"].contains(&host.as_str()) || url.origin() == origin
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use wasm_bindgen_test::wasm_bindgen_test;

    use super::*;

    #[wasm_bindgen_test]
    fn addresses_are_judged_by_the_host_that_they_lead_to() {
        let origin = "http://192.168.1.2:8080";
        for read in [
            "https://example.org/room.ply",
            "http://127.0.0.1/room.ply",
            "http://127.0.0.1:8080/room.ply",
            "http://localhost:1/room.ply",
            "http://[::1]:1/room.ply",
            "http://192.168.1.2:8080/room.ply",
        ] {
            assert!(may_be_read(read, origin), "{read}");
        }
        for refused in [
            "http://127.0.0.1:80@example.org/room.ply",
            "http://localhost:x@example.org:80/room.ply",
            "http://localhost:80@example.org",
            "http://localhost.example.org/room.ply",
            "http://127.0.0.1.example.org/room.ply",
            "http://example.org/room.ply",
            "http://192.168.1.2:8080@example.org/room.ply",
            "http://192.168.1.2/room.ply",
            "ftp://localhost/room.ply",
            "file:///room.ply",
            "blob:http://192.168.1.2:8080/0",
            "data:text/plain,0",
            "room.ply",
            "",
        ] {
            assert!(!may_be_read(refused, origin), "{refused}");
        }
    }

    #[wasm_bindgen_test]
    fn pages_about_files_become_the_files() {
        for (page, file) in [
            (
                "https://github.com/o/r/blob/main/scans/room.ply",
                "https://raw.githubusercontent.com/o/r/main/scans/room.ply",
            ),
            (
                "https://github.com/o/r/raw/v1/room.ply",
                "https://raw.githubusercontent.com/o/r/v1/room.ply",
            ),
            (
                "https://huggingface.co/datasets/o/d/blob/main/room.ply",
                "https://huggingface.co/datasets/o/d/resolve/main/room.ply",
            ),
            (
                "https://www.dropbox.com/scl/fi/k/room.ply?rlkey=a&dl=0",
                "https://dl.dropboxusercontent.com/scl/fi/k/room.ply?rlkey=a&dl=1",
            ),
        ] {
            assert_eq!(of_file(page), file);
        }
        for other in [
            "https://github.com/o/r",
            "https://github.com/o/r/blob/",
            "https://github.com/o/r/releases/download/v1/room.ply",
            "https://example.org/blob/room.ply",
            "https://github.com.example.org/o/r/blob/main/room.ply",
            "http://127.0.0.1/room.ply",
        ] {
            assert_eq!(of_file(other), other);
        }
    }
}
