//! The demo for a person at a browser: says where to go and what to do, and stays up.
//!
//! Enter ends the newest session through the Management API, as an administrator would.

use logout_tests::http::{Management, decode_part};
use reqwest::Method;
use serde_json::json;
use tokio::sync::mpsc;

use crate::stage::{EMAIL, PASSWORD, Stage};

/// Stays up until Ctrl-C.
pub(crate) async fn stay(stage: &Stage) -> anyhow::Result<()> {
    println!(
        "
  The app     {app}
  The issuer  {issuer}
  Sign in as  {EMAIL}
  Password    {PASSWORD}

  1. Open the app and sign in.
  2. Press Enter here: the newest session gets the metadata deviceName and is revoked,
     as an administrator would do it through the Management API.
  3. Reload the app: you are out, and it shows what it was told.

  For your own calls of the API: client_id {id}, client_secret {secret}
  Ctrl-C ends both.
",
        app = stage.app_url,
        issuer = stage.issuer_url,
        id = stage.client_id,
        secret = stage.client_secret,
    );
    let management =
        Management::sign_in(&stage.issuer_url, &stage.client_id, &stage.client_secret).await;
    let mut enter = enter_key();
    let mut enter_works = true;
    loop {
        let heard = stage.tap.next();
        tokio::select! {
            _ = tokio::signal::ctrl_c() => return Ok(()),
            heard = heard => {
                let claims = decode_part(&heard.token, 1);
                println!("  The app was told and answered {}:\n{claims:#}\n", heard.status);
            }
            pressed = enter.recv(), if enter_works => match pressed {
                Some(()) => revoke_newest(stage, &management).await,
                // No terminal: stay up for the browser all the same.
                None => enter_works = false,
            },
        }
    }
}

/// A message for each line on standard input; a thread of its own, since reading blocks and must
/// not keep the demo from ending.
fn enter_key() -> mpsc::Receiver<()> {
    let (pressed, receiver) = mpsc::channel(1);
    std::thread::spawn(move || {
        for _line in std::io::stdin().lines().map_while(Result::ok) {
            if pressed.blocking_send(()).is_err() {
                return;
            }
        }
    });
    receiver
}

async fn revoke_newest(stage: &Stage, management: &Management) {
    let sid = match stage.newest_session().await {
        Ok(Some(sid)) => sid,
        Ok(None) => {
            println!("  Nobody is signed in. Open {} first.\n", stage.app_url);
            return;
        }
        Err(error) => {
            println!("  The sessions could not be read: {error}\n");
            return;
        }
    };
    let metadata = json!({ "deviceName": "the demo's terminal" });
    let (status, body) = management.set_metadata(&sid, &metadata).await;
    if status != 200 {
        println!("  The metadata could not be set ({status}): {body}\n");
    }
    let (status, body) = management
        .call(Method::POST, &format!("sessions/{sid}/revoke"), None)
        .await;
    match status.as_u16() {
        202 => println!("  Session {sid} is revoked.\n"),
        _ => println!("  The session could not be revoked ({status}): {body}\n"),
    }
}
