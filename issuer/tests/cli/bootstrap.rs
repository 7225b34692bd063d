//! `[[bootstrap]]`: made once at the first start, remembered, never resurrected.

use serde_json::json;

use crate::program::{Program, run};

const BOOTSTRAP: &str = "\
[[bootstrap.clients]]
id = \"shop\"
name = \"Shop\"
secret = { file = \"shop.secret\" }
callbacks = [\"https://shop.example/cb\"]
logout_urls = [\"https://shop.example/\"]
backchannel_logout_urls = [\"https://shop.example/bcl\"]
initiators = [\"session-revoked\"]
include_session_metadata = true
management_scopes = [\"all\"]
encryption_alg = \"ECDH-ES\"
encryption_enc = \"A256GCM\"
jwks_uri = \"https://shop.example/jwks\"
[[bootstrap.clients]]
id = \"app\"
[[bootstrap.clients]]
id = \"till\"
private_key_jwt = true
jwks_uri = \"https://till.example/jwks\"
[[bootstrap.users]]
email = \"ada@example.com\"
password = \"first\"
id = \"auth0|ada\"
admin = true
";

fn program() -> Program {
    let program = Program::new();
    program.configure(BOOTSTRAP);
    std::fs::write(program.path("shop.secret"), "s3cret\n").unwrap();
    program
}

#[test]
fn the_first_start_makes_clients_and_users() {
    let program = program();
    assert_eq!(
        program.json(&["client", "list"]),
        json!([]),
        "a command makes nothing"
    );
    drop(program.serve());
    let shop = program.json(&["client", "show", "shop", "--show-secret"]);
    assert_eq!(
        (&shop["name"], &shop["client_secret"]),
        (&json!("Shop"), &json!("s3cret"))
    );
    let wanted = json!({
        "backchannel_logout_urls": ["https://shop.example/bcl"],
        "backchannel_logout_initiators":
            {"mode": "custom", "selected_initiators": ["session-revoked"]},
        "backchannel_logout_session_metadata": {"include": true},
    });
    assert_eq!(shop["oidc_logout"], wanted);
    assert_eq!(shop["id_token_encrypted_response_alg"], "ECDH-ES");
    assert_eq!(shop["jwks_uri"], "https://shop.example/jwks");
    assert!(
        shop["management_scopes"]
            .as_array()
            .unwrap()
            .contains(&json!("read:sessions"))
    );
    let app = program.json(&["client", "show", "app"]);
    assert_eq!(
        (&app["name"], &app["token_endpoint_auth_method"]),
        (&json!("app"), &json!("none"))
    );
    let till = program.json(&["client", "show", "till", "--show-secret"]);
    assert_eq!(
        (&till["token_endpoint_auth_method"], &till["client_secret"]),
        (&json!("private_key_jwt"), &json!(null))
    );
    let users = program.json(&["user", "list"]);
    assert_eq!(
        (&users[0]["user_id"], &users[0]["admin"]),
        (&json!("auth0|ada"), &json!(true))
    );
}

#[test]
fn what_was_changed_or_deleted_stays_so() {
    let program = program();
    drop(program.serve());
    program.ok(&["client", "update", "shop", "--name", "Shop 2"]);
    program.ok(&["client", "delete", "app"]);
    program.ok(&["user", "delete", "auth0|ada"]);
    drop(program.serve());
    let clients = program.json(&["client", "list"]);
    assert_eq!(clients.as_array().unwrap().len(), 2);
    assert_eq!(clients[0]["name"], "Shop 2");
    assert_eq!(program.json(&["user", "list"]), json!([]));
}

#[test]
fn what_was_there_before_is_left_as_it_is() {
    let program = program();
    program.ok(&[
        "client", "create", "--name", "Mine", "--id", "shop", "--secret", "mine",
    ]);
    drop(program.serve());
    let shop = program.json(&["client", "show", "shop", "--show-secret"]);
    assert_eq!(
        (&shop["name"], &shop["client_secret"]),
        (&json!("Mine"), &json!("mine"))
    );
}

#[test]
fn what_cannot_be_made_is_named() {
    let program = Program::new();
    for (extra, parts) in [
        (
            "[[bootstrap.clients]]\nid = \"a\"\ncallbacks = [\"/cb\"]\n",
            &["bootstrap client \"a\"", "callbacks[0]"][..],
        ),
        (
            "[[bootstrap.clients]]\nid = \"a\"\nsecret = { env = \"NOT_SET\" }\n",
            &["\"a\"", "NOT_SET"],
        ),
        (
            "[[bootstrap.users]]\nemail = \"ada\"\npassword = \"hunter2\"\n",
            &["bootstrap user \"ada\"", "e-mail"],
        ),
    ] {
        program.configure(extra);
        let error = program.refused(&["serve"]);
        for part in parts {
            assert!(
                error.contains(part) && !error.contains("hunter2"),
                "{extra}: {error}"
            );
        }
    }
}

#[test]
fn a_secret_may_come_from_the_environment() {
    let program = Program::new();
    program.configure("[[bootstrap.clients]]\nid = \"a\"\nsecret = { env = \"A_SECRET\" }\n");
    let mut command = program.command(&["serve"]);
    command.env("A_SECRET", "from-env");
    drop(crate::program::Serving::start(command));
    let shown = run(
        program.command(&["client", "show", "a", "--show-secret", "--json"]),
        "",
    );
    assert!(shown.out.contains("\"from-env\""), "{}", shown.out);
}
