//! `config check`, and what a configuration that is wrong says.

use crate::program::{Program, bare, run};

#[test]
fn check_prints_what_is_in_force_without_secrets() {
    let program = Program::new();
    program.configure(
        "master_key = \"AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8\"\n\
         [session]\nlifetime = \"90m\"\n\
         [[bootstrap.users]]\nemail = \"a@b.example\"\npassword = \"hunter2\"\n",
    );
    let mut command = program.command(&["config", "check"]);
    command.env("LOGOUT_ISSUER__LOG__FORMAT", "json");
    let run = run(command, "");
    assert_eq!((run.code, run.err.as_str()), (0, ""));
    for line in [
        "lifetime = \"1h 30m\"",
        "format = \"json\"",
        "readers = 4",
        "(hidden)",
    ] {
        assert!(run.out.contains(line), "{line}: {}", run.out);
    }
    assert!(
        !run.out.contains("hunter2") && !run.out.contains("AAECAw"),
        "{}",
        run.out
    );
}

#[test]
fn what_is_wrong_is_named_with_its_key_and_place() {
    let program = Program::new();
    for (extra, parts) in [
        ("[http]\nlisen = \"x\"\n", &["issuer.toml"][..]),
        ("[sesion]\n", &["\"sesion\"", "issuer.toml"]),
        (
            "[session]\nlifetme = \"1h\"\n",
            &["\"session.lifetme\"", "issuer.toml", "idle_lifetime"],
        ),
        (
            "[session]\nlifetime = 3\n",
            &["\"session.lifetime\"", "issuer.toml"],
        ),
        (
            "[delivery]\ngive_up_after = \"1m\"\n",
            &["delivery.give_up_after", "1h"],
        ),
        ("[log\n", &["issuer.toml", "TOML"]),
    ] {
        program.configure(extra);
        for command in [&["config", "check"][..], &["serve"], &["client", "list"]] {
            let error = program.refused(command);
            for part in parts {
                assert!(error.contains(part), "{extra}: {part}: {error}");
            }
        }
    }
}

#[test]
fn a_file_that_is_not_there_is_told() {
    let program = Program::new();
    let error = program.refused(&["--config", "nowhere.toml", "config", "check"]);
    assert!(error.contains("nowhere.toml"), "{error}");
}

#[test]
fn a_variable_that_is_wrong_is_named() {
    let program = Program::new();
    let mut command = program.command(&["config", "check"]);
    command.env("LOGOUT_ISSUER__HTTP__LISEN", "x");
    let run = run(command, "");
    assert_eq!(run.code, 1);
    assert!(
        run.err.contains("LOGOUT_ISSUER__HTTP__LISEN"),
        "{}",
        run.err
    );
}

#[test]
fn production_without_a_master_key_is_told_how_to_make_one() {
    let program = Program::empty();
    let text = std::fs::read_to_string(program.path("issuer.toml")).unwrap();
    let text = format!("issuer = \"https://id.example/\"\n{text}");
    std::fs::write(program.path("issuer.toml"), text).unwrap();
    let error = program.refused(&["serve"]);
    for part in ["master.key", "openssl rand -base64 32"] {
        assert!(error.contains(part), "{part}: {error}");
    }
    assert_eq!(program.refused(&["config", "check"]), error);
    assert!(!program.path("master.key").exists());
}

#[test]
fn check_reads_every_secret_and_makes_nothing() {
    let program = Program::empty();
    program.ok(&["config", "check"]);
    assert!(!program.path("master.key").exists() && !program.path("issuer.db").exists());
    for (extra, part) in [
        (
            "[[bootstrap.clients]]\nid = \"a\"\nsecret = { file = \"no.secret\" }\n",
            "no.secret",
        ),
        ("[egress]\nca_file = \"no.pem\"\n", "no.pem"),
    ] {
        program.configure(extra);
        let error = program.refused(&["config", "check"]);
        assert!(error.contains(part), "{extra}: {error}");
    }
}

#[test]
fn the_example_file_is_a_configuration() {
    let folder = tempfile::tempdir().unwrap();
    let example = concat!(env!("CARGO_MANIFEST_DIR"), "/config.example.toml");
    let mut command = bare(folder.path());
    command.args(["--config", example, "config", "check"]);
    let from_example = run(command, "");
    let mut command = bare(folder.path());
    command.args(["config", "check"]);
    let from_nothing = run(command, "");
    assert_eq!((from_example.code, from_example.out), (0, from_nothing.out));
}
