use super::*;

const DIRECTORY: &str = "72f988bf-86f1-41af-91ab-2d7cd011db47";

/// Settings that would let in everybody, or nobody, are rejected before the server starts.
#[test]
fn unsafe_authentication_settings_are_rejected() {
    let entra = [
        ("ZAVA_AUTH", "entra"),
        ("ZAVA_ENTRA_TENANT_ID", DIRECTORY),
        ("ZAVA_ENTRA_AUDIENCE", "api://zava"),
    ];
    for (extra, variable, message) in [
        (
            &[("ZAVA_AUTH", "basic")][..],
            "ZAVA_AUTH",
            "must be a list of",
        ),
        (&[("ZAVA_AUTH", "entra,")], "ZAVA_AUTH", "must be a list of"),
        (
            &[("ZAVA_AUTH", "header,entra")],
            "ZAVA_AUTH",
            "must not combine",
        ),
        (
            &[("ZAVA_LISTEN", "0.0.0.0:8000")],
            "ZAVA_AUTH",
            "trusts the tenant header of every client",
        ),
        (
            &[("ZAVA_LISTEN", "[::]:8000")],
            "ZAVA_AUTH",
            "trusts the tenant header of every client",
        ),
        (
            &[
                ("FUNCTIONS_CUSTOMHANDLER_PORT", "4000"),
                ("ZAVA_AUTH", "header"),
            ],
            "ZAVA_AUTH",
            "trusts the tenant header of every client",
        ),
        (
            &[("CONTAINER_APP_NAME", "zava"), ("ZAVA_AUTH", "header")],
            "ZAVA_AUTH",
            "trusts the tenant header of every client",
        ),
        // Access tokens are the default if Azure hosts the server.
        (
            &[("CONTAINER_APP_NAME", "zava")],
            "ZAVA_ENTRA_TENANT_ID",
            "is not set",
        ),
        (
            &[("ZAVA_ALLOWED_ORIGINS", "http://chat.example.com")],
            "ZAVA_ALLOWED_ORIGINS",
            "must be https origins",
        ),
        (
            &[("ZAVA_ALLOWED_ORIGINS", "https://chat.example.com/")],
            "ZAVA_ALLOWED_ORIGINS",
            "must be https origins",
        ),
        (
            &[("ZAVA_ALLOWED_ORIGINS", "*")],
            "ZAVA_ALLOWED_ORIGINS",
            "must be https origins",
        ),
        (
            &[("ZAVA_TRUSTED_PROXY", "10.0.0.0/33")],
            "ZAVA_TRUSTED_PROXY",
            "IP addresses and networks",
        ),
        (
            &[("ZAVA_TRUSTED_PROXY", "10.0.0.1,::/0")],
            "ZAVA_TRUSTED_PROXY",
            "covers most of the Internet",
        ),
        (
            &[
                ("FUNCTIONS_CUSTOMHANDLER_PORT", "4000"),
                ("ZAVA_AUTH", "header"),
                ("ZAVA_TRUSTED_PROXY", "127.0.0.0/8"),
            ],
            "ZAVA_TRUSTED_PROXY",
            "a loopback address",
        ),
        (
            &[entra[0], entra[1], entra[2], ("WEBSITE_SITE_NAME", "zava")],
            "ZAVA_PUBLIC_URL",
            "is not set",
        ),
        (
            &[("ZAVA_PUBLIC_URL", "https://zava.example.com/a//b")],
            "ZAVA_PUBLIC_URL",
            "must have a path of letters",
        ),
        (
            &[("ZAVA_PUBLIC_URL", "https://zava.example.com/{x}")],
            "ZAVA_PUBLIC_URL",
            "must have a path of letters",
        ),
        (
            &[("ZAVA_PUBLIC_URL", "https://zava.example.com/zava/mcp/")],
            "ZAVA_PUBLIC_URL",
            "must not end in /mcp",
        ),
        (
            &[entra[0], entra[1], entra[2], ("ZAVA_HTTPS_PROXY", "on")],
            "ZAVA_HTTPS_PROXY",
            "must be `none` or `environment`",
        ),
        (
            &[
                entra[0],
                entra[1],
                entra[2],
                ("ZAVA_HTTPS_PROXY", "environment"),
            ],
            "ZAVA_HTTPS_PROXY",
            "HTTPS_PROXY is not set",
        ),
        (
            &[
                entra[0],
                entra[1],
                entra[2],
                ("ZAVA_HTTPS_PROXY", "environment"),
                ("HTTPS_PROXY", "socks5://hunter2-proxy"),
            ],
            "ZAVA_HTTPS_PROXY",
            "not the URL of an http or https proxy",
        ),
        (
            &[("ZAVA_AUTH", "entra")],
            "ZAVA_ENTRA_TENANT_ID",
            "is not set",
        ),
        (
            &[("ZAVA_AUTH", "entra")],
            "ZAVA_ENTRA_AUDIENCE",
            "is not set",
        ),
        (
            &[("ZAVA_ENTRA_TENANT_ID", "common")],
            "ZAVA_ENTRA_TENANT_ID",
            "must be UUIDs",
        ),
        (
            &[("ZAVA_ENTRA_AUDIENCE", "a,,b")],
            "ZAVA_ENTRA_AUDIENCE",
            "empty audience",
        ),
        (
            &[("ZAVA_ENTRA_AUTHORITY", "http://login.example.com")],
            "ZAVA_ENTRA_AUTHORITY",
            "must use https",
        ),
        (
            &[("ZAVA_ENTRA_AUTHORITY", "https://u:p@login.example.com")],
            "ZAVA_ENTRA_AUTHORITY",
            "must have only a scheme",
        ),
        (
            &[
                ("ZAVA_AUTH", "easyauth"),
                ("ZAVA_ENTRA_TENANT_ID", DIRECTORY),
            ],
            "ZAVA_AUTH",
            "WEBSITE_AUTH_ENABLED",
        ),
        (
            &[
                ("ZAVA_AUTH", "easyauth"),
                ("WEBSITE_AUTH_ENABLED", "False"),
                ("ZAVA_ENTRA_TENANT_ID", DIRECTORY),
            ],
            "ZAVA_AUTH",
            "WEBSITE_AUTH_ENABLED",
        ),
        (
            &[("ZAVA_AUTH", "easyauth"), ("WEBSITE_AUTH_ENABLED", "True")],
            "ZAVA_ENTRA_TENANT_ID",
            "is not set",
        ),
        (
            &[entra[0], entra[1], entra[2], ("ZAVA_LISTEN", "0.0.0.0:80")],
            "ZAVA_PUBLIC_URL",
            "is not set",
        ),
        (
            &[("ZAVA_PUBLIC_URL", "http://zava.example.com")],
            "ZAVA_PUBLIC_URL",
            "must use https",
        ),
    ] {
        assert_rejected(extra, variable, message);
    }
}

#[test]
fn each_authentication_method_is_read() {
    let auth = |extra: &[(&str, &str)]| {
        ServeSettings::from_environment(&environment_with(extra))
            .expect("valid settings")
            .auth
    };
    assert_eq!(auth(&[]), AuthSettings::Header(TrustedPeers::Loopback));
    let proxied = auth(&[
        ("ZAVA_LISTEN", "0.0.0.0:80"),
        ("ZAVA_PUBLIC_URL", "https://zava.example.com/"),
        ("ZAVA_TRUSTED_PROXY", "10.0.0.0/8, 192.0.2.7,2001:db8::/32"),
    ]);
    let AuthSettings::Header(gateways) = proxied else {
        panic!("{proxied:?}");
    };
    for (peer, is_trusted) in [
        ("10.255.0.1", true),
        ("::ffff:10.0.0.1", true),
        ("192.0.2.7", true),
        ("2001:db8::1", true),
        ("192.0.2.8", false),
        ("127.0.0.1", false),
    ] {
        assert_eq!(
            gateways.contains(peer.parse().expect(peer)),
            is_trusted,
            "{peer}"
        );
    }
    let all = auth(&[
        ("ZAVA_AUTH", "entra, apikey,easyauth"),
        ("ZAVA_ENTRA_TENANT_ID", DIRECTORY),
        (
            "ZAVA_ENTRA_AUDIENCE",
            "11111111-2222-3333-4444-555555555555, https://zava.example.com/mcp",
        ),
        ("ZAVA_ENTRA_AUTHORITY", "https://login.microsoftonline.us/"),
        ("WEBSITE_AUTH_ENABLED", "True"),
    ]);
    let directories = vec![DIRECTORY.parse().expect("a UUID")];
    let expected = CredentialSettings {
        entra: Some(Box::new(EntraSettings {
            authority: "https://login.microsoftonline.us".to_owned(),
            directories: directories.clone(),
            audiences: vec![
                "11111111-2222-3333-4444-555555555555".to_owned(),
                "https://zava.example.com/mcp".to_owned(),
            ],
        })),
        easyauth: Some(directories),
        api_keys: true,
    };
    assert_eq!(all, AuthSettings::Credentials(expected));
}

/// On a hosting platform every peer is its front end, unless ZAVA_TRUSTED_PROXY is set.
#[test]
fn the_platforms_front_end_is_trusted_only_for_client_addresses() {
    const KEYS: [(&str, &str); 2] = [
        ("ZAVA_AUTH", "apikey"),
        ("ZAVA_PUBLIC_URL", "https://zava.example.com"),
    ];
    let platforms = [
        ("FUNCTIONS_CUSTOMHANDLER_PORT", "4000"),
        ("WEBSITE_SITE_NAME", "zava"),
        ("CONTAINER_APP_NAME", "zava"),
    ];
    for platform in platforms {
        let read = |extra: &[(&'static str, &'static str)]| {
            let all = [&KEYS[..], &[platform], extra].concat();
            ServeSettings::from_environment(&environment_with(&all)).expect("valid settings")
        };
        let unset = read(&[]);
        assert!(unset.network.is_behind_platform, "{platform:?}");
        // No peer is trusted to set the tenant header.
        assert_eq!(unset.network.trusted_proxies, []);
        let explicit = read(&[("ZAVA_TRUSTED_PROXY", "10.0.0.0/8")]);
        assert!(!explicit.network.is_behind_platform, "{platform:?}");
    }
    let elsewhere =
        ServeSettings::from_environment(&environment_with(&KEYS)).expect("valid settings");
    assert!(!elsewhere.network.is_behind_platform);
}

/// The Functions host calls its custom handler on 127.0.0.1 and a port of its choice.
#[test]
fn a_functions_handler_listens_where_the_host_calls_it() {
    let on_functions = |extra: &[(&'static str, &'static str)]| {
        let base = [
            ("ZAVA_AUTH", "apikey"),
            ("ZAVA_PUBLIC_URL", "https://zava.example.com"),
        ];
        let all = [&base[..], extra].concat();
        ServeSettings::from_environment(&environment_with(&all))
    };
    let port = ("FUNCTIONS_CUSTOMHANDLER_PORT", "4000");
    for (extra, listen, is_functions_handler) in [
        (&[port][..], "127.0.0.1:4000", true),
        (&[port, ("ZAVA_LISTEN", "")], "127.0.0.1:4000", true),
        (
            &[port, ("ZAVA_LISTEN", "127.0.0.1:4000")],
            "127.0.0.1:4000",
            true,
        ),
        (
            &[("FUNCTIONS_CUSTOMHANDLER_PORT", "")],
            "127.0.0.1:8000",
            false,
        ),
        (&[("WEBSITE_SITE_NAME", "zava")], "127.0.0.1:8000", false),
    ] {
        let network = on_functions(extra).expect("valid settings").network;
        assert_eq!(network.listen.to_string(), listen, "{extra:?}");
        assert_eq!(
            network.is_functions_handler, is_functions_handler,
            "{extra:?}"
        );
    }
    for (extra, variable, message) in [
        (
            &[("FUNCTIONS_CUSTOMHANDLER_PORT", "0")][..],
            "FUNCTIONS_CUSTOMHANDLER_PORT",
            "1 to 65535",
        ),
        (
            &[("FUNCTIONS_CUSTOMHANDLER_PORT", "65536")],
            "FUNCTIONS_CUSTOMHANDLER_PORT",
            "1 to 65535",
        ),
        (
            &[("FUNCTIONS_CUSTOMHANDLER_PORT", "http")],
            "FUNCTIONS_CUSTOMHANDLER_PORT",
            "1 to 65535",
        ),
        (
            &[port, ("ZAVA_LISTEN", "127.0.0.1:4001")],
            "ZAVA_LISTEN",
            "the Functions host calls this server",
        ),
        (
            &[port, ("ZAVA_LISTEN", "0.0.0.0:4000")],
            "ZAVA_LISTEN",
            "the Functions host calls this server",
        ),
        (
            &[port, ("ZAVA_LISTEN", "[::1]:4000")],
            "ZAVA_LISTEN",
            "the Functions host calls this server",
        ),
        (
            &[port, ("ZAVA_LISTEN", "4000")],
            "ZAVA_LISTEN",
            "an IP address and a port",
        ),
    ] {
        let error = on_functions(extra).expect_err("rejected");
        let [problem] = &error.problems[..] else {
            panic!("one problem: {error}");
        };
        assert_eq!(problem.variable, variable, "{error}");
        assert!(problem.message.contains(message), "{error}");
    }
}

#[test]
fn the_public_url_may_have_a_path() {
    let url = |text: &str| {
        let settings =
            ServeSettings::from_environment(&environment_with(&[("ZAVA_PUBLIC_URL", text)]));
        let url = settings.expect("valid settings").http.public_url;
        url.expect("a public URL")
    };
    for (text, origin, path, port) in [
        (
            "https://zava.example.com",
            "https://zava.example.com",
            "",
            None,
        ),
        (
            "https://ZAVA.example.com:443/",
            "https://zava.example.com",
            "",
            None,
        ),
        (
            "https://zava.example.com/zava",
            "https://zava.example.com",
            "/zava",
            None,
        ),
        (
            "https://zava.example.com/a/b-1/",
            "https://zava.example.com",
            "/a/b-1",
            None,
        ),
        (
            "https://zava.example.com:8443/a",
            "https://zava.example.com:8443",
            "/a",
            Some(8443),
        ),
        (
            "https://zava.example.com/a/../b",
            "https://zava.example.com",
            "/b",
            None,
        ),
        ("http://[::1]:80/mcp2", "http://[::1]", "/mcp2", None),
    ] {
        let url = url(text);
        assert_eq!(
            (url.origin().as_str(), url.path(), url.port()),
            (origin, path, port),
            "{text}"
        );
    }
}

#[test]
fn the_https_proxy_is_used_only_if_enabled() {
    let proxy = |extra: &[(&str, &str)]| {
        let settings =
            ServeSettings::from_environment(&environment_with(extra)).expect("valid settings");
        settings.https.proxy
    };
    let secret = (
        "HTTPS_PROXY",
        "http://me:hunter2-proxy@proxy.example.com:3128",
    );
    assert_eq!(proxy(&[secret]), None);
    assert_eq!(proxy(&[secret, ("ZAVA_HTTPS_PROXY", "none")]), None);
    let on = ("ZAVA_HTTPS_PROXY", "environment");
    let used = proxy(&[secret, on, ("NO_PROXY", "localhost,.internal")]).expect("a proxy");
    assert_eq!(used.url_with_password(), format!("{}/", secret.1));
    assert_eq!(used.no_proxy(), Some("localhost,.internal"));
    assert!(!format!("{used:?}").contains("hunter2"), "{used:?}");
    let plain = proxy(&[on, ("https_proxy", "proxy.example.com:3128")]).expect("a proxy");
    assert_eq!(plain.url_with_password(), "http://proxy.example.com:3128/");
}
