//! Tests of reading the configuration; each has its own folder, and none the process's environment.

use super::*;

/// What comes of this file and these variables.
fn load(toml: &str, variables: &[(&str, &str)]) -> Result<Config, String> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("issuer.toml");
    std::fs::write(&path, toml).unwrap();
    let variables = variables.iter().map(|(name, value)| {
        (
            name.strip_prefix(PREFIX).unwrap().to_owned(),
            (*value).to_owned(),
        )
    });
    Config::read(Some(&path), variables).map_err(|error| error.to_string())
}

#[test]
fn an_empty_file_gives_the_defaults() {
    let config = load("", &[]).unwrap();
    assert_eq!(
        Config {
            base: PathBuf::new(),
            ..config
        },
        Config::default()
    );
}

#[test]
fn an_unknown_key_is_refused_with_its_name_and_the_file() {
    let error = load("[http]\nlisen = \"127.0.0.1:1\"\n", &[]).unwrap_err();
    assert!(
        error.contains("\"http.lisen\"") && error.contains("issuer.toml"),
        "{error}"
    );
    assert!(error.contains("listen"), "{error}");
    let error = load("[htpp]\n", &[]).unwrap_err();
    assert!(
        error.contains("\"htpp\"") && error.contains("issuer.toml"),
        "{error}"
    );
}

#[test]
fn an_unknown_variable_is_refused_with_its_name() {
    let env = [("LOGOUT_ISSUER__HTTP__LISEN", "127.0.0.1:1")];
    let error = load("[http]\nlisten = \"127.0.0.1:1\"\n", &env).unwrap_err();
    assert!(error.contains("LOGOUT_ISSUER__HTTP__LISEN"), "{error}");
    assert!(!error.contains("issuer.toml"), "{error}");
}

#[test]
fn the_environment_wins_over_the_file() {
    let env = [
        ("LOGOUT_ISSUER__SESSION__LIFETIME", "90m"),
        ("LOGOUT_ISSUER__ISSUER", "http://a.localhost/x"),
    ];
    let config = load(
        "[session]\nlifetime = \"1h\"\nidle_lifetime = \"5m\"\n",
        &env,
    )
    .unwrap();
    assert_eq!(config.session.lifetime.as_secs(), 5_400);
    assert_eq!(config.session.idle_lifetime.as_secs(), 300);
    assert_eq!(config.issuer().as_str(), "http://a.localhost/x");
}

#[test]
fn the_limits_of_actions_hold_at_their_numbers_and_one_past_them() {
    for (key, within, beyond) in [
        (
            "time_limit",
            ["\"10ms\"", "\"20s\""],
            ["\"9ms\"", "\"20001ms\""],
        ),
        ("memory_limit_mib", ["4", "512"], ["3", "513"]),
        ("workers", ["1", "64"], ["0", "65"]),
        (
            "patience",
            ["\"0s\"", "\"30s\""],
            ["\"30001ms\"", "\"31s\""],
        ),
    ] {
        let toml = |value: &str| format!("[actions]\n{key} = {value}\n");
        for value in within {
            assert!(load(&toml(value), &[]).is_ok(), "{key} = {value}");
        }
        for value in beyond {
            let error = load(&toml(value), &[]).unwrap_err();
            assert!(error.contains(&format!("actions.{key}")), "{error}");
        }
    }
}

#[test]
fn the_shortest_lives_and_the_longest_leeway_of_refresh_tokens_can_be_set() {
    let toml = "[tokens]\nrefresh_lifetime = \"1s\"\nrefresh_idle_lifetime = \"1s\"\n\
                refresh_leeway = \"1h\"\n";
    let config = load(toml, &[]).unwrap();
    assert_eq!(config.tokens.refresh_leeway.as_secs(), 3_600);
}

#[test]
fn a_value_of_the_wrong_kind_is_refused_with_its_key() {
    for (toml, key) in [
        ("[http]\nlisten = 8080\n", "http.listen"),
        ("[http]\nlisten = \"localhost\"\n", "http.listen"),
        ("[session]\nlifetime = \"soon\"\n", "session.lifetime"),
        ("[session]\nlifetime = \"0s\"\n", "session.lifetime"),
        (
            "[tokens]\nrefresh_lifetime = \"999ms\"\n",
            "tokens.refresh_lifetime",
        ),
        (
            "[tokens]\nrefresh_idle_lifetime = \"0s\"\n",
            "tokens.refresh_idle_lifetime",
        ),
        (
            "[tokens]\nrefresh_leeway = \"3601s\"\n",
            "tokens.refresh_leeway",
        ),
        (
            "[session]\ncookie_mode = \"maybe\"\n",
            "session.cookie_mode",
        ),
        ("issuer = \"ftp://a/\"\n", "issuer"),
        ("[storage]\nurl = \"postgres://db/x\"\n", "storage.url"),
        ("[storage]\nreaders = 0\n", "storage.readers"),
        (
            "[keys]\nsigning_algorithms = []\n",
            "keys.signing_algorithms",
        ),
        (
            "[keys]\nsigning_algorithms = [\"HS256\"]\n",
            "keys.signing_algorithms",
        ),
        (
            "[retention]\ndeliveries = \"59m\"\n",
            "retention.deliveries",
        ),
        ("[retention]\nevents = \"3651d\"\n", "retention.events"),
        ("[metrics]\nlisten = \"127.0.0.1:8080\"\n", "metrics.listen"),
        (
            "[http]\nadmin_listen = \"[::1]:1\"\n[metrics]\nlisten = \"[::1]:1\"\n",
            "metrics.listen",
        ),
        (
            "[http]\nadmin_listen = \"127.0.0.1:8080\"\n",
            "http.admin_listen",
        ),
        (
            "[http]\nhandshake_timeout = \"0s\"\n",
            "http.handshake_timeout",
        ),
        ("[http]\ntls = \"auto\"\n", "self-signed"),
        ("[http]\ntls = { cert = \"a.pem\" }\n", "key"),
        (
            "[http]\ntls = { cert = \"a\", key = \"b\", ca = \"c\" }\n",
            "ca",
        ),
        (
            "[http.rate_limit]\nper_second = 0\n",
            "http.rate_limit.per_second",
        ),
        (
            "[http.rate_limit]\nper_second = 100001\n",
            "http.rate_limit.per_second",
        ),
        (
            "[http.rate_limit]\nburst = 100001\n",
            "http.rate_limit.burst",
        ),
        ("[log]\nfilter = \"=[\"\n", "log.filter"),
        ("[[bootstrap.users]]\nemail = \"a@b.example\"\n", "password"),
        (
            "[[bootstrap.clients]]\nid = \"a\"\ninitiators = [\"rp_logout\"]\n",
            "rp_logout",
        ),
    ] {
        let error = load(toml, &[]).unwrap_err();
        assert!(error.contains(key), "{toml}: {error}");
    }
}

#[test]
fn history_is_kept_from_an_hour_to_ten_years() {
    let kept = "[retention]\ndeliveries = \"1h\"\nevents = \"3650d\"\n";
    assert!(load(kept, &[]).is_ok());
}

#[test]
fn a_secret_is_in_no_message() {
    for toml in [
        "[[bootstrap.users]]\nemail = \"a@b.example\"\npassword = [\"hunter2\"]\n",
        "[[bootstrap.clients]]\nid = \"a\"\nsecret = { hunter2 = 1 }\n",
        "[keys]\nmaster_key = [\"hunter2\"]\n",
    ] {
        let error = load(toml, &[]).unwrap_err();
        assert!(!error.contains("hunter2"), "{error}");
    }
}

#[test]
fn broken_toml_is_told_with_its_place() {
    let error = load("[http]\nlisten = \n", &[]).unwrap_err();
    assert!(
        error.contains("issuer.toml") && error.contains("line 2"),
        "{error}"
    );
}

#[test]
fn a_file_that_is_not_there_is_told() {
    let error = Config::load(Some(Path::new("/nowhere/issuer.toml")))
        .unwrap_err()
        .to_string();
    assert!(error.contains("/nowhere/issuer.toml"), "{error}");
}

#[test]
fn an_address_that_others_reach_needs_an_issuer() {
    let error = load("[http]\nlisten = \"0.0.0.0:8080\"\n", &[]).unwrap_err();
    assert!(
        error.starts_with("issuer:") && error.contains("0.0.0.0:8080"),
        "{error}"
    );
    assert!(
        load(
            "issuer = \"https://id.example/\"\n[http]\nlisten = \"0.0.0.0:8080\"\n",
            &[]
        )
        .is_ok()
    );
}

#[test]
fn a_certificate_goes_with_an_https_issuer() {
    let files = "[http]\ntls = { cert = \"a.pem\", key = \"a.key\" }\n";
    let config = load(files, &[]).unwrap();
    assert_eq!(config.issuer().as_str(), "https://127.0.0.1:8080/");
    let error = load(&format!("issuer = \"http://localhost/\"\n{files}"), &[]).unwrap_err();
    assert!(
        error.starts_with("issuer:") && error.contains("https"),
        "{error}"
    );
    let printed = config.in_force();
    assert!(
        printed.contains("tls = { cert = \"a.pem\", key = \"a.key\" }"),
        "{printed}"
    );
    // A proxy speaks it.
    assert!(load("issuer = \"https://id.example/\"\n", &[]).is_ok());
}

#[test]
fn a_certificate_of_its_own_making_is_for_development() {
    let env = [("LOGOUT_ISSUER__HTTP__TLS", "self-signed")];
    assert!(load("issuer = \"https://id.localhost:8443/\"\n", &env).is_ok());
    for others in [
        "issuer = \"https://id.example/\"\n",
        "issuer = \"https://localhost/\"\n[http]\nlisten = \"0.0.0.0:443\"\n",
        "[http]\nadmin_listen = \"0.0.0.0:8081\"\n",
    ] {
        let error = load(others, &env).unwrap_err();
        assert!(
            error.starts_with("http.tls:") && error.contains("for development"),
            "{error}"
        );
    }
}

#[test]
fn callers_are_held_to_a_limit_where_other_machines_reach_the_api() {
    let public = "issuer = \"https://id.example/\"\n[http]\nlisten = \"0.0.0.0:8080\"\n";
    for (toml, limited) in [
        (String::new(), false),
        (public.to_owned(), true),
        (
            format!("{public}admin_listen = \"127.0.0.1:8081\"\n"),
            false,
        ),
        ("[http]\nadmin_listen = \"0.0.0.0:8081\"\n".to_owned(), true),
        ("[http.rate_limit]\nenabled = true\n".to_owned(), true),
        (
            format!("{public}[http.rate_limit]\nenabled = false\n"),
            false,
        ),
    ] {
        let config = load(&toml, &[]).unwrap();
        assert_eq!(
            config.http_settings().rate_limit.is_some(),
            limited,
            "{toml}"
        );
    }
    let most = "[http.rate_limit]\nenabled = true\nper_second = 100000\nburst = 1\n";
    let limit = load(most, &[]).unwrap().http_settings().rate_limit.unwrap();
    assert_eq!((limit.per_second.get(), limit.burst.get()), (100_000, 1));
}

#[test]
fn secrets_come_from_the_text_the_environment_or_a_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("issuer.toml");
    std::fs::write(folder.path().join("shop.secret"), "from-file\n").unwrap();
    let sources = [
        "\"inline\"",
        // Set by cargo for every test.
        "{ env = \"CARGO_PKG_NAME\" }",
        "{ file = \"shop.secret\" }",
        "{ env = \"NOT_SET\" }",
        "{ file = \"missing\" }",
        "\"\"",
    ];
    let client = |source| format!("[[bootstrap.clients]]\nid = \"a\"\nsecret = {source}\n");
    let toml: Vec<_> = sources.iter().map(client).collect();
    std::fs::write(&path, toml.concat()).unwrap();
    let config = Config::read(Some(&path), std::iter::empty()).unwrap();
    let clients = config.bootstrap.clients.iter();
    let read: Vec<Result<String, String>> = clients
        .map(|client| client.secret.as_ref().unwrap().read("the secret", &config))
        .map(|read| {
            read.map(|secret| secret.expose().clone())
                .map_err(|e| e.to_string())
        })
        .collect();
    assert_eq!(read[0].as_deref(), Ok("inline"));
    assert_eq!(read[1].as_deref(), Ok("logout-issuer"));
    assert_eq!(read[2].as_deref(), Ok("from-file"));
    for (index, part) in [(3, "NOT_SET"), (4, "missing"), (5, "empty")] {
        assert!(
            read[index].as_ref().unwrap_err().contains(part),
            "{:?}",
            read[index]
        );
    }
}
