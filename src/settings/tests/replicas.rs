use super::*;

fn replicas(extra: &[(&str, &str)]) -> ReplicaSettings {
    ServeSettings::from_environment(&environment_with(extra))
        .expect("valid settings")
        .replicas
}

fn hosts(replicas: &ReplicaSettings) -> Vec<(&str, u16)> {
    let addresses = replicas.addresses.iter();
    addresses
        .map(|address| (address.host.as_str(), address.port))
        .collect()
}

#[test]
fn without_read_hosts_there_are_no_replicas() {
    assert!(replicas(&[]).addresses.is_empty());
    assert!(
        replicas(&[("POSTGRES_READ_HOSTS", "")])
            .addresses
            .is_empty()
    );
}

#[test]
fn read_hosts_have_the_primarys_port_and_database_unless_they_name_a_port() {
    let replicas = replicas(&[
        ("POSTGRES_DB_HOST", "db.example.com"),
        ("POSTGRES_DB_PORT", "6432"),
        ("POSTGRES_DB", "shop"),
        ("POSTGRES_POOL_MODE", "transaction"),
        (
            "POSTGRES_READ_HOSTS",
            "one.example.com, two.example.com:5433,10.0.0.7,[2001:db8::1],[2001:db8::1]:5433",
        ),
        ("POSTGRES_MAX_REPLICA_LAG", "7"),
    ]);
    assert_eq!(
        hosts(&replicas),
        [
            ("one.example.com", 6432),
            ("two.example.com", 5433),
            ("10.0.0.7", 6432),
            ("2001:db8::1", 6432),
            ("2001:db8::1", 5433),
        ]
    );
    assert_eq!(replicas.max_lag, Duration::from_secs(7));
    for address in &replicas.addresses {
        assert_eq!(address.database, "shop");
        assert_eq!(address.pool_mode, PoolMode::Transaction);
        assert_eq!(address.tls, Tls::VerifyFull { root_cert: None });
    }
}

#[test]
fn tls_is_the_default_for_each_read_host_that_is_not_a_loopback_address() {
    let tls = |extra: &[(&'static str, &'static str)]| {
        let hosts = [("POSTGRES_READ_HOSTS", "localhost:5433,db.example.com")];
        let settings: Vec<_> = hosts.iter().chain(extra).copied().collect();
        let replicas = replicas(&settings);
        [0, 1].map(|index| replicas.addresses[index].tls.clone())
    };
    let root_cert = Some("/root.pem".into());
    let (verified, pinned) = (
        Tls::VerifyFull { root_cert: None },
        Tls::VerifyFull { root_cert },
    );
    assert_eq!(tls(&[]), [Tls::Disable, verified.clone()]);
    assert_eq!(
        tls(&[("POSTGRES_SSLROOTCERT", "/root.pem")]),
        [Tls::Disable, pinned]
    );
    assert_eq!(
        tls(&[("POSTGRES_SSLMODE", "disable")]),
        [Tls::Disable, Tls::Disable]
    );
    assert_eq!(
        tls(&[("POSTGRES_SSLMODE", "verify-full")]),
        [verified.clone(), verified]
    );
}

#[test]
fn invalid_read_hosts_are_rejected() {
    for (hosts, message) in [
        ("postgres://one.example.com/zava", "not URLs"),
        ("one.example.com,,two.example.com", "an empty host"),
        ("one.example.com,", "an empty host"),
        ("one.example.com:0", "a port number"),
        ("one.example.com:x", "a port number"),
        ("2001:db8::1", "in brackets"),
        ("[2001:db8::1", "as `[address]`"),
        ("[2001:db8::1]5432", "as `[address]`"),
        ("[one.example.com]", "as `[address]`"),
        ("/run/postgresql", "not a path"),
        ("one example", "a host name"),
        ("one.example.com,ONE.example.com:5432", "a host twice"),
        ("127.0.0.1:5433,127.0.0.1:5433", "a host twice"),
        ("one.example.com,localhost", "contains the primary"),
        ("LOCALHOST:5432", "contains the primary"),
    ] {
        assert_rejected(
            &[("POSTGRES_READ_HOSTS", hosts)],
            "POSTGRES_READ_HOSTS",
            message,
        );
    }
    let many: Vec<String> = (0..17).map(|host| format!("r{host}.example.com")).collect();
    assert_rejected(
        &[("POSTGRES_READ_HOSTS", &many.join(","))],
        "POSTGRES_READ_HOSTS",
        "more than 16",
    );
    for lag in ["0", "3601", "1.5", "5s"] {
        assert_rejected(
            &[("POSTGRES_MAX_REPLICA_LAG", lag)],
            "POSTGRES_MAX_REPLICA_LAG",
            "from 1 to 3600",
        );
    }
}

#[test]
fn access_tokens_are_sent_to_no_read_host_without_tls() {
    let settings = [
        ("POSTGRES_AUTH", "entra"),
        ("POSTGRES_DB_HOST", "zava.postgres.database.azure.com"),
        ("ZAVA_AZURE_CREDENTIAL", "managed-identity"),
        ("POSTGRES_READ_HOSTS", "localhost:5433"),
    ];
    assert_rejected(&settings, "POSTGRES_READ_HOSTS", "a host without TLS");
}

#[test]
fn problems_of_all_database_settings_are_reported_at_once() {
    let settings = [
        ("POSTGRES_DB_PORT", "0"),
        ("POSTGRES_READ_HOSTS", "a:b"),
        ("POSTGRES_MAX_REPLICA_LAG", "-1"),
    ];
    for (variable, _) in settings {
        assert_rejected(&settings, variable, "must be");
    }
}
