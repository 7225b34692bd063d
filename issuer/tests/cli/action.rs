//! `action`: from a file to what runs at each login, and what the command line says of it.

use serde_json::Value;

use crate::program::Program;

const CODE: &str = "exports.onExecutePostLogin = async (event, api) => {
  console.log('key', event.secrets.KEY);
  api.session.setMetadata('deviceName', event.request.user_agent);
};";

fn write(program: &Program, name: &str, text: &str) -> String {
    let path = program.path(name);
    std::fs::write(&path, text).unwrap();
    path.to_str().unwrap().to_owned()
}

fn try_out(program: &Program, arguments: &[&str]) -> Value {
    serde_json::from_str(&program.ok(arguments)).unwrap()
}

#[test]
fn an_action_goes_from_a_file_through_its_versions_to_its_end() {
    let program = Program::new();
    let file = write(&program, "device.js", CODE);
    program.ok(&["action", "deploy", &file, "--bind"]);
    let shown = program.json(&["action", "bindings"]);
    assert_eq!(shown[0]["name"], "device");
    assert_eq!(shown[0]["deployed_version"]["number"], 1);

    write(&program, "device.js", "exports.onExecutePostLogin = 1;");
    program.ok(&["action", "update", "device", "--file", &file]);
    program.ok(&["action", "deploy", "--name", "device"]);
    program.ok(&["action", "rollback", "device", "1"]);
    let versions = program.json(&["action", "versions", "device"]);
    assert_eq!(versions.as_array().unwrap().len(), 3);
    assert_eq!(
        (&versions[0]["code"], &versions[0]["deployed"]),
        (&CODE.into(), &true.into())
    );

    let bound = program.run(&["action", "delete", "device"]);
    assert_eq!(bound.code, 1);
    assert!(bound.err.contains("unbind it first"), "{}", bound.err);
    program.ok(&["action", "unbind", "device"]);
    program.ok(&["action", "delete", "device"]);
    assert_eq!(program.json(&["action", "list"]), serde_json::json!([]));
}

#[test]
fn a_trial_shows_what_the_action_asks_for_and_fails_with_it() {
    let program = Program::new();
    let file = write(&program, "device.js", CODE);
    program.ok(&["action", "create", &file]);
    let good = write(
        &program,
        "good.json",
        r#"{"session":{"id":"s"},"request":{"user_agent":"kiosk"}}"#,
    );
    let tried = try_out(&program, &["action", "test", "device", "--payload", &good]);
    assert_eq!(tried["commands"][0]["do"], "setMetadata");
    assert_eq!(tried["commands"][0]["value"], "kiosk");
    assert_eq!(tried["console"], "key undefined");
    let bad = write(&program, "bad.json", r#"{"request":{}}"#);
    let failed = program.run(&["action", "test", "device", "--payload", &bad]);
    assert_eq!(failed.code, 1);
    assert!(
        failed.err.contains("a session that does not exist"),
        "{}",
        failed.err
    );
    let usage = program.run(&["action", "deploy"]);
    assert_eq!(usage.code, 2);
}

#[test]
fn a_secret_is_taken_from_standard_input_and_never_shown() {
    let program = Program::new();
    let file = write(&program, "device.js", CODE);
    program.ok(&["action", "create", &file]);
    let set = program.run_with_input(&["action", "secret", "device", "KEY"], "hush-hush\n");
    assert_eq!(set.code, 0, "{}", set.err);
    let shown = program.ok(&["action", "show", "device", "--json"]);
    assert!(
        shown.contains("\"KEY\"") && !shown.contains("hush-hush"),
        "{shown}"
    );
    let store = std::fs::read(program.path("issuer.db")).unwrap();
    let log = std::fs::read(program.path("issuer.db-wal")).unwrap_or_default();
    for bytes in [store, log] {
        assert!(
            !bytes.windows(9).any(|part| part == b"hush-hush"),
            "it lies in the clear"
        );
    }
    let good = write(
        &program,
        "good.json",
        r#"{"session":{"id":"s"},"request":{"user_agent":"kiosk"}}"#,
    );
    let tried = try_out(&program, &["action", "test", "device", "--payload", &good]);
    assert_eq!(tried["console"], "key hush-hush");
}
