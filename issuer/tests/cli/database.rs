//! `migrate`, and a database that cannot be used: every command says why and exits with 1.

use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt as _;

use crate::program::{Program, bare, run};

#[test]
fn migrate_makes_the_database_and_can_be_repeated() {
    let program = Program::empty();
    program.configure("");
    for _ in 0..2 {
        assert!(program.ok(&["migrate"]).contains("issuer.db is ready"));
    }
    assert!(program.path("issuer.db").exists());
    assert!(
        !program.path("master.key").exists(),
        "migrating needs no key"
    );
}

#[test]
fn the_folder_of_the_database_is_made() {
    let folder = tempfile::tempdir().unwrap();
    let mut command = bare(folder.path());
    command
        .env("LOGOUT_ISSUER__STORAGE__URL", "sqlite:a/b/c.db")
        .arg("migrate");
    assert_eq!(run(command, "").code, 0);
    assert!(folder.path().join("a/b/c.db").exists());
}

#[test]
fn commands_that_start_at_once_share_what_the_first_one_makes() {
    let program = Program::empty();
    let create = |id: &str| program.ok(&["client", "create", "--name", id, "--id", id]);
    std::thread::scope(|scope| {
        for id in ["a", "b", "c", "d"] {
            scope.spawn(move || create(id));
        }
    });
    assert_eq!(program.json(&["keys", "list"]).as_array().unwrap().len(), 1);
    for id in ["a", "b", "c", "d"] {
        let shown = program.json(&["client", "show", id, "--show-secret"]);
        assert!(
            shown["client_secret"].is_string(),
            "sealed under another key: {shown}"
        );
    }
}

#[test]
fn a_database_of_a_newer_version_is_refused() {
    let program = Program::new();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        use sqlx::Connection as _;
        let url = format!("sqlite:{}", program.path("issuer.db").display());
        let mut connection = sqlx::SqliteConnection::connect(&url).await.unwrap();
        let newer = "INSERT INTO logout_migrations \
            (version, description, success, checksum, execution_time) VALUES (9999, 'x', 1, x'00', 0)";
        sqlx::query(newer).execute(&mut connection).await.unwrap();
        connection.close().await.unwrap();
    });
    for command in [&["serve"][..], &["migrate"], &["client", "list"]] {
        let error = program.refused(command);
        assert!(
            error.contains("newer") && error.contains("issuer.db"),
            "{command:?}: {error}"
        );
    }
}

#[test]
fn a_file_that_is_no_database_is_refused_and_left_alone() {
    let program = Program::new();
    let text = "this is a letter, not a database. ".repeat(100);
    std::fs::write(program.path("issuer.db"), &text).unwrap();
    for command in [&["serve"][..], &["migrate"], &["session", "list"]] {
        let error = program.refused(command);
        assert!(error.contains("issuer.db"), "{command:?}: {error}");
    }
    assert_eq!(
        std::fs::read_to_string(program.path("issuer.db")).unwrap(),
        text
    );
}

#[test]
fn a_database_that_cannot_be_made_or_written_is_refused() {
    let program = Program::new();
    // A file where a folder is needed; whoever runs the tests cannot write below it, root included.
    std::fs::write(program.path("file"), "").unwrap();
    let mut command = program.command(&["serve"]);
    command.env("LOGOUT_ISSUER__STORAGE__URL", "sqlite:file/issuer.db");
    let refused = run(command, "");
    assert_eq!((refused.code, refused.out.as_str()), (1, ""));
    assert!(refused.err.contains("file"), "{}", refused.err);

    std::fs::set_permissions(program.path("issuer.db"), Permissions::from_mode(0o444)).unwrap();
    std::fs::set_permissions(program.folder(), Permissions::from_mode(0o555)).unwrap();
    let refused = program.run(&["client", "create", "--name", "A"]);
    std::fs::set_permissions(program.folder(), Permissions::from_mode(0o755)).unwrap();
    // Root may write everything; then there is nothing to refuse.
    if std::fs::metadata("/proc/self").is_ok_and(|it| std::os::unix::fs::MetadataExt::uid(&it) != 0)
    {
        assert_eq!(refused.code, 1);
        assert!(refused.err.contains("issuer.db"), "{}", refused.err);
    }
}

#[test]
fn another_master_key_than_the_one_that_sealed_is_told() {
    let program = Program::new();
    std::fs::remove_file(program.path("master.key")).unwrap();
    let error = program.refused(&["serve"]);
    assert!(error.contains("master key"), "{error}");
}
