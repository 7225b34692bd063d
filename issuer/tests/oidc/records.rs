//! What each thing that can happen leaves in the event log: a code, and details of a known shape.
//!
//! The table is that of the contract. The records of deliveries are `delivery/event_log.rs`'s.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use axum::body::Body;
use axum::http::Request;
use axum::http::header::AUTHORIZATION;
use logout_issuer::actions::ActionEngine;
use logout_issuer::domain::action_run::{ActionCommand, ActionErrorKind, ActionJob, ActionRun};
use logout_issuer::domain::management_scope;
use logout_issuer::login::access_token::{self, AccessToken, management_audience};
use logout_issuer::login::account_changes::{AccountChange, change_account};
use logout_issuer::login::actions::keep::{self, ActionChange};
use logout_issuer::login::users::{NewUser, create_user};
use logout_issuer::logout::LogContext;
use logout_shared::{Secret, SigningAlgorithm, Subject};
use serde_json::{Map, Value, json};

use crate::house::{EMAIL, House, PASSWORD, SECRET, client, form, shop_request};

/// The newest record with a code, which must have these members in its details.
async fn has(house: &House, code: &str, members: &[&str]) -> Value {
    let history = house.history().await;
    let found = history.iter().find(|(found, _)| found == code);
    let (_, event) = found.unwrap_or_else(|| panic!("no {code} among {history:?}"));
    for member in members {
        let path = format!("/details/{}", member.replace('.', "/"));
        let value = event.pointer(&path);
        assert!(value.is_some(), "{code} has no {member}: {event}");
    }
    assert!(
        !event["description"].as_str().unwrap().is_empty(),
        "{code} says nothing"
    );
    for secret in [PASSWORD, SECRET, "another password"] {
        assert!(!event.to_string().contains(secret), "{code} tells a secret");
    }
    event.clone()
}

async fn attempt(house: &House, email: &str, password: &str) {
    let mut browser = house.browser();
    let page = browser.get(&house.url(&shop_request(&[]))).await;
    let page = browser.follow(&page).await;
    browser
        .submit(&page, &[("email", email), ("password", password)])
        .await;
}

#[tokio::test]
async fn a_login_that_succeeds_fails_or_is_silent_leaves_its_record() {
    let house = House::open().await;
    let mut browser = house.browser();
    house.sign_in(&mut browser).await;
    let event = has(&house, "s", &["session_id"]).await;
    assert_eq!(event["user_name"], EMAIL);
    has(&house, "seacft", &[]).await;
    let silent = shop_request(&[("prompt", "none")]);
    browser.get(&house.url(&silent)).await;
    let event = has(&house, "ssa", &["session_id"]).await;
    assert_eq!(event["user_name"], EMAIL);
    house.browser().get(&house.url(&silent)).await;
    let error = ["error.message", "error.oauthError", "error.type"];
    has(&house, "fsa", &error).await;
    attempt(&house, EMAIL, "wrong").await;
    let event = has(&house, "fp", &error).await;
    assert_eq!(event["user"], house.ada.id.as_str());
    assert_eq!(event["client_name"], "The shop");
    attempt(&house, "nobody@example.com", "wrong").await;
    let event = has(&house, "fu", &error).await;
    assert_eq!(event["user_name"], "nobody@example.com");
    change(&house, AccountChange::Block).await.unwrap();
    attempt(&house, EMAIL, PASSWORD).await;
    has(&house, "f", &error).await;
}

#[tokio::test]
async fn logins_that_fail_too_often_are_told_once_they_are_held_up() {
    let house = House::open().await;
    for n in 0..12 {
        attempt(&house, EMAIL, "wrong").await;
        assert_eq!(house.history_has("limit_wc").await, n >= 9, "{n}");
    }
    let history = house.history().await;
    let held = history.iter().filter(|(code, _)| code == "limit_wc");
    assert_eq!(held.count(), 1, "only the failure that was one too many");
}

#[tokio::test]
async fn a_client_that_is_given_a_token_or_refused_leaves_its_record() {
    let house = House::open().await;
    let ask = async |secret: &str, more: &[(&str, &str)]| {
        let mut fields = vec![
            ("grant_type", "client_credentials"),
            ("client_id", "shop"),
            ("client_secret", secret),
        ];
        fields.extend(more);
        house.post("/oauth/token", None, &fields).await
    };
    ask(SECRET, &[]).await;
    has(&house, "seccft", &["audience", "scope"]).await;
    ask(SECRET, &[("scope", "read:everything")]).await;
    has(&house, "feccft", &["audience", "scope"]).await;
    let error = ["error.message", "error.oauthError"];
    ask("wrong", &[]).await;
    let event = has(&house, "feccft", &error).await;
    assert_eq!(event["client"], "shop");
    house.redeem("no-code").await;
    has(&house, "feacft", &error).await;
    let fields = [
        ("grant_type", "authorization_code"),
        ("client_id", "shop"),
        ("client_secret", "wrong"),
        ("code", "x"),
    ];
    house.post("/oauth/token", None, &fields).await;
    let event = has(&house, "feacft", &error).await;
    assert_eq!(event["details"]["error"]["type"], "invalid_client");
    let fields = [
        ("grant_type", "refresh_token"),
        ("client_id", "shop"),
        ("client_secret", "wrong"),
        ("refresh_token", "x"),
    ];
    house.post("/oauth/token", None, &fields).await;
    let event = has(&house, "fertft", &error).await;
    assert_eq!(event["details"]["error"]["type"], "invalid_client");
    // Strangers who make up an id leave nothing.
    let before = house.history().await.len();
    let made_up = [("grant_type", "client_credentials"), ("client_id", "ghost")];
    house.post("/oauth/token", None, &made_up).await;
    assert_eq!(house.history().await.len(), before);
}

#[tokio::test]
async fn a_sign_out_and_one_that_fails_say_what_was_asked_for() {
    let house = House::open().await;
    let mut browser = house.browser();
    let tokens = house.sign_in(&mut browser).await;
    let hint = tokens["id_token"].as_str().unwrap();
    let leave = |fields: &[(&str, &str)]| house.url(&format!("/oidc/logout?{}", form(fields)));
    let foreign = ("post_logout_redirect_uri", "https://evil.example/");
    browser
        .get(&leave(&[("id_token_hint", hint), foreign]))
        .await;
    let members = [
        "allowed_logout_url",
        "initiated_by",
        "protocol",
        "return_to",
        "session_id",
    ];
    let event = has(&house, "flo", &members).await;
    assert_eq!(event["client"], "shop");
    assert_eq!(event["details"]["return_to"], foreign.1);
    assert_ne!(event["details"]["session_id"], "");
    browser.get(&leave(&[("id_token_hint", hint)])).await;
    let slo: Vec<&str> = members.into_iter().chain(["session_metadata"]).collect();
    let event = has(&house, "slo", &slo).await;
    assert_eq!(event["details"]["initiated_by"], "rp-logout");
    // One that no app asked for: somebody else signs in at this browser.
    let event_of_app = event;
    house.sign_in(&mut browser).await;
    house.add_user("eve@example.com", "another password").await;
    let page = browser
        .get(&house.url(&shop_request(&[("prompt", "login")])))
        .await;
    let page = browser.follow(&page).await;
    let eve = [
        ("email", "eve@example.com"),
        ("password", "another password"),
    ];
    browser.submit(&page, &eve).await;
    let event = has(&house, "slo", &slo).await;
    assert_ne!(event, event_of_app);
}

async fn change(
    house: &House,
    change: AccountChange,
) -> Result<(), logout_issuer::login::account_changes::AccountChangeError> {
    let context = LogContext::default();
    let changed = change_account(&house.issuer, &house.ada.id, change, context).await;
    changed.map(drop)
}

fn password(text: &str) -> AccountChange {
    AccountChange::Password {
        password: Secret::new(text.to_owned()),
        keep: None,
    }
}

#[tokio::test]
async fn whatever_becomes_of_an_account_leaves_its_record() {
    let house = House::open().await;
    let event = has(&house, "ss", &["body.user_id", "body.email"]).await;
    assert_eq!(event["user_name"], EMAIL);
    let again = NewUser {
        email: EMAIL.into(),
        ..NewUser::default()
    };
    create_user(&house.issuer, again).await.unwrap_err();
    let event = has(&house, "fs", &["body.email"]).await;
    assert_eq!(event["user_name"], EMAIL);
    change(&house, password("another password")).await.unwrap();
    has(&house, "scp", &["body.user_id"]).await;
    change(&house, password("")).await.unwrap_err();
    let failed = ["body.user_id", "description", "query.user_id"];
    has(&house, "fcp", &failed).await;
    let email = |text: &str| AccountChange::Email(text.into());
    change(&house, email("lovelace@example.com")).await.unwrap();
    let event = has(&house, "sce", &["body.email", "body.newEmail"]).await;
    assert_eq!(event["details"]["body"]["email"], EMAIL);
    house.add_user("eve@example.com", "another password").await;
    change(&house, email("eve@example.com")).await.unwrap_err();
    has(&house, "fce", &["body.newEmail", "body.user_id"]).await;
    let profile =
        |value: Value| AccountChange::Profile(Map::from_iter([("phone_number".to_owned(), value)]));
    change(&house, profile(json!("+49 30 1"))).await.unwrap();
    has(&house, "scpn", &["body.phone_number"]).await;
    change(&house, AccountChange::Delete).await.unwrap();
    let event = has(&house, "sdu", &["body.user_id"]).await;
    assert_eq!(event["user"], house.ada.id.as_str());
    change(&house, AccountChange::Delete).await.unwrap_err();
    has(&house, "fdu", &["body.user_id"]).await;
    // What changes nothing leaves nothing, and a name has no record of its own.
    let before = house.history().await.len();
    let missing: Subject = "auth0|nobody".parse().unwrap();
    let change = AccountChange::Profile(Map::new());
    let context = LogContext::default();
    let changed = change_account(&house.issuer, &missing, change, context).await;
    changed.unwrap_err();
    assert_eq!(house.history().await.len(), before);
}

#[tokio::test]
async fn calls_of_the_management_api_say_who_changed_what_and_who_read_a_secret() {
    let house = House::open().await;
    let all = management_scope::granted(["all"]).unwrap();
    let mut ops = client("ops");
    ops.management_scopes = all.clone();
    house.add_client(ops).await;
    let token = AccessToken {
        subject: "ops@clients".into(),
        client: "ops".parse().unwrap(),
        audience: management_audience(house.issuer.id()),
        scopes: all,
        session: None,
        grant: None,
        custom: Map::new(),
    };
    let algorithm = SigningAlgorithm::Es256;
    let token = access_token::mint(&house.issuer, &token, algorithm, house.issuer.now()).await;
    let bearer = format!("Bearer {}", token.unwrap());
    let call = async |method: &str, path: &str| {
        let request = Request::builder()
            .method(method)
            .uri(house.url(&format!("/api/v2{path}")))
            .header(AUTHORIZATION, &bearer);
        house.send(request.body(Body::empty()).unwrap()).await
    };
    let reply = call("GET", "/clients/shop?fields=client_secret").await;
    assert_eq!(reply.json()["client_secret"], SECRET);
    let members = [
        "request.method",
        "request.path",
        "request.query.fields",
        "request.userAgent",
        "request.ip",
        "request.channel",
        "request.auth.user",
        "request.auth.strategy",
        "request.auth.credentials",
        "response.statusCode",
        "response.body",
        "accessedSecrets",
    ];
    has(&house, "mgmt_api_read", &members).await;
    let mut browser = house.browser();
    house.sign_in(&mut browser).await;
    let user = house.ada.id.as_str().replace('|', "%7C");
    call("DELETE", &format!("/users/{user}/sessions")).await;
    has(&house, "sapi", &["request", "response.statusCode"]).await;
    let event = has(&house, "session_revoked", &["session_id", "initiator"]).await;
    assert_eq!(event["client"], "ops");
}

/// An engine that gives what the test put in.
#[derive(Default)]
struct Scripted(Mutex<Option<ActionRun>>);

#[async_trait]
impl ActionEngine for Scripted {
    async fn run(&self, _job: ActionJob) -> ActionRun {
        self.0.lock().unwrap().take().unwrap()
    }
}

#[tokio::test]
async fn an_action_that_fails_or_wants_too_much_leaves_its_record() {
    let engine = Arc::new(Scripted::default());
    let inside = Arc::clone(&engine);
    let house = House::open_with("https://id.example/", |builder| builder.actions(inside)).await;
    let change = ActionChange {
        code: Some(String::new()),
        ..ActionChange::default()
    };
    keep::create(&house.issuer, "A", change).await.unwrap();
    keep::deploy(&house.issuer, "A").await.unwrap();
    keep::bind(&house.issuer, vec!["A".into()]).await.unwrap();
    let gives = |run| *engine.0.lock().unwrap() = Some(run);
    gives(ActionRun::failed(ActionErrorKind::Thrown, "no"));
    attempt(&house, EMAIL, PASSWORD).await;
    let members = [
        "trigger_id",
        "execution_id",
        "action_id",
        "action_name",
        "version_id",
        "binding_id",
        "error_class",
        "action_error.name",
        "action_error.message",
    ];
    has(&house, "actions_execution_failed", &members).await;
    has(&house, "f", &["error.message", "session_id"]).await;
    gives(ActionRun {
        result: Ok(vec![ActionCommand::SetExpiresAt { at: 9e12 }]),
        console: String::new(),
        duration: Duration::ZERO,
    });
    attempt(&house, EMAIL, PASSWORD).await;
    has(&house, "w", &["session_id"]).await;
}
