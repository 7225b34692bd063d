//! Pools of real workers, jobs for them, and houses whose logins run Actions.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use logout_issuer::actions::{ActionEngine as _, Pool, PoolSettings};
use logout_issuer::domain::action::Action;
use logout_issuer::domain::action_run::{
    ActionCommand, ActionError, ActionJob, ActionRun, RunLimits,
};
use logout_issuer::login::actions::keep::{ActionChange, bind, create, deploy};
use serde_json::{Map, Value, json};

use crate::house::{Browser, EMAIL, House, PASSWORD, Reply, shop_request};

pub(crate) const LIMITS: RunLimits = RunLimits {
    time: Duration::from_secs(1),
    memory: 32 << 20,
};

/// A pool of the program's own workers.
pub(crate) fn pool(workers: usize) -> Arc<Pool> {
    Arc::new(Pool::new(PoolSettings {
        program: PathBuf::from(env!("CARGO_BIN_EXE_logout-issuer")),
        workers,
        patience: Duration::from_secs(2),
    }))
}

/// An event of a login in a session.
pub(crate) fn event() -> Value {
    json!({
        "session": {
            "id": "s1",
            "metadata": { "kept": "yes" },
            "expires_at": "2026-12-01T00:00:00.000Z",
            "idle_expires_at": "2026-11-27T00:00:00.000Z",
        },
        "user": { "user_id": "u1", "app_metadata": {}, "user_metadata": {} },
        "transaction": { "metadata": {} },
    })
}

pub(crate) fn job(body: &str) -> ActionJob {
    ActionJob {
        action: "a1".into(),
        name: "Trial".into(),
        code: format!("exports.onExecutePostLogin = async (event, api) => {{ {body} }};"),
        event: event(),
        secrets: Map::new(),
        cache: Map::new(),
        limits: LIMITS,
    }
}

/// Runs the body of an Action in a worker.
pub(crate) async fn run(body: &str) -> ActionRun {
    pool(1).run(job(body)).await
}

pub(crate) async fn commands(body: &str) -> Vec<ActionCommand> {
    let run = run(body).await;
    run.result.unwrap_or_else(|error| panic!("{body}: {error}"))
}

pub(crate) async fn failure(body: &str) -> ActionError {
    run(body).await.result.expect_err(body)
}

/// A house whose logins run Actions in workers.
pub(crate) async fn open() -> House {
    House::open_with("https://id.example/", |builder| builder.actions(pool(2))).await
}

/// Makes, deploys and binds Actions with these bodies, in this order.
pub(crate) async fn install(house: &House, bodies: &[&str]) -> Vec<Action> {
    let mut actions = Vec::new();
    for (number, body) in bodies.iter().enumerate() {
        let change = ActionChange {
            code: Some(job(body).code),
            ..ActionChange::default()
        };
        let action = create(&house.issuer, &format!("Action {number}"), change)
            .await
            .unwrap();
        actions.push(deploy(&house.issuer, &action.id).await.unwrap());
    }
    let ids = actions.iter().map(|action| action.id.clone()).collect();
    bind(&house.issuer, ids).await.unwrap();
    actions
}

/// Sends Ada's password to the shop's login page; gives where the browser is sent.
pub(crate) async fn sign_in(browser: &mut Browser<'_>, house: &House) -> Reply {
    let page = browser.get(&house.url(&shop_request(&[]))).await;
    let page = if page.location().contains("/login?") {
        browser.follow(&page).await
    } else {
        return page;
    };
    browser
        .submit(&page, &[("email", EMAIL), ("password", PASSWORD)])
        .await
}

/// What the history has of this kind, newest first.
pub(crate) async fn events(house: &House, code: &str) -> Vec<Value> {
    let history = house.history().await.into_iter();
    history
        .filter(|(found, _)| found == code)
        .map(|(_, event)| event)
        .collect()
}
