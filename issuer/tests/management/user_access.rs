//! What changes of users end, whom they tell, and revoking all that a user has.

use logout_issuer::domain::initiator::Initiator;
use logout_issuer::domain::logout_settings::{Initiators, LogoutSettings, LogoutUrl};
use serde_json::{Value, json};

use crate::api::{Api, USER, client};

const USER_PATH: &str = "/users/auth0%7Cada";
const REVOKE: &str = "delete:sessions delete:refresh_tokens";

/// Three clients, each told of one thing only, and a session of all of them.
async fn stage() -> Api {
    let api = Api::start().await;
    let clients = [
        ("blocks", Initiator::AccountDeactivated),
        ("passwords", Initiator::PasswordChanged),
        ("deletes", Initiator::AccountDeleted),
        ("emails", Initiator::EmailIdentifierChanged),
        ("names", Initiator::ProfileChanged),
    ];
    for (id, initiator) in clients {
        let mut client = client(id);
        let url = format!("https://{id}.example/out");
        client.logout = Some(LogoutSettings {
            urls: vec![LogoutUrl::from_stored(url)],
            initiators: Some(Initiators::Custom(vec![initiator])),
            ..LogoutSettings::default()
        });
        api.put_client(client).await;
    }
    let ids: Vec<_> = clients.iter().map(|(id, _)| *id).collect();
    api.put_session("s1", USER, &ids).await;
    api
}

/// The clients that are to be told, and why.
async fn told(api: &Api) -> Vec<String> {
    let list = api
        .get("read:logout_deliveries", "/logout-deliveries")
        .await
        .expect(200);
    let deliveries = list["deliveries"].as_array().unwrap().iter();
    let mut told: Vec<_> = deliveries
        .map(|one| {
            let text = |name: &str| one[name].as_str().unwrap().to_owned();
            format!("{} {}", text("client_id"), text("initiator"))
        })
        .collect();
    told.sort();
    told
}

#[tokio::test]
async fn clients_are_told_of_each_change_and_of_nothing_that_stays() {
    for (body, wanted, lives) in [
        (
            json!({"blocked": true}),
            vec!["blocks account-deactivated"],
            false,
        ),
        (
            json!({"password": "x"}),
            vec!["passwords password-changed"],
            false,
        ),
        (
            json!({"email": "x@example.com"}),
            vec!["emails email-identifier-changed"],
            false,
        ),
        (json!({"name": "Ada"}), vec!["names profile-changed"], true),
        (
            json!({"blocked": true, "password": "x", "name": "Ada"}),
            vec![
                "blocks account-deactivated",
                "names profile-changed",
                "passwords password-changed",
            ],
            false,
        ),
        (json!({"email": "auth0.ada@example.com"}), vec![], true),
        (
            json!({"blocked": false, "user_metadata": {"a": 1}}),
            vec![],
            true,
        ),
    ] {
        let api = stage().await;
        let line = format!("PATCH {USER_PATH}");
        api.call("update:users", &line, body.clone())
            .await
            .expect(200);
        assert_eq!(told(&api).await, wanted, "{body}");
        assert_eq!(api.session("s1").await.is_some(), lives, "{body}");
    }
}

#[tokio::test]
async fn blocking_twice_tells_once() {
    let api = stage().await;
    for _ in 0..2 {
        let line = format!("PATCH {USER_PATH}");
        api.call("update:users", &line, json!({"blocked": true}))
            .await
            .expect(200);
    }
    assert_eq!(told(&api).await, ["blocks account-deactivated"]);
}

#[tokio::test]
async fn deleting_a_user_ends_the_sessions_and_tells_the_clients() {
    let api = stage().await;
    let line = format!("DELETE {USER_PATH}");
    api.call("delete:users", &line, Value::Null)
        .await
        .expect(204);
    assert_eq!(told(&api).await, ["deletes account-deleted"]);
    assert!(api.session("s1").await.is_none());
}

#[tokio::test]
async fn access_is_revoked_of_one_session_or_of_all() {
    let api = Api::start().await;
    api.put_user("auth0|bob").await;
    for (id, user) in [
        ("s1", USER),
        ("s2", USER),
        ("s3", USER),
        ("other", "auth0|bob"),
    ] {
        api.put_session(id, user, &[]).await;
    }
    let line = format!("POST {USER_PATH}/revoke-access");
    let of_another = json!({"session_id": "other", "preserve_refresh_tokens": true});
    api.call(REVOKE, &line, of_another).await.expect(202);
    assert!(api.session("other").await.is_some());
    let one = json!({"session_id": "s1"});
    api.call(REVOKE, &line, one).await.expect(202);
    assert!(api.session("s1").await.is_none() && api.session("s2").await.is_some());
    for _ in 0..2 {
        api.call(REVOKE, &line, Value::Null).await.expect(202);
    }
    assert!(api.session("s2").await.is_none() && api.session("s3").await.is_none());
    assert!(api.session("other").await.is_some());
    assert_eq!(api.events("session_revoked").await.len(), 3);
}

#[tokio::test]
async fn revoking_what_nobody_has_is_answered_alike_and_a_wrong_body_is_not() {
    let api = Api::start().await;
    for id in ["nobody", "%0A"] {
        let line = format!("POST /users/{id}/revoke-access");
        api.call(REVOKE, &line, json!({})).await.expect(202);
    }
    assert!(api.events("sapi").await.is_empty());
    let line = format!("POST {USER_PATH}/revoke-access");
    for (body, status) in [
        (json!({"session_id": "x".repeat(50)}), 202),
        (json!({"session_id": "x".repeat(51)}), 400),
        (json!({"session_id": ""}), 400),
        (json!({"session_id": null}), 400),
        (json!({"preserve_refresh_tokens": "yes"}), 400),
        (json!({"session": "x"}), 400),
    ] {
        api.call(REVOKE, &line, body).await.expect(status);
    }
    for scope in REVOKE.split(' ') {
        api.call(scope, &line, json!({})).await.expect(403);
    }
}
