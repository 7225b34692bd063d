//! `serve`: starts, says where, sees what the command line does, stops when asked.

use std::net::TcpListener;

use serde_json::Value;

use crate::program::{Program, Serving, bare, run, status_of, until};

#[test]
fn without_a_file_the_server_starts_in_an_empty_folder() {
    let folder = tempfile::tempdir().unwrap();
    let mut command = bare(folder.path());
    command.env("LOGOUT_ISSUER__HTTP__LISTEN", "127.0.0.1:0");
    command.env("LOGOUT_ISSUER__KEYS__SIGNING_ALGORITHMS", "[\"RS256\"]");
    let server = Serving::start(command);
    assert_eq!(server.issuer, format!("http://{}/", server.address));
    assert_eq!(server.status("GET /healthz"), 200);
    assert_eq!(server.status("GET /readyz"), 200);
    assert!(folder.path().join("data/issuer.db").exists());
    assert!(folder.path().join("keys/master.key").exists());
}

#[test]
fn the_server_stops_cleanly_on_sigterm_and_on_ctrl_c() {
    let program = Program::new();
    for signal in ["TERM", "INT"] {
        let server = program.serve();
        assert_eq!(server.status("GET /healthz"), 200);
        server.signal(signal);
        let (status, error) = server.wait();
        assert_eq!(status.code(), Some(0), "{signal}: {error}");
        assert!(error.contains("stopped"), "{error}");
    }
}

#[test]
fn a_running_server_sees_a_client_of_the_command_line() {
    let program = Program::new();
    let server = program.serve();
    program.ok(&[
        "client",
        "create",
        "--name",
        "A",
        "--id",
        "a",
        "--secret",
        "s3cret",
        "--management-scopes",
        "all",
    ]);
    let form = "grant_type=client_credentials&client_id=a&client_secret=s3cret";
    let form = format!("{form}&audience={}api/v2/", server.issuer);
    let answer = until("the server knows the client", || {
        let answer = server.request("POST /oauth/token", &form);
        (status_of(&answer) == 200).then_some(answer)
    });
    assert!(answer.contains("\"access_token\""), "{answer}");
    program.ok(&["client", "delete", "a"]);
    until("the server has forgotten the client", || {
        (status_of(&server.request("POST /oauth/token", &form)) == 401).then_some(())
    });
}

#[test]
fn a_taken_port_is_told_and_nothing_is_made() {
    let program = Program::empty();
    let other = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = other.local_addr().unwrap().to_string();
    let mut command = program.command(&["serve"]);
    command.env("LOGOUT_ISSUER__HTTP__LISTEN", &address);
    let run = run(command, "");
    assert_eq!((run.code, run.out.as_str()), (1, ""));
    assert!(
        run.err.contains(&address) && run.err.contains("port is taken"),
        "{}",
        run.err
    );
    assert!(!program.path("issuer.db").exists());
}

#[test]
fn a_second_server_on_the_same_store_is_refused() {
    let program = Program::new();
    let first = program.serve();
    let error = program.refused(&["serve"]);
    assert!(
        error.contains("another server") && error.contains("issuer.db"),
        "{error}"
    );
    drop(first);
    // The lock goes with the process, also where that was killed.
    program.serve();
}

#[test]
fn an_issuer_with_a_path_answers_below_it() {
    let program = Program::new();
    program.configure("");
    let text = std::fs::read_to_string(program.path("issuer.toml")).unwrap();
    let text = format!("issuer = \"http://127.0.0.1:8080/tenant/\"\n{text}");
    std::fs::write(program.path("issuer.toml"), text).unwrap();
    let server = program.serve();
    assert_eq!(server.issuer, "http://127.0.0.1:8080/tenant/");
    let answer = server.request("GET /tenant/.well-known/openid-configuration", "");
    let body = answer.split("\r\n\r\n").nth(1).unwrap();
    let discovered: Value = serde_json::from_str(body).unwrap();
    assert_eq!(discovered["issuer"], "http://127.0.0.1:8080/tenant/");
    assert_eq!(
        discovered["token_endpoint"],
        "http://127.0.0.1:8080/tenant/oauth/token"
    );
    assert_eq!(server.status("GET /tenant/.well-known/jwks.json"), 200);
    assert_eq!(server.status("GET /.well-known/openid-configuration"), 404);
    assert_eq!(server.status("GET /healthz"), 200);
    assert_eq!(server.status("GET /tenant/readyz"), 200);
    assert_eq!(server.status("GET /tenant/api/v2/clients"), 401);
}
