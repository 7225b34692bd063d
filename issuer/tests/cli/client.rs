//! `client`: what is created is listed, shown, changed and deleted.

use serde_json::json;

use crate::program::Program;

#[test]
fn a_client_is_created_with_the_objects_of_the_management_api() {
    let program = Program::new();
    let made = program.json(&[
        "client",
        "create",
        "--name",
        "Shop",
        "--id",
        "shop",
        "--callback",
        "https://shop.example/cb",
        "--callback",
        "com.example.shop:/cb",
        "--logout-url",
        "https://shop.example/bye",
        "--backchannel-logout-url",
        "https://shop.example/bcl",
        "--backchannel-logout-url",
        "https://shop.example/bcl2",
        "--initiators",
        "rp-logout,session-revoked",
        "--include-session-metadata",
        "--management-scopes",
        "read:sessions update:sessions",
        "--secret",
        "s3cret",
        "--timeout-ms",
        "900",
    ]);
    assert_eq!(made["client_id"], "shop");
    assert_eq!(made["name"], "Shop");
    assert_eq!(made["client_secret"], "s3cret");
    assert_eq!(
        made["callbacks"],
        json!(["https://shop.example/cb", "com.example.shop:/cb"])
    );
    assert_eq!(
        made["allowed_logout_urls"],
        json!(["https://shop.example/bye"])
    );
    assert_eq!(
        made["management_scopes"],
        json!(["read:sessions", "update:sessions"])
    );
    let logout = &made["oidc_logout"];
    let urls = json!(["https://shop.example/bcl", "https://shop.example/bcl2"]);
    assert_eq!(logout["backchannel_logout_urls"], urls);
    let initiators =
        json!({"mode": "custom", "selected_initiators": ["rp-logout", "session-revoked"]});
    assert_eq!(logout["backchannel_logout_initiators"], initiators);
    assert_eq!(
        logout["backchannel_logout_session_metadata"],
        json!({"include": true})
    );
    assert_eq!(logout["delivery"]["timeout_ms"], 900);
    let mut shown = program.json(&["client", "show", "shop", "--show-secret"]);
    assert_eq!(shown, made);
    shown.as_object_mut().unwrap().remove("client_secret");
    assert_eq!(program.json(&["client", "show", "shop"]), shown);
    assert_eq!(program.json(&["client", "list"]), json!([shown]));
}

#[test]
fn id_and_secret_are_made_up_and_all_initiators_are_the_default() {
    let program = Program::new();
    let one = program.json(&["client", "create", "--name", "One"]);
    let two = program.json(&["client", "create", "--name", "Two"]);
    assert_ne!(one["client_id"], two["client_id"]);
    assert!(one["client_secret"].as_str().unwrap().len() >= 43);
    assert_ne!(one["client_secret"], two["client_secret"]);
    assert_eq!(
        one["oidc_logout"]["backchannel_logout_initiators"],
        json!({"mode": "all"})
    );
}

#[test]
fn a_public_client_has_no_secret() {
    let program = Program::new();
    let made = program.json(&["client", "create", "--name", "App", "--public"]);
    assert_eq!(made["token_endpoint_auth_method"], "none");
    assert!(made.get("client_secret").is_none());
}

#[test]
fn a_secret_comes_from_standard_input_without_its_line_break() {
    let program = Program::new();
    let create = [
        "client",
        "create",
        "--name",
        "A",
        "--secret-stdin",
        "--json",
    ];
    let run = program.run_with_input(&create, "pass phrase \r\n");
    assert_eq!(run.code, 0, "{}", run.err);
    assert!(
        run.out.contains("\"client_secret\": \"pass phrase \""),
        "{}",
        run.out
    );
}

#[test]
fn the_text_for_people_shows_the_secret_once() {
    let program = Program::new();
    let made = program.ok(&[
        "client", "create", "--name", "A", "--id", "a", "--secret", "s3cret",
    ]);
    assert!(made.contains("s3cret"), "{made}");
    let shown = program.ok(&["client", "show", "a"]);
    assert!(
        !shown.contains("s3cret") && shown.contains("--show-secret"),
        "{shown}"
    );
    assert!(
        program
            .ok(&["client", "show", "a", "--show-secret"])
            .contains("s3cret")
    );
}

#[test]
fn an_update_changes_what_is_given_and_nothing_else() {
    let program = Program::new();
    program.ok(&[
        "client",
        "create",
        "--name",
        "A",
        "--id",
        "a",
        "--callback",
        "https://a.example/cb",
        "--backchannel-logout-url",
        "https://a.example/bcl",
        "--include-session-metadata",
        "--wait-ms",
        "0",
    ]);
    let before = program.json(&["client", "show", "a", "--show-secret"]);
    let mut after = program.json(&["client", "update", "a", "--initiators", "rp-logout"]);
    after["client_secret"] = before["client_secret"].clone();
    let mut wanted = before.clone();
    wanted["oidc_logout"]["backchannel_logout_initiators"] =
        json!({"mode": "custom", "selected_initiators": ["rp-logout"]});
    wanted["updated_at"] = after["updated_at"].clone();
    assert_eq!(after, wanted);

    let after = program.json(&["client", "update", "a", "--name", "B", "--secret", "new"]);
    assert_eq!(
        (&after["name"], &after["callbacks"]),
        (&json!("B"), &before["callbacks"])
    );
    let shown = program.json(&["client", "show", "a", "--show-secret"]);
    assert_eq!(shown["client_secret"], "new");

    let after = program.json(&[
        "client",
        "update",
        "a",
        "--callback",
        "",
        "--backchannel-logout-url",
        "",
        "--include-session-metadata",
        "false",
    ]);
    assert_eq!(after["callbacks"], json!([]));
    assert_eq!(after["oidc_logout"]["backchannel_logout_urls"], json!([]));
    assert_eq!(
        after["oidc_logout"]["backchannel_logout_session_metadata"],
        json!({"include": false})
    );
    assert_eq!(after["oidc_logout"]["delivery"]["wait_ms"], 0);
}

#[test]
fn what_breaks_a_rule_is_refused_and_stores_nothing() {
    let program = Program::new();
    for (flags, part) in [
        (&["--callback", "/cb"][..], "callbacks[0]"),
        (&["--callback", "https://a.example/#x"], "fragment"),
        (&["--logout-url", "javascript:alert(1)"], "scheme"),
        (
            &["--backchannel-logout-url", "https://a.example/#x"],
            "fragment",
        ),
        (
            &["--backchannel-logout-url", "https://u:hunter2@a.example/"],
            "user name or password",
        ),
        (
            &["--backchannel-logout-url", "http://169.254.169.254/"],
            "169.254",
        ),
        (
            &["--management-scopes", "read:everything"],
            "read:everything",
        ),
        (&["--lifetime-seconds", "29"], "lifetime_seconds"),
        (&["--wait-ms", "5001"], "wait_ms"),
        (&["--signing-alg", "HS256"], "HS256"),
        (&["--signing-alg", "none"], "none"),
    ] {
        let create = [&["client", "create", "--name", "A"], flags].concat();
        let error = program.refused(&create);
        assert!(
            error.contains(part) && !error.contains("hunter2"),
            "{flags:?}: {error}"
        );
    }
    assert!(
        program
            .refused(&["client", "create", "--name", "a<b"])
            .contains("name")
    );
    assert_eq!(program.json(&["client", "list"]), json!([]));
}

#[test]
fn an_id_is_taken_once() {
    let program = Program::new();
    program.ok(&[
        "client", "create", "--name", "A", "--id", "a", "--secret", "first",
    ]);
    let error = program.refused(&["client", "create", "--name", "B", "--id", "a"]);
    assert!(error.contains("\"a\" exists"), "{error}");
    let shown = program.json(&["client", "show", "a", "--show-secret"]);
    assert_eq!(
        (&shown["name"], &shown["client_secret"]),
        (&json!("A"), &json!("first"))
    );
}

#[test]
fn a_deleted_client_is_gone() {
    let program = Program::new();
    program.ok(&["client", "create", "--name", "A", "--id", "a"]);
    assert!(program.ok(&["client", "list"]).contains("\na "));
    assert_eq!(
        program.ok(&["client", "delete", "a"]),
        "client \"a\" is deleted\n"
    );
    for command in ["show", "delete"] {
        let error = program.refused(&["client", command, "a"]);
        assert!(error.contains("no client \"a\""), "{error}");
    }
    assert!(
        program
            .refused(&["client", "update", "a", "--name", "B"])
            .contains("no client")
    );
    assert!(
        program
            .ok(&["client", "list"])
            .starts_with("no clients yet; create one with")
    );
}

#[test]
fn a_client_that_signs_is_made_with_its_keys() {
    let program = Program::new();
    let create = ["client", "create", "--name", "Till", "--id", "till"];
    let signs = ["--auth-method", "private_key_jwt"];
    let error = program.refused(&[&create[..], &signs].concat());
    assert!(error.contains("needs jwks or jwks_uri"), "{error}");
    let at = ["--jwks-uri", "https://till.example/jwks.json"];
    let made = program.json(&[&create[..], &signs, &at].concat());
    assert_eq!(made["token_endpoint_auth_method"], "private_key_jwt");
    assert_eq!(made["jwks_uri"], "https://till.example/jwks.json");
    assert!(made.get("client_secret").is_none(), "{made}");
    let shown = program.ok(&["client", "show", "till"]);
    assert!(shown.contains("signs with its own key"), "{shown}");
    let back = [
        "client",
        "update",
        "till",
        "--auth-method",
        "client_secret_post",
    ];
    program.ok(&back);
    let shown = program.json(&["client", "show", "till", "--show-secret"]);
    assert_eq!(shown["client_secret"].as_str().unwrap().len(), 64);
    let wrong = [
        "client",
        "update",
        "till",
        "--auth-method",
        "client_secret_jwt",
    ];
    assert_eq!(program.run(&wrong).code, 2);
}
