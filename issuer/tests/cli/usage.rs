//! Wrong usage is exit code 2, and help names what there is.

use crate::program::Program;

#[test]
fn wrong_usage_is_exit_code_2_and_prints_nothing_else() {
    let program = Program::new();
    for arguments in [
        &["serv"][..],
        &["client"],
        &["client", "create"],
        &[
            "client",
            "create",
            "--name",
            "A",
            "--secret",
            "x",
            "--secret-stdin",
        ],
        &[
            "client", "create", "--name", "A", "--secret", "x", "--public",
        ],
        &[
            "client",
            "create",
            "--name",
            "A",
            "--initiators",
            "rp_logout",
        ],
        &["client", "create", "--name", "A", "--id", "a\nb"],
        &[
            "client",
            "create",
            "--name",
            "A",
            "--callback",
            "",
            "--callback",
            "https://a.example/",
        ],
        &["client", "create", "--name", "A", "--wait-ms", "soon"],
        &["client", "create", "--name", "A", "--subject", "sometimes"],
        &["client", "show"],
        &["client", "update", "a", "--colour", "red"],
        &["user", "create", "--email", "a@b.example"],
        &["user", "create", "--password", "x"],
        &[
            "user",
            "create",
            "--email",
            "a@b.example",
            "--password",
            "x",
            "--password-stdin",
        ],
        &["user", "create", "--email", "a@b.example", "--password", ""],
        &["user", "email", "--id", "a@b.example"],
        &["user", "email", "--email", "a@b.example"],
        &["session", "end", "s", "--initiator", "logout"],
        &["session", "end", "s", "--initiator", "profile-changed"],
        &["session", "list", "--take", "0"],
        &["delivery", "list", "--state", "lost"],
        &["keys", "rotate", "now"],
        &["config", "chek"],
        &["migrate", "down"],
        &["--no-such-flag"],
    ] {
        let run = program.run(arguments);
        assert_eq!(
            (run.code, run.out.as_str()),
            (2, ""),
            "{arguments:?}: {}",
            run.err
        );
        assert!(
            run.err.starts_with("error: ") || run.err.contains("Usage:"),
            "{}",
            run.err
        );
    }
}

#[test]
fn a_secret_that_is_not_on_standard_input_is_wrong_usage() {
    let program = Program::new();
    for arguments in [
        &["client", "create", "--name", "A", "--secret-stdin"][..],
        &[
            "user",
            "create",
            "--email",
            "a@b.example",
            "--password-stdin",
        ],
    ] {
        for input in ["", "\n"] {
            let run = program.run_with_input(arguments, input);
            assert_eq!(run.code, 2, "{arguments:?} {input:?}: {}", run.err);
            assert!(run.err.contains("on standard input"), "{}", run.err);
        }
    }
}

#[test]
fn an_update_without_a_change_is_wrong_usage() {
    let program = Program::new();
    program.ok(&["client", "create", "--name", "A", "--id", "a"]);
    let run = program.run(&["client", "update", "a"]);
    assert_eq!(run.code, 2);
    assert!(run.err.contains("nothing to change"), "{}", run.err);
}

#[test]
fn help_names_every_noun_and_has_examples() {
    let program = Program::empty();
    let help = program.ok(&["--help"]);
    for part in [
        "serve", "client", "user", "session", "delivery", "keys", "migrate", "config",
    ] {
        assert!(help.contains(&format!("\n  {part} ")), "{part}: {help}");
    }
    assert!(
        help.contains("Examples:") && help.contains("Exit codes:"),
        "{help}"
    );
    let create = program.ok(&["client", "create", "--help"]);
    for flag in [
        "--name",
        "--callback",
        "--backchannel-logout-url",
        "--initiators",
        "--include-session-metadata",
        "--management-scopes",
        "--logout-url",
        "--id",
        "--secret",
        "--secret-stdin",
        "--json",
    ] {
        assert!(create.contains(flag), "{flag}: {create}");
    }
    assert!(program.ok(&["--version"]).starts_with("logout-issuer "));
    assert!(
        !program.path("issuer.db").exists(),
        "help has opened a store"
    );
}
