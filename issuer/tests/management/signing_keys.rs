//! Signing keys over HTTP: which there are, their rotation, and taking one back.

use std::time::Duration;

use serde_json::{Value, json};

use crate::api::Api;

const ALL: &str = "read:signing_keys create:signing_keys update:signing_keys";
const KEYS: &str = "/keys/signing";

async fn keys(api: &Api) -> Vec<Value> {
    let listed = api.get(ALL, KEYS).await.expect(200);
    listed.as_array().unwrap().clone()
}

/// The key of an algorithm for which a flag is set.
async fn key(api: &Api, alg: &str, flag: &str) -> Option<Value> {
    let all = keys(api).await;
    all.into_iter()
        .find(|key| key["alg"] == alg && key[flag] == true)
}

fn kid(key: &Value) -> &str {
    key["kid"].as_str().unwrap()
}

/// The names of the keys that are published.
fn published(api: &Api) -> Vec<String> {
    let set = api.issuer.keys().published(api.issuer.now());
    let keys = set["keys"].as_array().unwrap().iter();
    keys.map(|key| kid(key).to_owned()).collect()
}

async fn rotate(api: &Api) -> Value {
    api.call(ALL, &format!("POST {KEYS}/rotate"), Value::Null)
        .await
        .expect(201)
}

async fn revoke(api: &Api, kid: &str) -> crate::api::Answer {
    api.call(ALL, &format!("PUT {KEYS}/{kid}/revoke"), Value::Null)
        .await
}

#[tokio::test]
async fn each_algorithm_has_a_current_key_and_no_private_half_is_shown() {
    let api = Api::start().await;
    let all = keys(&api).await;
    let algorithms: Vec<_> = all.iter().map(|key| key["alg"].as_str().unwrap()).collect();
    assert_eq!(algorithms, ["RS256", "PS256", "ES256"]);
    for key in &all {
        assert_eq!(
            (&key["current"], &key["revoked"]),
            (&json!(true), &json!(false))
        );
        assert_eq!(
            &api.get(ALL, &format!("{KEYS}/{}", kid(key)))
                .await
                .expect(200),
            key
        );
        for private in ["d", "p", "q", "dp", "dq", "qi"] {
            assert!(key["public_jwk"].get(private).is_none());
        }
        assert!(key.get("sealed_private_key").is_none() && key.get("cert").is_none());
    }
    let message = "The signing key does not exist.";
    let code = Some("inexistent_signing_key");
    api.get(ALL, &format!("{KEYS}/x"))
        .await
        .refused(404, message, code);
    revoke(&api, "x").await.refused(404, message, code);
}

#[tokio::test]
async fn a_rotation_announces_keys_that_sign_a_day_later() {
    let api = Api::start().await;
    let before = key(&api, "RS256", "current").await.unwrap();
    let rotated = rotate(&api).await;
    let next = key(&api, "RS256", "next").await.unwrap();
    assert_eq!(rotated["kid"], next["kid"]);
    assert_eq!(rotated["keys"].as_array().unwrap().len(), 3);
    assert_eq!(next["current_since"], "2026-11-24T06:00:00.000Z");
    assert!(published(&api).contains(&kid(&next).to_owned()));
    assert_eq!(rotate(&api).await, rotated, "what is announced stays");
    assert_eq!(key(&api, "RS256", "current").await.unwrap(), before);

    api.clock.advance(Duration::from_hours(24));
    api.issuer.turn_keys().await.unwrap();
    assert_eq!(
        kid(&key(&api, "RS256", "current").await.unwrap()),
        kid(&next)
    );
    let previous = key(&api, "RS256", "previous").await.unwrap();
    assert_eq!(kid(&previous), kid(&before));
    assert_eq!(previous["current_until"], "2026-11-24T06:00:00.000Z");
    assert!(published(&api).contains(&kid(&before).to_owned()));
}

#[tokio::test]
async fn a_current_key_that_is_taken_back_is_replaced_at_once_with_its_successor() {
    let api = Api::start().await;
    rotate(&api).await;
    let before = key(&api, "ES256", "current").await.unwrap();
    let next = key(&api, "ES256", "next").await.unwrap();
    let other = key(&api, "PS256", "current").await.unwrap();
    let revoked = revoke(&api, kid(&before)).await.expect(200);
    assert_eq!(
        (&revoked["revoked"], &revoked["current"]),
        (&json!(true), &json!(false))
    );
    assert_eq!(revoked["revoked_at"], "2026-11-23T06:00:00.000Z");
    let now = key(&api, "ES256", "current").await.unwrap();
    assert_ne!(kid(&now), kid(&before));
    assert_ne!(kid(&now), kid(&next));
    assert!(
        key(&api, "ES256", "next").await.is_none(),
        "it lay in the same place"
    );
    assert_eq!(key(&api, "PS256", "current").await.unwrap(), other);
    let published = published(&api);
    assert!(published.contains(&kid(&now).to_owned()));
    for gone in [&before, &next] {
        assert!(!published.contains(&kid(gone).to_owned()));
    }
    let trusted = api.issuer.keys().records().into_iter();
    let distrusted: Vec<_> = trusted
        .filter(|it| it.distrusted)
        .map(|it| it.kid)
        .collect();
    assert_eq!(distrusted.len(), 2, "{distrusted:?}");
}

#[tokio::test]
async fn a_key_that_does_not_sign_goes_alone() {
    let api = Api::start().await;
    rotate(&api).await;
    let current = key(&api, "ES256", "current").await.unwrap();
    let next = key(&api, "ES256", "next").await.unwrap();
    revoke(&api, kid(&next)).await.expect(200);
    assert_eq!(key(&api, "ES256", "current").await.unwrap(), current);
    assert!(key(&api, "ES256", "next").await.is_none());
    assert!(!published(&api).contains(&kid(&next).to_owned()));

    rotate(&api).await;
    api.clock.advance(Duration::from_hours(24));
    api.issuer.turn_keys().await.unwrap();
    let signs = key(&api, "ES256", "current").await.unwrap();
    let revoked = revoke(&api, kid(&current)).await.expect(200);
    assert_eq!(
        (&revoked["previous"], &revoked["revoked"]),
        (&json!(false), &json!(true))
    );
    assert!(!published(&api).contains(&kid(&current).to_owned()));
    assert_eq!(key(&api, "ES256", "current").await.unwrap(), signs);
    assert_eq!(
        revoke(&api, kid(&current)).await.expect(200),
        revoked,
        "twice is as once"
    );
}

#[tokio::test]
async fn keys_need_their_scopes_and_leave_records() {
    let api = Api::start().await;
    let es256 = key(&api, "ES256", "current").await.unwrap();
    let code = Some("insufficient_scope");
    let wanted = |scopes: &str| format!("Insufficient scope, expected any of: {scopes}");
    let one = format!("{KEYS}/{}", kid(&es256));
    for path in [KEYS, one.as_str()] {
        let answer = api.get("update:signing_keys", path).await;
        answer.refused(403, &wanted("read:signing_keys"), code);
    }
    let rotation = format!("POST {KEYS}/rotate");
    let either = wanted("create:signing_keys,update:signing_keys");
    api.call("read:signing_keys", &rotation, Value::Null)
        .await
        .refused(403, &either, code);
    let taking_back = format!("PUT {one}/revoke");
    let update = wanted("update:signing_keys");
    api.call("create:signing_keys", &taking_back, Value::Null)
        .await
        .refused(403, &update, code);
    assert!(api.events("sapi").await.is_empty());
    api.call("create:signing_keys", &rotation, Value::Null)
        .await
        .expect(201);
    api.call("update:signing_keys", &taking_back, Value::Null)
        .await
        .expect(200);
    let records = api.events("sapi").await;
    let told: Vec<_> = records
        .iter()
        .map(|it| it.event["description"].clone())
        .collect();
    assert_eq!(told, ["Revoke a signing key", "Rotate the signing keys"]);
}
