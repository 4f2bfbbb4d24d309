use super::*;

const DIRECTORY: &str = "72f988bf-86f1-41af-91ab-2d7cd011db47";

/// What would let in whoever comes, or nobody, is said before the server starts.
#[test]
fn unsafe_ways_to_prove_who_calls_are_refused() {
    let entra = [
        ("ZAVA_AUTH", "entra"),
        ("ZAVA_ENTRA_TENANT_ID", DIRECTORY),
        ("ZAVA_ENTRA_AUDIENCE", "api://zava"),
    ];
    for (extra, variable, what) in [
        (
            &[("ZAVA_AUTH", "basic")][..],
            "ZAVA_AUTH",
            "something else than",
        ),
        (
            &[("ZAVA_AUTH", "entra,")],
            "ZAVA_AUTH",
            "something else than",
        ),
        (
            &[("ZAVA_AUTH", "header,entra")],
            "ZAVA_AUTH",
            "stands alone",
        ),
        (
            &[("ZAVA_LISTEN", "0.0.0.0:8000")],
            "ZAVA_AUTH",
            "whoever reaches",
        ),
        (
            &[("ZAVA_LISTEN", "[::]:8000")],
            "ZAVA_AUTH",
            "whoever reaches",
        ),
        (
            &[
                ("FUNCTIONS_CUSTOMHANDLER_PORT", "4000"),
                ("ZAVA_AUTH", "header"),
            ],
            "ZAVA_AUTH",
            "whoever reaches",
        ),
        (
            &[("CONTAINER_APP_NAME", "zava"), ("ZAVA_AUTH", "header")],
            "ZAVA_AUTH",
            "whoever reaches",
        ),
        // Where Azure hosts the server, tokens are the default.
        (
            &[("CONTAINER_APP_NAME", "zava")],
            "ZAVA_ENTRA_TENANT_ID",
            "is not set",
        ),
        (
            &[("ZAVA_ALLOWED_ORIGINS", "http://chat.example.com")],
            "ZAVA_ALLOWED_ORIGINS",
            "origins over https",
        ),
        (
            &[("ZAVA_ALLOWED_ORIGINS", "https://chat.example.com/")],
            "ZAVA_ALLOWED_ORIGINS",
            "origins over https",
        ),
        (
            &[("ZAVA_ALLOWED_ORIGINS", "*")],
            "ZAVA_ALLOWED_ORIGINS",
            "origins over https",
        ),
        (
            &[("ZAVA_TRUSTED_PROXY", "10.0.0.0/33")],
            "ZAVA_TRUSTED_PROXY",
            "addresses and networks",
        ),
        (
            &[("ZAVA_TRUSTED_PROXY", "10.0.0.1,::/0")],
            "ZAVA_TRUSTED_PROXY",
            "most of the addresses",
        ),
        (
            &[
                ("FUNCTIONS_CUSTOMHANDLER_PORT", "4000"),
                ("ZAVA_AUTH", "header"),
                ("ZAVA_TRUSTED_PROXY", "127.0.0.0/8"),
            ],
            "ZAVA_TRUSTED_PROXY",
            "this machine",
        ),
        (
            &[entra[0], entra[1], entra[2], ("WEBSITE_SITE_NAME", "zava")],
            "ZAVA_PUBLIC_URL",
            "is not set",
        ),
        (
            &[("ZAVA_PUBLIC_URL", "https://zava.example.com/a//b")],
            "ZAVA_PUBLIC_URL",
            "a path of other characters",
        ),
        (
            &[("ZAVA_PUBLIC_URL", "https://zava.example.com/{x}")],
            "ZAVA_PUBLIC_URL",
            "a path of other characters",
        ),
        (
            &[("ZAVA_PUBLIC_URL", "https://zava.example.com/zava/mcp/")],
            "ZAVA_PUBLIC_URL",
            "leave that out",
        ),
        (
            &[entra[0], entra[1], entra[2], ("ZAVA_ENTRA_PROXY", "on")],
            "ZAVA_ENTRA_PROXY",
            "neither none nor environment",
        ),
        (
            &[
                entra[0],
                entra[1],
                entra[2],
                ("ZAVA_ENTRA_PROXY", "environment"),
            ],
            "ZAVA_ENTRA_PROXY",
            "HTTPS_PROXY is not set",
        ),
        (
            &[
                entra[0],
                entra[1],
                entra[2],
                ("ZAVA_ENTRA_PROXY", "environment"),
                ("HTTPS_PROXY", "socks5://hunter2-proxy"),
            ],
            "ZAVA_ENTRA_PROXY",
            "no URL of a proxy",
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
            "else than UUIDs",
        ),
        (
            &[("ZAVA_ENTRA_AUDIENCE", "a,,b")],
            "ZAVA_ENTRA_AUDIENCE",
            "empty audience",
        ),
        (
            &[("ZAVA_ENTRA_AUTHORITY", "http://login.example.com")],
            "ZAVA_ENTRA_AUTHORITY",
            "not https",
        ),
        (
            &[("ZAVA_ENTRA_AUTHORITY", "https://u:p@login.example.com")],
            "ZAVA_ENTRA_AUTHORITY",
            "more than",
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
            "not https",
        ),
    ] {
        refused(extra, variable, what);
    }
}

#[test]
fn each_way_to_prove_who_calls_is_read() {
    let auth = |extra: &[(&str, &str)]| {
        ServeSettings::from_environment(&with(extra))
            .expect("the settings are good")
            .auth
    };
    assert_eq!(auth(&[]), AuthSettings::Header(TrustedPeers::ThisMachine));
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
            gateways.include(peer.parse().expect(peer)),
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
    let expected = ProofSettings {
        entra: Some(EntraSettings {
            authority: "https://login.microsoftonline.us".to_owned(),
            directories: directories.clone(),
            audiences: vec![
                "11111111-2222-3333-4444-555555555555".to_owned(),
                "https://zava.example.com/mcp".to_owned(),
            ],
            proxy: None,
        }),
        easyauth: Some(directories),
        api_keys: true,
    };
    assert_eq!(all, AuthSettings::Proof(expected));
}

/// On a hosting platform its front end connects, unless the settings name proxies.
#[test]
fn the_platforms_front_end_is_trusted_for_addresses_alone() {
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
            ServeSettings::from_environment(&with(&all)).expect("the settings are good")
        };
        let derived = read(&[]);
        assert!(derived.is_behind_platform, "{platform:?}");
        // Nobody is believed what a tenant header says.
        assert_eq!(derived.trusted_proxies, []);
        let named = read(&[("ZAVA_TRUSTED_PROXY", "10.0.0.0/8")]);
        assert!(!named.is_behind_platform, "{platform:?}");
    }
    let elsewhere = ServeSettings::from_environment(&with(&KEYS)).expect("the settings are good");
    assert!(!elsewhere.is_behind_platform);
}

#[test]
fn the_public_url_may_have_a_path() {
    let url = |text: &str| {
        let settings = ServeSettings::from_environment(&with(&[("ZAVA_PUBLIC_URL", text)]));
        let url = settings.expect("the settings are good").public_url;
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
fn a_proxy_is_used_where_a_setting_says_so() {
    let proxy = |extra: &[(&str, &str)]| {
        let entra = [
            ("ZAVA_AUTH", "entra"),
            ("ZAVA_ENTRA_TENANT_ID", DIRECTORY),
            (
                "ZAVA_ENTRA_AUDIENCE",
                "11111111-2222-3333-4444-555555555555",
            ),
        ];
        let all = [&entra, extra].concat();
        let settings = ServeSettings::from_environment(&with(&all)).expect("the settings are good");
        let AuthSettings::Proof(proof) = settings.auth else {
            panic!("{:?}", settings.auth);
        };
        proof.entra.expect("Entra's settings").proxy
    };
    let secret = (
        "HTTPS_PROXY",
        "http://me:hunter2-proxy@proxy.example.com:3128",
    );
    assert_eq!(proxy(&[secret]), None);
    assert_eq!(proxy(&[secret, ("ZAVA_ENTRA_PROXY", "none")]), None);
    let on = ("ZAVA_ENTRA_PROXY", "environment");
    let used = proxy(&[secret, on, ("NO_PROXY", "localhost,.internal")]).expect("a proxy");
    assert_eq!(used.url_with_password(), format!("{}/", secret.1));
    assert_eq!(used.no_proxy(), Some("localhost,.internal"));
    assert!(!format!("{used:?}").contains("hunter2"), "{used:?}");
    let plain = proxy(&[on, ("https_proxy", "proxy.example.com:3128")]).expect("a proxy");
    assert_eq!(plain.url_with_password(), "http://proxy.example.com:3128/");
}
