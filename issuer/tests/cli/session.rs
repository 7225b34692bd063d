//! `session` and `delivery`: what is live, what ended, and who is told.

use std::io::{Read as _, Write as _};
use std::net::TcpListener;

use logout_issuer::config::Config;
use logout_issuer::domain::session::Device;
use logout_issuer::server;
use serde_json::json;

use crate::program::{Program, until};

/// Begins a session of a user at a client, as a sign-in would.
pub(crate) fn begin(program: &Program, user: &str, client: &str) -> String {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let config = Config::load(Some(&program.path("issuer.toml"))).unwrap();
        let issuer = server::open(&config).await.unwrap();
        let sessions = issuer.sessions();
        let sid = sessions
            .begin(&user.parse().unwrap(), Device::default())
            .await
            .unwrap();
        sessions.join(&sid, &client.parse().unwrap()).await.unwrap();
        sessions
            .set_metadata(&sid, "deviceName", "kiosk")
            .await
            .unwrap();
        issuer.store().close().await;
        sid.to_string()
    })
}

pub(crate) fn with_client(url: &str) -> Program {
    let program = Program::new();
    let create = [
        "client",
        "create",
        "--name",
        "A",
        "--id",
        "a",
        "--backchannel-logout-url",
        url,
    ];
    program.ok(&[&create[..], &["--initiators", "rp-logout,session-revoked"]].concat());
    program
}

#[test]
fn a_live_session_is_listed_and_shown() {
    let program = with_client("http://127.0.0.1:9/bcl");
    assert!(
        program
            .ok(&["session", "list"])
            .starts_with("no live sessions")
    );
    let sid = begin(&program, "auth0|1", "a");
    let other = begin(&program, "auth0|2", "a");
    let listed = program.ok(&["session", "list"]);
    assert!(listed.contains(&sid) && listed.contains(&other), "{listed}");
    let listed = program.json(&["session", "list", "--user", "auth0|1"]);
    assert_eq!(listed["sessions"].as_array().unwrap().len(), 1);
    let shown = program.json(&["session", "show", &sid]);
    assert_eq!(
        (&shown["id"], &shown["user_id"]),
        (&json!(sid), &json!("auth0|1"))
    );
    assert_eq!(shown["clients"], json!([{"client_id": "a"}]));
    assert_eq!(shown["session_metadata"], json!({"deviceName": "kiosk"}));
    assert_eq!(listed["sessions"][0], shown);
    assert!(
        program
            .ok(&["session", "show", &sid])
            .contains("deviceName = kiosk")
    );
}

#[test]
fn a_long_list_goes_on_page_by_page() {
    let program = with_client("http://127.0.0.1:9/bcl");
    let mut begun: Vec<String> = (0..3).map(|_| begin(&program, "auth0|1", "a")).collect();
    let first = program.json(&["session", "list", "--take", "2"]);
    let next = first["next"].as_str().unwrap();
    let second = program.json(&["session", "list", "--take", "2", "--from", next]);
    assert!(second["next"].is_null());
    let pages = [&first, &second].map(|page| page["sessions"].as_array().unwrap());
    let ids = pages.iter().flat_map(|page| page.iter());
    let mut listed: Vec<_> = ids
        .map(|it| it["id"].as_str().unwrap().to_owned())
        .collect();
    begun.sort();
    listed.sort();
    assert_eq!(listed, begun);
}

#[test]
fn an_ended_session_is_gone_and_its_clients_have_deliveries() {
    let program = with_client("http://127.0.0.1:9/bcl");
    let sid = begin(&program, "auth0|1", "a");
    assert!(
        program
            .ok(&["delivery", "list"])
            .starts_with("no such deliveries")
    );
    let printed = program.ok(&["session", "end", &sid]);
    assert_eq!(
        printed,
        format!("session {sid} is ended; 1 client is told\n")
    );
    assert!(
        program
            .ok(&["session", "list"])
            .starts_with("no live sessions")
    );
    let error = program.refused(&["session", "show", &sid]);
    assert!(
        error.contains("ended at") && error.contains("session-revoked"),
        "{error}"
    );
    let again = program.json(&["session", "end", &sid]);
    assert_eq!(
        again,
        json!({"session_id": sid, "ended": false, "deliveries": []})
    );
    let listed = program.json(&["delivery", "list", "--client", "a", "--session", &sid]);
    let delivery = &listed["deliveries"][0];
    assert_eq!(delivery["initiator"], "session-revoked");
    assert_eq!(delivery["url"], "http://127.0.0.1:9/bcl");
    let none = program.json(&["delivery", "list", "--state", "heard"]);
    assert_eq!(none["deliveries"], json!([]));
    let of_user = program.json(&["delivery", "list", "--user", "auth0|1"]);
    assert_eq!(of_user, listed);
    let id = delivery["id"].as_str().unwrap();
    let mut shown = program.json(&["delivery", "show", id]);
    assert_eq!(shown["history"], json!([]));
    shown.as_object_mut().unwrap().remove("history");
    assert_eq!(&shown, delivery);
    let text = program.ok(&["delivery", "show", id]);
    assert!(text.contains(&format!("session       {sid}")), "{text}");
    let error = program.refused(&["delivery", "show", "019aaf6a3c807000a1b2c3d4e5f60718"]);
    assert!(error.contains("no delivery 019aaf6a"), "{error}");
}

#[test]
fn deliveries_are_sent_again_singly_and_by_description() {
    let program = with_client("http://127.0.0.1:9/bcl");
    let ended = program.json(&["session", "end", &begin(&program, "auth0|1", "a")]);
    let id = ended["deliveries"][0].as_str().unwrap();
    let due = program.ok(&["delivery", "retry", id]);
    assert_eq!(
        due,
        format!("delivery {id} was due already: nothing has changed\n")
    );
    // Without its URL the client is told no more, and what it had coming is cancelled.
    program.ok(&["client", "update", "a", "--backchannel-logout-url", ""]);
    let cancelled = ["delivery", "retry", "--client", "a", "--state", "cancelled"];
    let dry = program.ok(&[&cancelled[..], &["--dry-run"]].concat());
    assert_eq!(dry, "1 delivery would be sent again\n");
    assert_eq!(program.json(&cancelled), json!({"count": 1}));
    assert_eq!(program.ok(&cancelled), "0 deliveries sent again now\n");
    assert_eq!(program.json(&["delivery", "show", id])["state"], "pending");
    for wrong in [
        &["delivery", "retry"][..],
        &["delivery", "retry", "--dry-run"],
        &["delivery", "retry", id, "--client", "a"],
        &["delivery", "retry", "--state", "in_flight"],
        &["delivery", "retry", "--after", "yesterday"],
    ] {
        assert_eq!(program.run(wrong).code, 2, "{wrong:?}");
    }
}

#[test]
fn the_initiator_decides_who_is_told() {
    let program = with_client("http://127.0.0.1:9/bcl");
    for (initiator, told) in [("password-changed", 0), ("rp-logout", 1)] {
        let sid = begin(&program, "auth0|1", "a");
        let ended = program.json(&["session", "end", &sid, "--initiator", initiator]);
        assert_eq!(
            ended["deliveries"].as_array().unwrap().len(),
            told,
            "{initiator}"
        );
    }
    let error = program.refused(&["session", "end", "unknown"]);
    assert!(error.contains("no session unknown"), "{error}");
}

#[test]
fn blocking_and_deleting_a_user_end_the_sessions() {
    let program = with_client("http://127.0.0.1:9/bcl");
    program.ok(&["client", "update", "a", "--initiators", "all"]);
    let create = [
        "user",
        "create",
        "--email",
        "a@b.example",
        "--id",
        "u",
        "--password",
        "first",
    ];
    program.ok(&create);
    for (command, initiator) in [
        (&["user", "block", "u"][..], "account-deactivated"),
        (&["user", "block", "u", "--undo"], ""),
        (
            &["user", "password", "u", "--password", "second"],
            "password-changed",
        ),
        (&["user", "delete", "u"], "account-deleted"),
    ] {
        if initiator.is_empty() {
            program.ok(command);
            continue;
        }
        let sid = begin(&program, "u", "a");
        let printed = program.ok(command);
        assert!(printed.contains("1 session ended, 1 to tell"), "{printed}");
        let listed = program.json(&["delivery", "list", "--session", &sid]);
        assert_eq!(listed["deliveries"][0]["initiator"], initiator);
    }
}

#[test]
fn a_running_server_tells_of_what_the_command_line_ended() {
    let app = TcpListener::bind("127.0.0.1:0").unwrap();
    let program = with_client(&format!("http://{}/bcl", app.local_addr().unwrap()));
    let server = program.serve();
    let sid = begin(&program, "auth0|1", "a");
    program.ok(&["session", "end", &sid]);
    let (mut stream, _) = app.accept().unwrap();
    let mut told = String::new();
    while !told.contains("logout_token=") {
        let mut bytes = [0; 4096];
        let read = stream.read(&mut bytes).unwrap();
        assert!(read > 0, "{told}");
        told.push_str(&String::from_utf8_lossy(&bytes[..read]));
    }
    stream
        .write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n")
        .unwrap();
    assert!(told.starts_with("POST /bcl "), "{told}");
    // It is told once more later, because the session was joined so shortly before its end.
    until("the answer is noted", || {
        let listed = program.json(&["delivery", "list", "--session", &sid]);
        (listed["deliveries"][0]["last"]["status"] == 200).then_some(())
    });
    drop(server);
}
