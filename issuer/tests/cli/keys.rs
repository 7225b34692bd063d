//! `keys`: replacing signing keys and the master key beside a running server.

use serde_json::Value;

use crate::program::{Program, until};

fn kid(keys: &Value, state: &str) -> String {
    let mut keys = keys.as_array().unwrap().iter();
    let key = keys.find(|key| key["state"] == state);
    key.unwrap_or_else(|| panic!("no key is {state}"))["kid"]
        .as_str()
        .unwrap()
        .to_owned()
}

#[test]
fn a_rotation_announces_a_key_that_signs_a_day_later() {
    let program = Program::new();
    let current = kid(&program.json(&["keys", "list"]), "current");
    let told = program.ok(&["keys", "rotate"]);
    let keys = program.json(&["keys", "list"]);
    let next = kid(&keys, "next");
    assert!(
        told.contains(&next) && told.contains("signs from"),
        "{told}"
    );
    assert_eq!(kid(&keys, "current"), current);
    program.ok(&["keys", "rotate", "--algorithm", "RS256"]);
    assert_eq!(program.json(&["keys", "list"]), keys, "announced already");
    let table = program.ok(&["keys", "list"]);
    assert!(
        table.contains("SIGNS FROM") && table.contains("next"),
        "{table}"
    );
}

#[test]
fn an_emergency_replaces_the_key_at_once_and_says_what_that_means() {
    let program = Program::new();
    let old = kid(&program.json(&["keys", "list"]), "current");
    let told = program.ok(&["keys", "rotate", "--emergency"]);
    let keys = program.json(&["keys", "list"]);
    assert_eq!(kid(&keys, "retired"), old);
    assert!(
        told.contains(&kid(&keys, "current")) && told.contains("up to an hour"),
        "{told}"
    );
    let table = program.ok(&["keys", "list"]);
    assert!(table.contains("distrusted"), "{table}");
}

#[test]
fn a_running_server_takes_new_keys_over() {
    let program = Program::new();
    let server = program.serve();
    let published = || server.request("GET /.well-known/jwks.json", "");
    let old = kid(&program.json(&["keys", "list"]), "current");
    assert!(published().contains(&old));
    program.ok(&["keys", "rotate", "--emergency"]);
    let new = kid(&program.json(&["keys", "list"]), "current");
    until("taking the new key over", || {
        published().contains(&new).then_some(())
    });
    assert!(!published().contains(&old));
}

#[test]
fn an_algorithm_without_keys_is_wrong_usage() {
    let run = Program::new().run(&["keys", "rotate", "--algorithm", "ES256"]);
    assert_eq!(run.code, 2);
    assert!(
        run.err.contains("keys.signing_algorithms: RS256"),
        "{}",
        run.err
    );
}

#[test]
fn the_master_key_can_be_changed() {
    let program = Program::new();
    program.ok(&[
        "client", "create", "--name", "Shop", "--id", "shop", "--secret", "hunter2",
    ]);
    std::fs::rename(program.path("master.key"), program.path("old.key")).unwrap();
    program.configure("previous_master_key_file = \"old.key\"");
    let told = program.ok(&["keys", "reseal"]);
    assert!(
        told.starts_with("1 signing keys, 1 client secrets and 0 secrets of Actions moved"),
        "{told}"
    );
    assert!(
        program
            .ok(&["keys", "reseal"])
            .starts_with("0 signing keys, 0 client")
    );
    program.configure("");
    std::fs::remove_file(program.path("old.key")).unwrap();
    let shop = program.json(&["client", "show", "shop", "--show-secret"]);
    assert_eq!(shop["client_secret"], "hunter2");
}
