use reqwest::header::HeaderMap;
use reqwest::{Method, StatusCode};
use serde_json::json;
use zava_mcp_server::settings::PublicUrl;

use crate::identity::keys_only;
use crate::support::{SEATTLE, TestServer};

const PAGE: &str = "https://chat.example.com";

fn header<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name).map(|value| value.to_str().expect("text"))
}

/// Responses of every kind and from every route.
#[tokio::test]
async fn every_response_has_security_headers() {
    let server = TestServer::over_shared_database(|settings| {
        settings.http.public_url =
            Some(PublicUrl::parse("https://zava.example.com").expect("a public URL"));
        settings.http.allowed_origins = vec![PAGE.to_owned()];
    })
    .await;
    let get = |path: &str| server.client.get(server.url(path));
    let ping = json!({"jsonrpc": "2.0", "id": 1, "method": "ping"});
    let requests = [
        (
            200,
            server.post().header("x-rls-user-id", SEATTLE).json(&ping),
        ),
        (400, server.post().json(&ping)),
        (
            403,
            server
                .post()
                .header("x-rls-user-id", SEATTLE)
                .header("host", "evil.example.com")
                .json(&ping),
        ),
        (
            400,
            server.post().header("x-rls-user-id", SEATTLE).body("{"),
        ),
        (
            413,
            server
                .post()
                .header("x-rls-user-id", SEATTLE)
                .body("x".repeat(2 << 20)),
        ),
        (405, get("/mcp")),
        (404, get("/nothing")),
        (404, get("/.well-known/oauth-protected-resource")),
        (200, get("/health/live")),
        (200, get("/health/ready")),
        (400, get("/health/details")),
        (
            200,
            server.client.request(Method::OPTIONS, server.url("/mcp")),
        ),
    ];
    for (status, request) in requests {
        let response = request.send().await.expect("an answer");
        assert_eq!(response.status(), status, "{}", response.url());
        let headers = response.headers();
        let what = format!("{status} {}", response.url());
        assert_eq!(header(headers, "cache-control"), Some("no-store"), "{what}");
        assert_eq!(
            header(headers, "x-content-type-options"),
            Some("nosniff"),
            "{what}"
        );
        assert_eq!(
            header(headers, "referrer-policy"),
            Some("no-referrer"),
            "{what}"
        );
        assert_eq!(
            header(headers, "cross-origin-resource-policy"),
            Some("same-origin"),
            "{what}"
        );
        let policy = header(headers, "content-security-policy");
        assert_eq!(
            policy,
            Some("default-src 'none'; frame-ancestors 'none'"),
            "{what}"
        );
        let transport = header(headers, "strict-transport-security");
        assert_eq!(transport, Some("max-age=31536000"), "{what}");
        assert_eq!(header(headers, "server"), None, "{what}");
    }
    let plain = TestServer::shared();
    let response = plain
        .client
        .get(plain.url("/health/live"))
        .send()
        .await
        .expect("an answer");
    assert_eq!(
        header(response.headers(), "strict-transport-security"),
        None
    );
}

/// CORS: the preflight request, and the response headers that a page may read.
#[tokio::test]
async fn cors_allows_only_configured_origins() {
    let server = TestServer::over_shared_database(|settings| {
        settings.http.allowed_origins = vec![PAGE.to_owned()];
        keys_only(settings);
    })
    .await;
    let closed = TestServer::shared();
    let preflight = async |server: &TestServer, origin: &str| {
        let request = server
            .client
            .request(Method::OPTIONS, server.url("/mcp"))
            .header("origin", origin)
            .header("access-control-request-method", "POST")
            .header(
                "access-control-request-headers",
                "authorization,content-type,mcp-protocol-version",
            );
        request.send().await.expect("an answer")
    };
    let allowed = preflight(&server, PAGE).await;
    assert_eq!(allowed.status(), StatusCode::OK);
    assert_eq!(
        header(allowed.headers(), "access-control-allow-origin"),
        Some(PAGE)
    );
    let names = header(allowed.headers(), "access-control-allow-headers").expect("names");
    for name in [
        "authorization",
        "content-type",
        "mcp-protocol-version",
        "x-rls-user-id",
    ] {
        assert!(names.contains(name), "{names}");
    }
    assert_eq!(
        header(allowed.headers(), "access-control-allow-credentials"),
        None
    );
    let others = [
        "https://evil.example.com",
        "http://chat.example.com",
        "https://chat.example.com:444",
        "null",
        "http://localhost:3000",
    ];
    for origin in others {
        let refused = preflight(&server, origin).await;
        assert_eq!(
            header(refused.headers(), "access-control-allow-origin"),
            None,
            "{origin}"
        );
    }
    let refused = preflight(&closed, PAGE).await;
    assert_eq!(
        header(refused.headers(), "access-control-allow-origin"),
        None
    );

    // A page can read from a 401 where to sign in.
    let ping = json!({"jsonrpc": "2.0", "id": 1, "method": "ping"});
    let response = server
        .post()
        .header("origin", PAGE)
        .json(&ping)
        .send()
        .await
        .expect("an answer");
    assert_eq!(response.status(), StatusCode::UNAUTHORIZED);
    assert_eq!(
        header(response.headers(), "access-control-allow-origin"),
        Some(PAGE)
    );
    let exposed = header(response.headers(), "access-control-expose-headers").expect("names");
    assert!(
        exposed.contains("www-authenticate")
            && exposed.contains("ratelimit")
            && exposed.contains("mcp-session-id"),
        "{exposed}"
    );

    // Authenticated requests of other origins are rejected too.
    let open = TestServer::over_shared_database(|settings| {
        settings.http.allowed_origins = vec![PAGE.to_owned()]
    })
    .await;
    for (server, origin, status) in [
        (&closed, PAGE, StatusCode::FORBIDDEN),
        (&closed, "http://localhost:3000", StatusCode::OK),
        (&open, PAGE, StatusCode::OK),
        (
            &open,
            "https://chat.example.com:8443",
            StatusCode::FORBIDDEN,
        ),
        (&open, "http://chat.example.com", StatusCode::FORBIDDEN),
    ] {
        let request = server
            .post()
            .header("x-rls-user-id", SEATTLE)
            .header("origin", origin);
        let response = request.json(&ping).send().await.expect("an answer");
        assert_eq!(response.status(), status, "{origin}");
    }
}
