//! Settings of the whole issuer, its one API and one connection, and what is counted by day.

use std::time::Duration;

use logout_issuer::domain::event_log::{LogCode, LogEvent};
use logout_issuer::domain::session::{CookieMode, Device};
use logout_issuer::storage::StorageError;
use logout_shared::Timestamp;
use serde_json::{Value, json};

use crate::api::{Api, START, USER};

const SETTINGS: &str = "/tenants/settings";
const READ: &str = "read:tenant_settings";
const WRITE: &str = "update:tenant_settings";

async fn patch(api: &Api, body: Value) -> crate::api::Answer {
    api.call(WRITE, &format!("PATCH {SETTINGS}"), body).await
}

/// The JSON of an address outside of the Management API.
async fn page(api: &Api, path: &str) -> crate::api::Answer {
    let request = axum::http::Request::get(path).body(axum::body::Body::empty());
    api.send(request.unwrap()).await
}

#[tokio::test]
async fn without_a_change_the_configuration_holds() {
    let api = Api::start().await;
    let settings = api.get(READ, SETTINGS).await.expect(200);
    assert_eq!(
        settings,
        json!({
            "enabled_locales": ["en"],
            "flags": {},
            "session_lifetime": 168,
            "idle_session_lifetime": 72,
            "session_cookie": {"mode": "persistent"},
            "allowed_logout_urls": [],
            "oidc_logout": {"rp_logout_end_session_endpoint_discovery": true},
            "sessions": {"oidc_logout_prompt_enabled": true},
        })
    );
    let path = format!("{SETTINGS}?fields=session_lifetime,flags");
    let some = api.get(READ, &path).await.expect(200);
    assert_eq!(some, json!({"flags": {}, "session_lifetime": 168}));
    let path = format!("{SETTINGS}?fields=flags&include_fields=false");
    assert!(
        api.get(READ, &path)
            .await
            .expect(200)
            .get("flags")
            .is_none()
    );
}

#[tokio::test]
async fn lifetimes_hold_for_the_next_session_and_null_takes_them_back() {
    let api = Api::start().await;
    let begun = async || {
        let user = USER.parse().unwrap();
        let sid = api
            .issuer
            .sessions()
            .begin(&user, Device::default())
            .await
            .unwrap();
        let session = api.session(sid.as_str()).await.unwrap();
        (
            session.expires_at.saturating_since(START).as_secs(),
            session.idle_expires_at.saturating_since(START).as_secs(),
            session.cookie_mode,
        )
    };
    let hour = 3_600;
    assert_eq!(
        begun().await,
        (168 * hour, 72 * hour, CookieMode::Persistent)
    );
    let change = json!({
        "session_lifetime": 24,
        "idle_session_lifetime": 0.5,
        "session_cookie": {"mode": "non-persistent"},
    });
    let told = patch(&api, change).await.expect(200);
    assert_eq!(
        (&told["session_lifetime"], &told["idle_session_lifetime"]),
        (&json!(24), &json!(0.5))
    );
    assert_eq!(
        begun().await,
        (24 * hour, hour / 2, CookieMode::NonPersistent)
    );
    patch(
        &api,
        json!({"session_lifetime": null, "session_cookie": null}),
    )
    .await
    .expect(200);
    assert_eq!(
        begun().await,
        (168 * hour, hour / 2, CookieMode::Persistent)
    );
}

#[tokio::test]
async fn lifetimes_have_ends() {
    let api = Api::start().await;
    for (hours, good) in [
        (json!(1.0 / 60.0), true),
        (json!(0.9 / 60.0), false),
        (json!(8_760), true),
        (json!(8_760.001), false),
        (json!(0), false),
        (json!(-1), false),
        (json!("1"), false),
    ] {
        for name in ["session_lifetime", "idle_session_lifetime"] {
            let answer = patch(&api, json!({name: hours})).await;
            assert_eq!(
                answer.status.is_success(),
                good,
                "{name} {hours}: {}",
                answer.body
            );
        }
    }
}

#[tokio::test]
async fn another_server_on_the_store_takes_a_change_over() {
    let api = Api::start().await;
    let written = api.issuer.store().write::<_, StorageError, _>(move |tx| {
        Box::pin(async move {
            let mut settings = tx.tenant_settings().await?;
            settings.lifetime_secs = Some(60);
            tx.save_tenant_settings(&settings, START).await
        })
    });
    written.await.unwrap();
    assert_eq!(
        api.issuer.session_lifetimes().absolute,
        Duration::from_hours(168)
    );
    api.issuer.reload_tenant_settings().await.unwrap();
    assert_eq!(
        api.issuer.session_lifetimes().absolute,
        Duration::from_mins(1)
    );
}

#[tokio::test]
async fn the_way_to_sign_out_can_leave_the_discovery_document() {
    let api = Api::start().await;
    let shows = async || {
        let document = page(&api, "/.well-known/openid-configuration").await;
        document.expect(200).get("end_session_endpoint").is_some()
    };
    assert!(shows().await);
    for (shown, value) in [(false, json!(false)), (true, Value::Null)] {
        let member = json!({"rp_logout_end_session_endpoint_discovery": value});
        patch(&api, json!({"oidc_logout": member}))
            .await
            .expect(200);
        assert_eq!(shows().await, shown);
    }
}

#[tokio::test]
async fn a_sign_out_without_a_client_may_lead_to_the_issuers_own_addresses() {
    let api = Api::start().await;
    let out = "/oidc/logout?post_logout_redirect_uri=https://own.example/bye&state=x";
    assert_eq!(page(&api, out).await.status, 400);
    let urls = json!({"allowed_logout_urls": ["https://own.example/bye"]});
    patch(&api, urls).await.expect(200);
    let left = page(&api, out).await;
    assert_eq!(left.headers["location"], "https://own.example/bye?state=x");
    let other = "/oidc/logout?post_logout_redirect_uri=https://own.example/by";
    assert_eq!(page(&api, other).await.status, 400);
    // A client that is known has its own list.
    let of_client = format!("{out}&client_id={}", crate::api::CALLER);
    assert_eq!(page(&api, &of_client).await.status, 400);
    let legacy = page(&api, "/v2/logout?returnTo=https://own.example/bye").await;
    assert_eq!(legacy.headers["location"], "https://own.example/bye");
    let bad = patch(
        &api,
        json!({"allowed_logout_urls": ["javascript:alert(1)"]}),
    )
    .await;
    assert_eq!(bad.status, 400);
}

#[tokio::test]
async fn what_is_known_and_not_used_comes_back_as_it_was_sent() {
    let api = Api::start().await;
    let sent = json!({
        "friendly_name": "Kiosk GmbH",
        "support_email": "help@example.com",
        "support_url": "https://example.com/help",
        "picture_url": "",
        "default_directory": "Username-Password-Authentication",
        "flags": {"enable_client_connections": false, "revoke_refresh_token_grant": true},
        "enabled_locales": ["en", "de"],
        "ephemeral_session_lifetime": 12,
        "change_password": {"enabled": true, "html": "<p>"},
        "customize_mfa_in_postlogin_action": false,
        "sandbox_version": "22",
    });
    let told = patch(&api, sent.clone()).await.expect(200);
    assert_eq!(told, api.get(READ, SETTINGS).await.expect(200));
    for (name, value) in sent.as_object().unwrap() {
        assert_eq!(&told[name], value, "{name}");
    }
    patch(&api, json!({"friendly_name": null}))
        .await
        .expect(200);
    let told = api.get(READ, SETTINGS).await.expect(200);
    assert!(told.get("friendly_name").is_none());
    assert_eq!(
        told["support_email"], "help@example.com",
        "what is not named stays"
    );
}

#[tokio::test]
async fn wrong_settings_change_nothing() {
    let api = Api::start().await;
    for (bad, reason) in [
        (json!({}), "Too few properties"),
        (
            json!({"colour": "red"}),
            "Additional properties not allowed: colour",
        ),
        (json!({"friendly_name": 1}), "Expected type string"),
        (
            json!({"friendly_name": "n".repeat(256)}),
            "too long (256 chars), maximum 255",
        ),
        (
            json!({"session_cookie": {"mode": "eternal"}}),
            "No enum match for: eternal",
        ),
        (
            json!({"session_cookie": {"colour": "red"}}),
            "Additional properties",
        ),
        (
            json!({"sessions": {"oidc_logout_prompt_enabled": "no"}}),
            "Expected type boolean",
        ),
        (
            json!({"session_lifetime": 1, "flags": []}),
            "Expected type object",
        ),
    ] {
        let answer = patch(&api, bad).await;
        assert_eq!(answer.status, 400, "{}", answer.body);
        assert!(
            answer.body["message"].as_str().unwrap().contains(reason),
            "{}",
            answer.body
        );
    }
    assert_eq!(
        api.get(READ, SETTINGS).await.expect(200)["session_lifetime"],
        168
    );
    assert!(api.events("sapi").await.is_empty());
}

#[tokio::test]
async fn settings_need_their_scopes_and_leave_a_record() {
    let api = Api::start().await;
    let code = Some("insufficient_scope");
    let message = format!("Insufficient scope, expected any of: {READ}");
    api.get(WRITE, SETTINGS).await.refused(403, &message, code);
    let message = format!("Insufficient scope, expected any of: {WRITE}");
    let body = json!({"friendly_name": "secret plan"});
    api.call(READ, &format!("PATCH {SETTINGS}"), body.clone())
        .await
        .refused(403, &message, code);
    patch(&api, body).await.expect(200);
    let record = api.events("sapi").await.remove(0).event;
    assert_eq!(
        record["details"]["request"]["properties"],
        json!(["friendly_name"])
    );
    assert!(!record.to_string().contains("secret plan"), "{record}");
}

#[tokio::test]
async fn the_one_api_has_all_scopes_and_its_list_ends() {
    let api = Api::start().await;
    let scope = "read:resource_servers";
    let listed = api.get(scope, "/resource-servers").await.expect(200);
    let server = &listed[0];
    assert_eq!(server["identifier"], "https://id.example/api/v2/");
    assert_eq!(server["is_system"], true);
    let scopes = server["scopes"].as_array().unwrap();
    assert_eq!(
        scopes.len(),
        logout_issuer::domain::management_scope::ALL.len()
    );
    let signing = scopes
        .iter()
        .find(|it| it["value"] == "read:signing_keys")
        .unwrap();
    assert_eq!(signing["description"], "Read signing keys");
    assert_eq!(
        api.get(scope, "/resource-servers?page=1").await.expect(200),
        json!([])
    );
    let totals = "/resource-servers?include_totals=true&page=0&per_page=50";
    let totals = api.get(scope, totals).await.expect(200);
    assert_eq!(
        (&totals["total"], &totals["length"]),
        (&json!(1), &json!(1))
    );
    let first = api.get(scope, "/resource-servers?take=1").await.expect(200);
    assert!(first.get("next").is_none(), "{first}");
    for id in [
        server["id"].as_str().unwrap(),
        "https%3A%2F%2Fid.example%2Fapi%2Fv2%2F",
    ] {
        let path = format!("/resource-servers/{id}");
        assert_eq!(&api.get(scope, &path).await.expect(200), server);
    }
    let some = format!(
        "/resource-servers/{}?fields=id",
        server["id"].as_str().unwrap()
    );
    assert_eq!(
        api.get(scope, &some).await.expect(200),
        json!({"id": server["id"]})
    );
    let message = "The resource server does not exist";
    let code = Some("inexistent_resource_server");
    api.get(scope, "/resource-servers/x")
        .await
        .refused(404, message, code);
    assert_eq!(
        api.get("read:clients", "/resource-servers").await.status,
        403
    );
}

#[tokio::test]
async fn the_one_connection_is_found_by_name_and_id() {
    let api = Api::start().await;
    let scope = "read:connections";
    let listed = api
        .get(scope, "/connections?strategy=auth0")
        .await
        .expect(200);
    let connection = &listed[0];
    assert_eq!(connection["name"], "Username-Password-Authentication");
    let path = format!("/connections/{}", connection["id"].as_str().unwrap());
    assert_eq!(&api.get(scope, &path).await.expect(200), connection);
    for nothing in ["name=x", "strategy=google-oauth2", "page=1"] {
        let path = format!("/connections?{nothing}");
        assert_eq!(
            api.get(scope, &path).await.expect(200),
            json!([]),
            "{nothing}"
        );
    }
    let message = "The connection does not exist";
    let code = Some("inexistent_connection");
    api.get(scope, "/connections/x")
        .await
        .refused(404, message, code);
    assert_eq!(api.get("read:clients", "/connections").await.status, 403);
}

const DAY: Duration = Duration::from_hours(24);
/// The midnight before [`START`].
const MIDNIGHT: &str = "2026-11-23T00:00:00.000Z";

async fn log(api: &Api, code: LogCode, user: &str, at: Timestamp) {
    let event = LogEvent {
        user: Some(user.parse().unwrap()),
        ..LogEvent::new(code, "Something", at)
    };
    let written = api.issuer.store().write::<_, StorageError, _>(move |tx| {
        Box::pin(async move { tx.append_events(&[event]).await })
    });
    written.await.unwrap();
}

#[tokio::test]
async fn sign_ins_are_counted_day_by_day() {
    let api = Api::start().await;
    let midnight: Timestamp = MIDNIGHT.parse().unwrap();
    let milli = Duration::from_millis(1);
    log(&api, LogCode::LoginSucceeded, "a", midnight).await;
    log(&api, LogCode::LoginSucceeded, "b", midnight + DAY - milli).await;
    log(&api, LogCode::LoginSucceeded, "a", midnight - milli).await;
    log(&api, LogCode::LoginFailed, "a", midnight).await;
    let daily = api
        .get("read:stats", "/stats/daily?from=20261122&to=20261123")
        .await
        .expect(200);
    assert_eq!(
        daily,
        json!([
            {
                "date": "2026-11-22T00:00:00.000Z", "logins": 1, "signups": 0,
                "leaked_passwords": 0, "created_at": "2026-11-22T23:59:59.999Z",
                "updated_at": "2026-11-22T23:59:59.999Z",
            },
            {
                "date": MIDNIGHT, "logins": 2, "signups": 0, "leaked_passwords": 0,
                "created_at": MIDNIGHT, "updated_at": "2026-11-23T23:59:59.999Z",
            },
        ])
    );
    let month = api.get("read:stats", "/stats/daily").await.expect(200);
    let month = month.as_array().unwrap();
    assert_eq!(month.len(), 30);
    assert_eq!(month[29]["date"], MIDNIGHT);
    assert_eq!(
        month[0],
        json!({
            "date": "2026-10-25T00:00:00.000Z", "logins": 0, "signups": 0, "leaked_passwords": 0,
        })
    );
    for (query, good) in [
        ("from=20251123&to=20261123", true),
        ("from=20251122&to=20261123", false),
        ("from=20261124&to=20261123", false),
        ("from=20261123&to=20261123", true),
        ("from=2026-11-23", false),
        ("from=20261323&to=20261323", false),
        ("to=today", false),
    ] {
        let answer = api
            .get("read:stats", &format!("/stats/daily?{query}"))
            .await;
        assert_eq!(
            answer.status.as_u16(),
            if good { 200 } else { 400 },
            "{query}"
        );
    }
    assert_eq!(api.get("read:logs", "/stats/daily").await.status, 403);
}

#[tokio::test]
async fn whoever_signed_in_in_thirty_days_is_active_and_counted_once() {
    let api = Api::start().await;
    let since = START - DAY * 30;
    log(&api, LogCode::LoginSucceeded, "a", since).await;
    log(&api, LogCode::LoginSucceeded, "a", START).await;
    log(&api, LogCode::LoginSucceeded, "b", since).await;
    log(
        &api,
        LogCode::LoginSucceeded,
        "c",
        since - Duration::from_millis(1),
    )
    .await;
    log(&api, LogCode::LoginFailed, "d", START).await;
    let active = api.get("read:stats", "/stats/active-users").await;
    assert_eq!(active.expect(200), json!(2));
    assert_eq!(
        api.get("read:logs", "/stats/active-users").await.status,
        403
    );
}
