use super::checkout::Checkout;

/// The test itself runs over a server: `tests/it/smoke.rs`.
#[test]
fn a_token_is_sent_to_the_named_server_only() {
    let checkout = Checkout::new();
    for (arguments, words) in [
        (&[][..], "the URL must be https"),
        (&["http://zava.example.com/mcp"], "the URL must be https"),
        (&["https://zava.example.com/"], "the URL must be https"),
        (
            &["--store", "Seattle", "https://zava.example.com/mcp"],
            "--store needs NAME=TENANT-ID",
        ),
        (
            &["https://a.example.com/mcp", "https://b.example.com/mcp"],
            "more than one URL",
        ),
    ] {
        checkout.run("smoke", arguments, &[]).fails(64, words);
    }
    assert_eq!(checkout.commands("az"), Vec::<String>::new());
}
