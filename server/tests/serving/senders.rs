//! Who sends, as the server knows it: behind proxies that it trusts, and behind others.

use reqwest::StatusCode;
use serde_json::{Value, json};
use server::{Proxies, UPLOAD_BURST};

use crate::{PART, Server, picture, scene, text};

/// A server that trusts a proxy on this machine.
async fn behind_proxy() -> Server {
    Server::start_with(|config| config.proxies = Proxies::new(&["127.0.0.1/32".parse().unwrap()]))
        .await
}

/// Asks for an upload, and cancels it if it begins. `headers` are what a proxy adds.
async fn begins(server: &Server, headers: &[(&str, String)]) -> bool {
    let request = server.client.post(server.url("/api/uploads"));
    let request = headers.iter().fold(request, |request, (name, value)| {
        request.header(*name, value)
    });
    let answer = request.json(&json!({ "bytes": 1 })).send().await.unwrap();
    if answer.status() != StatusCode::CREATED {
        assert_eq!(answer.status(), StatusCode::TOO_MANY_REQUESTS);
        return false;
    }
    let begun: Value = answer.json().await.unwrap();
    let path = format!("/api/uploads/{}", text(&begun, "upload"));
    server
        .client
        .delete(server.url(&path))
        .send()
        .await
        .unwrap();
    true
}

/// The number of uploads that may begin, if these headers come with them.
async fn begun(server: &Server, headers: impl Fn(u32) -> Vec<(&'static str, String)>) -> u32 {
    let mut begun = 0;
    for number in 0..3 * UPLOAD_BURST {
        begun += u32::from(begins(server, &headers(number)).await);
    }
    begun
}

#[tokio::test]
async fn everybody_behind_a_trusted_proxy_counts_alone() {
    let all = 3 * UPLOAD_BURST;
    type Spelling = (&'static str, fn(u32) -> String, u32);
    let spellings: [Spelling; 7] = [
        ("x-forwarded-for", |n| format!("1.2.{n}.4"), all),
        (
            "x-forwarded-for",
            |n| format!("6.6.6.6, 1.3.{n}.4:4711"),
            all,
        ),
        (
            "x-forwarded-for",
            |n| format!("[2001:db8:{n}::1]:4711"),
            all,
        ),
        (
            "forwarded",
            |n| format!("for=6.6.6.6, for=\"1.4.{n}.4:80\";proto=https"),
            all,
        ),
        ("forwarded", |n| format!("For=\"[2001:db9:{n}::1]\""), all),
        ("x-real-ip", |n| format!("1.5.{n}.4"), all),
        // What is before the address that the proxy wrote, anybody may have written.
        (
            "x-forwarded-for",
            |n| format!("1.2.{n}.4, 9.9.9.9"),
            UPLOAD_BURST,
        ),
    ];
    for (name, value, expected) in spellings {
        let server = behind_proxy().await;
        let count = begun(&server, |number| vec![(name, value(number))]).await;
        assert_eq!(count, expected, "{name}: {}", value(7));
    }
    let server = behind_proxy().await;
    let both = |n| {
        vec![
            ("x-forwarded-for", format!("1.2.{n}.4")),
            ("forwarded", "for=1.1.1.1".into()),
        ]
    };
    assert_eq!(
        begun(&server, both).await,
        UPLOAD_BURST,
        "one of them is forged"
    );
}

#[tokio::test]
async fn strangers_do_not_choose_who_they_are() {
    type Forged = fn(u32) -> Vec<(&'static str, String)>;
    let forged: [Forged; 4] = [
        |n| vec![("x-forwarded-for", format!("1.2.{n}.4"))],
        |n| vec![("forwarded", format!("for=1.2.{n}.4"))],
        |n| vec![("x-real-ip", format!("1.2.{n}.4"))],
        |n| {
            let [one, other] = [format!("1.2.{n}.4"), format!("for=1.2.{n}.4")];
            vec![
                ("x-real-ip", one.clone()),
                ("x-forwarded-for", one),
                ("forwarded", other),
            ]
        },
    ];
    for forged in forged {
        let server = Server::start().await;
        assert_eq!(
            begun(&server, forged).await,
            UPLOAD_BURST,
            "{:?}",
            forged(7)
        );
    }
}

#[tokio::test]
async fn many_networks_of_one_customer_are_worth_a_few() {
    let server = behind_proxy().await;
    let mut begun = 0;
    for network in 0..10 * UPLOAD_BURST {
        let address = format!("2001:db8:1:{network:x}::1");
        begun += u32::from(begins(&server, &[("x-forwarded-for", address)]).await);
    }
    // A budget fills up meanwhile, by little.
    let expected = 8 * UPLOAD_BURST;
    assert!((expected..expected + 9).contains(&begun), "{begun}");
}

#[tokio::test]
async fn only_a_trusted_proxy_says_that_the_page_is_secure() {
    for (server, scheme) in [
        (behind_proxy().await, "https"),
        (Server::start().await, "http"),
    ] {
        let begun = server.begin(json!({ "bytes": scene().len() })).await;
        let begun: Value = begun.json().await.unwrap();
        let upload = text(&begun, "upload");
        let path = format!("/api/uploads/{upload}/picture");
        let request = server
            .client
            .put(server.url(&path))
            .header("content-type", "image/png");
        request.body(picture(1200, 630)).send().await.unwrap();
        for (number, part) in scene().chunks(PART).enumerate() {
            server.put_part(upload, number, part).await;
        }
        assert_eq!(server.complete(upload).await.status(), StatusCode::OK);
        for (header, value) in [("x-forwarded-proto", "https"), ("forwarded", "proto=https")] {
            let request = server.client.get(server.url(text(&begun, "url")));
            let page = request
                .header(header, value)
                .send()
                .await
                .unwrap()
                .text()
                .await
                .unwrap();
            let image = format!("og:image\" content=\"{scheme}://{}/api", server.address);
            assert!(page.contains(&image), "{image} in {page}");
        }
    }
}

#[tokio::test]
async fn what_the_server_counts_is_for_its_operator() {
    let metrics = async |server: &Server, headers: &[(&str, &str)]| {
        let request = server.client.get(server.url("/metrics"));
        let request = headers.iter().fold(request, |request, (name, value)| {
            request.header(*name, *value)
        });
        request.send().await.unwrap().status()
    };
    let forwarded = [("x-forwarded-for", "1.2.3.4")];
    let near = [("x-forwarded-for", "127.0.0.1")];
    let server = Server::start().await;
    assert_eq!(metrics(&server, &[]).await, StatusCode::OK);
    let others = [("forwarded", "for=127.0.0.1"), ("x-real-ip", "127.0.0.1")];
    for headers in [forwarded, near].into_iter().chain(others.map(|one| [one])) {
        assert_eq!(
            metrics(&server, &headers).await,
            StatusCode::FORBIDDEN,
            "{headers:?}"
        );
    }
    let server = behind_proxy().await;
    assert_eq!(metrics(&server, &[]).await, StatusCode::OK);
    assert_eq!(metrics(&server, &near).await, StatusCode::OK);
    assert_eq!(metrics(&server, &forwarded).await, StatusCode::FORBIDDEN);
    let server = Server::start_with(|config| config.public_metrics = true).await;
    assert_eq!(metrics(&server, &forwarded).await, StatusCode::OK);
}
