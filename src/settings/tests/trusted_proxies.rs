use super::*;

#[test]
fn a_list_that_covers_most_of_the_internet_is_rejected() {
    for list in [
        "0.0.0.0/0",
        "10.0.0.1,::/0",
        "0.0.0.0/1,128.0.0.0/1",
        "0.0.0.0/2,64.0.0.0/2,128.0.0.0/2,192.0.0.0/3,224.0.0.0/3",
        // Everything but the first /8.
        "1.0.0.0/8,2.0.0.0/7,4.0.0.0/6,8.0.0.0/5,16.0.0.0/4,32.0.0.0/3,64.0.0.0/2,128.0.0.0/1",
        "128.0.0.0/1",
        "::/1,8000::/1",
        "::/1",
        "2000::/3",
        "2000::/4,3000::/4",
        "2000::/4",
        // IPv4-mapped IPv6.
        "::ffff:0:0/96",
        "::ffff:0.0.0.0/97,::ffff:128.0.0.0/97",
        "::fffe:0:0/95",
        "::/64",
    ] {
        assert_rejected(
            &[("ZAVA_TRUSTED_PROXY", list)],
            "ZAVA_TRUSTED_PROXY",
            "covers most of the Internet",
        );
    }
    for list in [
        "10.0.0.0/33",
        "10.0.0.0-10.0.0.9",
        "proxy.example.com",
        "10.0.0.1,,10.0.0.2",
        "10.0.0.1 10.0.0.2",
    ] {
        assert_rejected(
            &[("ZAVA_TRUSTED_PROXY", list)],
            "ZAVA_TRUSTED_PROXY",
            "IP addresses and networks",
        );
    }
}

#[test]
fn private_networks_and_a_providers_ranges_are_accepted() {
    let networks = |list: &str| {
        let settings =
            ServeSettings::from_environment(&environment_with(&[("ZAVA_TRUSTED_PROXY", list)]));
        settings.expect(list).network.trusted_proxies
    };
    for list in [
        "10.0.0.0/8,172.16.0.0/12,192.168.0.0/16,100.64.0.0/10,fc00::/7,fe80::/10,127.0.0.0/8,::1",
        "10.0.0.0/8,11.0.0.0/8",
        "2a06:98c0::/29,2400:cb00::/32,104.16.0.0/13",
    ] {
        assert_eq!(networks(list).len(), list.split(',').count());
    }
    // Peers are compared as IPv4, so IPv4-mapped networks are converted to IPv4.
    assert_eq!(
        networks("::ffff:10.0.0.0/104,::ffff:192.0.2.7"),
        networks("10.0.0.0/8,192.0.2.7")
    );
}
