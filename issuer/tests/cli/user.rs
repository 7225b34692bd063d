//! `user`: made, blocked, deleted, with a new password or address.

use serde_json::json;

use crate::program::Program;
use crate::session::{begin, with_client};

fn create(program: &Program) -> serde_json::Value {
    let create = [
        "user",
        "create",
        "--email",
        "Ada@Example.com",
        "--password",
        "first",
    ];
    program.json(&create)
}

#[test]
fn a_user_is_created_with_the_object_of_the_management_api() {
    let program = Program::new();
    let made = program.json(&[
        "user",
        "create",
        "--email",
        "ada@example.com",
        "--password",
        "first",
        "--admin",
        "--id",
        "auth0|ada",
    ]);
    assert_eq!(
        (&made["user_id"], &made["email"]),
        (&json!("auth0|ada"), &json!("ada@example.com"))
    );
    assert_eq!(
        (&made["admin"], &made["blocked"]),
        (&json!(true), &json!(false))
    );
    assert!(!made.to_string().contains("first"));
    assert_eq!(program.json(&["user", "list"]), json!([made]));
}

#[test]
fn an_id_is_made_up() {
    let program = Program::new();
    assert!(
        create(&program)["user_id"]
            .as_str()
            .unwrap()
            .starts_with("auth0|")
    );
}

#[test]
fn an_address_is_taken_once_in_any_case() {
    let program = Program::new();
    create(&program);
    let again = [
        "user",
        "create",
        "--email",
        "ada@example.com",
        "--password",
        "x",
    ];
    assert!(program.refused(&again).contains("exists"));
    let error = program.refused(&["user", "create", "--email", "ada", "--password", "x"]);
    assert!(error.contains("e-mail address"), "{error}");
    assert_eq!(program.json(&["user", "list"]).as_array().unwrap().len(), 1);
}

#[test]
fn a_user_is_named_by_id_or_address() {
    let program = Program::new();
    let id = create(&program)["user_id"].as_str().unwrap().to_owned();
    assert!(
        program
            .ok(&["user", "block", "ada@example.COM"])
            .contains("is blocked")
    );
    assert_eq!(program.json(&["user", "list"])[0]["blocked"], true);
    assert!(
        program
            .ok(&["user", "block", &id, "--undo"])
            .contains("may sign in again")
    );
    assert_eq!(program.json(&["user", "list"])[0]["blocked"], false);
    let input = program.run_with_input(&["user", "password", &id, "--password-stdin"], "second\n");
    assert_eq!((input.code, input.err.as_str()), (0, ""));
    assert!(program.ok(&["user", "delete", &id]).contains("is deleted"));
    for arguments in [
        &["user", "block", "ada@example.com"][..],
        &["user", "delete", &id],
        &["user", "password", &id, "--password", "x"],
    ] {
        assert!(
            program.refused(arguments).contains("no user"),
            "{arguments:?}"
        );
    }
    assert!(
        program
            .ok(&["user", "list"])
            .starts_with("no users yet; create one with")
    );
}

#[test]
fn a_new_address_ends_the_sessions_and_the_apps_that_asked_are_told() {
    let program = with_client("http://127.0.0.1:9/bcl");
    let initiators = ["--initiators", "email-identifier-changed"];
    program.ok(&[&["client", "update", "a"][..], &initiators].concat());
    let id = create(&program)["user_id"].as_str().unwrap().to_owned();
    begin(&program, &id, "a");
    let email =
        |user: &str, new: &str| program.ok(&["user", "email", "--id", user, "--email", new]);
    // The address that it has already is no news.
    assert!(!email(&id, "Ada@Example.com").contains("ended"));
    let told = email("ada@example.com", "ada@example.org");
    assert!(
        told.contains("has the address ada@example.org now; 1 session ended, 1 to tell"),
        "{told}"
    );
    let user = &program.json(&["user", "list"])[0];
    assert_eq!(
        (&user["email"], &user["email_verified"]),
        (&json!("ada@example.org"), &json!(false))
    );
    let owed = program.json(&["delivery", "list"]);
    assert_eq!(
        owed["deliveries"][0]["initiator"],
        "email-identifier-changed"
    );
    assert_eq!(owed["deliveries"].as_array().unwrap().len(), 1, "{owed}");
    assert!(
        program
            .ok(&["session", "list"])
            .starts_with("no live sessions")
    );
}

#[test]
fn an_address_that_cannot_be_had_changes_nothing() {
    let program = Program::new();
    let id = create(&program)["user_id"].as_str().unwrap().to_owned();
    let other = [
        "user",
        "create",
        "--email",
        "bob@example.com",
        "--password",
        "x",
    ];
    program.json(&other);
    let before = program.json(&["user", "list"]);
    for (user, new, told) in [
        (id.as_str(), "BOB@example.com", "exists already"),
        (&id, "bob", "not an e-mail address"),
        ("nobody", "eve@example.com", "no user"),
    ] {
        let error = program.refused(&["user", "email", "--id", user, "--email", new]);
        assert!(error.contains(told), "{error}");
    }
    assert_eq!(program.json(&["user", "list"]), before);
}
