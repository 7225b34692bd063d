//! Actions that fail: the app is told, the history says why, and nothing of the login is kept.

use std::sync::{Arc, OnceLock};

use async_trait::async_trait;
use logout_issuer::domain::action_run::{ActionCommand, ActionJob, ActionRun};
use logout_issuer::issuer::{Issuer, IssuerBuilder};
use serde_json::{Value, json};

use crate::house::{House, shop_request};

use crate::stage::{LIMITS, events, install, job, open, pool, sign_in};
use logout_issuer::actions::ActionEngine as _;

/// Each message of the contract beside the call that gives it, in a session.
const MESSAGES: [(&str, &str); 8] = [
    (
        "api.session.setMetadata(1, 'v')",
        "Invalid metadata: Metadata key must be a string",
    ),
    (
        "api.session.setMetadata('k', 1)",
        "Invalid metadata: Metadata value must be a string",
    ),
    (
        "for (let n = 0; n < 26; n++) api.session.setMetadata('k' + n, 'v')",
        "Invalid metadata: Metadata must not contain more than 25 entries",
    ),
    (
        "api.session.setMetadata('k'.repeat(256), 'v')",
        "Invalid metadata: All metadata keys must be at most 255 characters long",
    ),
    (
        "api.session.setMetadata('k\\0', 'v')",
        "Invalid metadata: Metadata keys must not contain null bytes (\\x00)",
    ),
    (
        "api.session.setMetadata('', 'v')",
        "Invalid metadata: Metadata keys may only include letters, numbers, underscores, or hyphens",
    ),
    (
        "api.session.setMetadata('k', 'v'.repeat(256))",
        "Invalid metadata: All metadata values must be at most 255 characters long",
    ),
    (
        "api.session.setMetadata('k', '\\0')",
        "Invalid metadata: Metadata values must not contain null bytes (\\x00)",
    ),
];

#[tokio::test]
async fn each_message_of_the_contract_reaches_the_app() {
    for (call, inner) in MESSAGES {
        let house = open().await;
        let body = format!("api.session.setMetadata('first', 'v'); {call};");
        let action = install(&house, &[&body]).await.remove(0);
        let mut browser = house.browser();
        let answer = sign_in(&mut browser, &house).await;
        let told = format!("Failed to set session metadata: {inner}");
        assert_eq!(answer.parameter("error"), "access_denied", "{call}");
        assert_eq!(answer.parameter("error_description"), told, "{call}");
        assert_eq!(answer.parameter("state"), "st&te");
        assert!(browser.cookie.is_none());
        let mut snapshot = house.issuer.store().read().await.unwrap();
        let page = snapshot.list_sessions_of_user(&house.ada.id, None, 10, house.issuer.now());
        assert!(
            page.await.unwrap().sessions.is_empty(),
            "{call}: a session was kept"
        );
        let failed = events(&house, "f").await;
        assert_eq!(failed[0]["details"]["error"]["message"], told);
        assert_eq!(failed[0]["details"]["error"]["oauthError"], "access_denied");
        let run = &events(&house, "actions_execution_failed").await[0]["details"];
        assert_eq!(run["action_id"], json!(action.id));
        assert_eq!(run["error_class"], "action_error");
        assert_eq!(run["action_error"]["message"], told);
        let runs = snapshot
            .list_action_executions(Some(&action.id), 10)
            .await
            .unwrap();
        assert_eq!(runs.len(), 1);
        assert_eq!(run["execution_id"], json!(runs[0].id));
    }
}

#[tokio::test]
async fn the_two_messages_that_no_login_gives_come_from_other_events() {
    let set = "api.session.setMetadata('k', 'v');";
    for (session, inner) in [
        (
            Value::Null,
            "Cannot set metadata on a session that does not exist.",
        ),
        (
            json!({}),
            "Cannot set metadata on a session that does not exist.",
        ),
        (
            json!({ "id": "s1", "metadata": [] }),
            "Invalid metadata: Metadata must be an object",
        ),
    ] {
        let mut one = job(set);
        one.event["session"] = session;
        let run = pool(1).run(one).await;
        let told = format!("Failed to set session metadata: {inner}");
        assert_eq!(run.result.unwrap_err().message, told);
    }
}

#[tokio::test]
async fn an_action_that_takes_too_long_in_a_login_is_told_and_logged_as_such() {
    let house = open().await;
    install(&house, &["", "for (;;) {}"]).await;
    let answer = sign_in(&mut house.browser(), &house).await;
    assert_eq!(answer.parameter("error"), "access_denied");
    let told = answer.parameter("error_description");
    assert!(told.starts_with("The Action took longer than "), "{told}");
    let run = &events(&house, "actions_execution_failed").await[0]["details"];
    assert_eq!(run["error_class"], "action_timeout");
    assert_eq!(run["action_name"], "Action 1");
}

#[tokio::test]
async fn the_time_limit_is_for_all_actions_of_a_login_together() {
    let house = open().await;
    let half = LIMITS.time.as_millis() * 6 / 10;
    let busy = format!("const end = Date.now() + {half}; while (Date.now() < end) {{}}");
    install(&house, &[&busy, &busy]).await;
    let answer = sign_in(&mut house.browser(), &house).await;
    let told = answer.parameter("error_description");
    assert!(told.starts_with("The Action took longer than "), "{told}");
}

/// An engine whose runs take all the time there is.
struct Slow;

#[async_trait]
impl logout_issuer::actions::ActionEngine for Slow {
    async fn run(&self, job: ActionJob) -> ActionRun {
        ActionRun {
            result: Ok(Vec::new()),
            console: String::new(),
            duration: job.limits.time,
        }
    }
}

#[tokio::test]
async fn an_action_for_which_no_time_is_left_says_so() {
    let slow = |builder: IssuerBuilder| builder.actions(Arc::new(Slow));
    let house = House::open_with("https://id.example/", slow).await;
    install(&house, &["", ""]).await;
    let answer = sign_in(&mut house.browser(), &house).await;
    let told = answer.parameter("error_description");
    assert_eq!(
        told,
        "The Actions before this one have used up the time of the login."
    );
}

/// An engine during whose runs somebody else fills the session's metadata.
#[derive(Default)]
struct Meddler(OnceLock<Issuer>);

#[async_trait]
impl logout_issuer::actions::ActionEngine for Meddler {
    async fn run(&self, job: ActionJob) -> ActionRun {
        if let Some(issuer) = self.0.get() {
            let sid = job.event["session"]["id"]
                .as_str()
                .unwrap()
                .parse()
                .unwrap();
            for number in 0..25 {
                let key = format!("k{number}");
                issuer
                    .sessions()
                    .set_metadata(&sid, &key, "v")
                    .await
                    .unwrap();
            }
        }
        let (key, value) = ("new".into(), "v".into());
        ActionRun {
            result: Ok(vec![ActionCommand::SetMetadata { key, value }]),
            console: String::new(),
            duration: std::time::Duration::ZERO,
        }
    }
}

#[tokio::test]
async fn what_does_not_hold_any_more_when_it_is_written_fails_the_login() {
    let engine = Arc::new(Meddler::default());
    let given = Arc::clone(&engine);
    let house = House::open_with("https://id.example/", |builder| builder.actions(given)).await;
    let mut browser = house.browser();
    house.sign_in(&mut browser).await;
    install(&house, &[""]).await;
    engine.0.set(house.issuer.clone()).ok().unwrap();
    let answer = browser
        .get(&house.url(&shop_request(&[("prompt", "none")])))
        .await;
    let told = "Failed to set session metadata: Invalid metadata: Metadata must not contain more than 25 entries";
    assert_eq!(answer.parameter("error_description"), told);
    let mut snapshot = house.issuer.store().read().await.unwrap();
    let runs = snapshot.list_action_executions(None, 9).await.unwrap();
    assert_eq!(runs.len(), 1);
    assert_eq!(runs[0].error.as_ref().unwrap().message, told);
    let page = snapshot.list_sessions_of_user(&house.ada.id, None, 10, house.issuer.now());
    let session = page.await.unwrap().sessions.remove(0).0;
    assert_eq!(
        (session.metadata.len(), session.metadata.get("new")),
        (25, None)
    );
}
