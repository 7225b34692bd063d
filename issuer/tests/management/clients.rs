//! The life of a client: made, read, changed, given a new secret, deleted.

use serde_json::{Value, json};

use crate::api::{Api, CALLER};

const GONE: &str = "The client does not exist";

async fn create(api: &Api, body: Value) -> Value {
    api.call("create:clients", "POST /clients", body)
        .await
        .expect(201)
}

#[tokio::test]
async fn a_name_is_enough_for_a_client_with_a_secret() {
    let api = Api::start().await;
    let made = create(&api, json!({"name": "Shop"})).await;
    let id = made["client_id"].as_str().unwrap();
    assert_eq!(id.len(), 32);
    assert!(id.bytes().all(|byte| byte.is_ascii_alphanumeric()));
    assert_eq!(made["client_secret"].as_str().unwrap().len(), 64);
    assert_eq!(made["name"], "Shop");
    assert_eq!(made["tenant"], "id.example");
    assert_eq!(made["jwt_configuration"]["alg"], "RS256");
    assert_eq!(
        made["grant_types"],
        json!(["authorization_code", "refresh_token", "client_credentials"])
    );
    for absent in [
        "oidc_logout",
        "oidc_backchannel_logout",
        "management_scopes",
    ] {
        assert!(made.get(absent).is_none(), "{absent}");
    }
    let read = api
        .get("read:clients", &format!("/clients/{id}"))
        .await
        .expect(200);
    let mut wanted = made.clone();
    wanted.as_object_mut().unwrap().remove("client_secret");
    assert_eq!(
        read, wanted,
        "GET without read:client_keys gives all but the secret"
    );
}

#[tokio::test]
async fn a_client_on_a_device_has_no_secret() {
    let api = Api::start().await;
    for body in [
        json!({"name": "App", "app_type": "native"}),
        json!({"name": "App", "app_type": "spa"}),
        json!({"name": "App", "token_endpoint_auth_method": "none"}),
    ] {
        let made = create(&api, body).await;
        assert!(made.get("client_secret").is_none(), "{made}");
        assert_eq!(made["token_endpoint_auth_method"], "none");
        assert_eq!(
            made["grant_types"],
            json!(["authorization_code", "refresh_token"])
        );
    }
}

#[tokio::test]
async fn the_secret_goes_to_whoever_may_read_keys_and_that_is_recorded() {
    let api = Api::start().await;
    let made = create(&api, json!({"name": "Shop"})).await;
    let path = format!("/clients/{}", made["client_id"].as_str().unwrap());
    let read = api.get("read:client_keys", &path).await.expect(200);
    assert_eq!(read["client_secret"], made["client_secret"]);
    let records = api.events("mgmt_api_read").await;
    assert_eq!(records.len(), 1);
    assert_eq!(
        records[0].event["details"]["accessedSecrets"],
        json!(["client_secret"])
    );
    let secret = made["client_secret"].as_str().unwrap();
    assert!(!records[0].event.to_string().contains(secret));
    api.get("read:clients", &path).await.expect(200);
    api.get("read:client_keys", &format!("{path}?fields=name"))
        .await
        .expect(200);
    assert_eq!(
        api.events("mgmt_api_read").await.len(),
        1,
        "no secret, no record"
    );
    let stored = api
        .client(made["client_id"].as_str().unwrap())
        .await
        .unwrap();
    assert!(
        !stored.sealed_secret.unwrap().contains(secret),
        "it is stored sealed only"
    );
}

#[tokio::test]
async fn a_summary_is_less_than_a_client() {
    let api = Api::start().await;
    let path = format!("/clients/{CALLER}");
    let summary = api.get("read:client_summary", &path).await.expect(200);
    assert_eq!(summary["client_id"], CALLER);
    assert!(summary.get("callbacks").is_none(), "{summary}");
}

#[tokio::test]
async fn keys_are_for_those_who_may_read_them() {
    let api = Api::start().await;
    let body = json!({"name": "K", "encryption_key": {"pub": "pem"}});
    let path = format!(
        "/clients/{}",
        create(&api, body).await["client_id"].as_str().unwrap()
    );
    let plain = api.get("read:clients", &path).await.expect(200);
    assert!(plain.get("encryption_key").is_none());
    let keys = api.get("read:client_credentials", &path).await.expect(200);
    assert_eq!(keys["encryption_key"], json!({"pub": "pem"}));
    assert!(keys.get("client_secret").is_none());
}

#[tokio::test]
async fn a_patch_replaces_what_it_names_and_leaves_the_rest() {
    let api = Api::start().await;
    let body = json!({
        "name": "Shop", "callbacks": ["https://a.example/cb"], "description": "first",
        "client_metadata": {"a": "1"}, "web_origins": ["https://a.example"],
    });
    let made = create(&api, body).await;
    let path = format!("PATCH /clients/{}", made["client_id"].as_str().unwrap());
    let body = json!({"description": "second", "client_metadata": {"b": "2"}, "web_origins": null});
    let changed = api.call("update:clients", &path, body).await.expect(200);
    assert_eq!(changed["name"], "Shop");
    assert_eq!(changed["callbacks"], json!(["https://a.example/cb"]));
    assert_eq!(changed["description"], "second");
    assert_eq!(changed["client_metadata"], json!({"b": "2"}));
    assert!(changed.get("web_origins").is_none());
    assert!(changed.get("client_secret").is_none());
    let kept = api
        .client(made["client_id"].as_str().unwrap())
        .await
        .unwrap();
    assert!(kept.sealed_secret.is_some());
}

#[tokio::test]
async fn a_body_that_breaks_a_rule_changes_nothing() {
    let api = Api::start().await;
    let made = create(&api, json!({"name": "Shop"})).await;
    let id = made["client_id"].as_str().unwrap();
    let before = api.client(id).await.unwrap();
    for (body, message) in [
        (
            json!({}),
            "Payload validation error: 'Too few properties defined (0), minimum 1'.",
        ),
        (
            json!({"name": "New", "colour": "red", "size": 1}),
            "Payload validation error: 'Additional properties not allowed: colour,size'.",
        ),
        (
            json!({"name": "a<b"}),
            "Payload validation error: 'String does not match pattern: ^[^<>]+$' on property name \
             (Name of this client).",
        ),
        (
            json!({"name": "New", "callbacks": ["/cb"]}),
            "Payload validation error: 'URL must be absolute' on property callbacks[0] (URLs that \
             a sign-in may return to).",
        ),
        (
            json!({"name": null}),
            "Payload validation error: 'Expected type string but found type null' on property \
             name (Name of this client).",
        ),
    ] {
        let answer = api
            .call("update:clients", &format!("PATCH /clients/{id}"), body)
            .await;
        answer.refused(400, message, Some("invalid_body"));
    }
    assert_eq!(api.client(id).await.unwrap(), before);
}

#[tokio::test]
async fn a_client_needs_a_name_when_it_is_made() {
    let api = Api::start().await;
    let missing = "Payload validation error: 'Missing required property: name'.";
    let answer = api
        .call(
            "create:clients",
            "POST /clients",
            json!({"app_type": "spa"}),
        )
        .await;
    answer.refused(400, missing, Some("invalid_body"));
    for name in ["", "a>b", "a\u{0}b", &"n".repeat(513)] {
        let answer = api
            .call("create:clients", "POST /clients", json!({"name": name}))
            .await;
        assert!(
            answer.expect(400)["message"]
                .as_str()
                .unwrap()
                .contains("on property name (")
        );
    }
    create(&api, json!({"name": "n".repeat(512)})).await;
    let body = json!({"name": "Shop", "client_secret": "chosen"});
    let answer = api.call("create:clients", "POST /clients", body).await;
    let message = "Payload validation error: 'Additional properties not allowed: client_secret'.";
    answer.refused(400, message, Some("invalid_body"));
}

#[tokio::test]
async fn setting_a_secret_needs_the_scope_for_keys() {
    let api = Api::start().await;
    let made = create(&api, json!({"name": "Shop"})).await;
    let id = made["client_id"].as_str().unwrap();
    let line = format!("PATCH /clients/{id}");
    let body = json!({"client_secret": "s3cret of ours"});
    let answer = api.call("update:clients", &line, body.clone()).await;
    let message = "Insufficient scope, expected any of: update:client_keys";
    answer.refused(403, message, Some("insufficient_scope"));
    let answer = api
        .call("update:client_keys read:client_keys", &line, body)
        .await
        .expect(200);
    assert_eq!(answer["client_secret"], "s3cret of ours");
    let body = json!({"name": "New", "client_secret": "x"});
    let answer = api.call("update:client_keys", &line, body).await;
    let message = "Insufficient scope, expected any of: update:clients";
    answer.refused(403, message, Some("insufficient_scope"));
    for secret in ["", "ünïcode", "line\nbreak", &"s".repeat(513)] {
        let body = json!({"client_secret": secret});
        let answer = api
            .call("update:client_keys", &line, body)
            .await
            .expect(400);
        assert!(
            !answer.to_string().contains("code"),
            "the secret is not told: {answer}"
        );
    }
    for event in api.events("sapi").await {
        assert!(!event.event.to_string().contains("s3cret"), "{event:?}");
    }
}

#[tokio::test]
async fn a_client_that_begins_to_prove_itself_gets_a_secret() {
    let api = Api::start().await;
    let body = json!({"name": "App", "token_endpoint_auth_method": "none"});
    let made = create(&api, body).await;
    let line = format!("PATCH /clients/{}", made["client_id"].as_str().unwrap());
    let body = json!({"token_endpoint_auth_method": "client_secret_basic"});
    let scopes = "update:clients read:client_keys";
    let changed = api.call(scopes, &line, body).await.expect(200);
    assert_eq!(changed["client_secret"].as_str().unwrap().len(), 64);
    assert_eq!(changed["token_endpoint_auth_method"], "client_secret_basic");
    let body = json!({"token_endpoint_auth_method": null});
    let again = api.call(scopes, &line, body).await.expect(200);
    assert!(again.get("token_endpoint_auth_method").is_none());
    assert_eq!(
        again["client_secret"], changed["client_secret"],
        "the secret stays"
    );
}

#[tokio::test]
async fn rights_are_given_only_by_whoever_may_give_them() {
    let api = Api::start().await;
    let line = format!("PATCH /clients/{CALLER}");
    let body = |scopes: Value| json!({"management_scopes": scopes});
    let message = "Insufficient scope, expected any of: create:client_grants,update:client_grants";
    let answer = api
        .call("update:clients", &line, body(json!(["all"])))
        .await;
    answer.refused(403, message, Some("insufficient_scope"));
    let new = json!({"name": "N", "management_scopes": ["read:logs"]});
    let answer = api
        .call("create:clients", "POST /clients", new.clone())
        .await;
    answer.refused(403, message, Some("insufficient_scope"));
    let scopes = "create:clients create:client_grants read:client_grants";
    let made = api.call(scopes, "POST /clients", new).await.expect(201);
    assert_eq!(made["management_scopes"], json!(["read:logs"]));
    let scopes = "update:clients update:client_grants";
    let answer = api
        .call(scopes, &line, body(json!(["read:nothing"])))
        .await
        .expect(400);
    let message = answer["message"].as_str().unwrap();
    assert!(
        message.contains("read:nothing") && message.contains("read:sessions"),
        "{message}"
    );
}

#[tokio::test]
async fn a_rotated_secret_is_new_and_kept() {
    let api = Api::start().await;
    let made = create(&api, json!({"name": "Shop"})).await;
    let id = made["client_id"].as_str().unwrap();
    let line = format!("POST /clients/{id}/rotate-secret");
    let rotated = api
        .call("update:client_keys", &line, Value::Null)
        .await
        .expect(200);
    assert_ne!(rotated["client_secret"], made["client_secret"]);
    let read = api
        .get("read:client_keys", &format!("/clients/{id}"))
        .await
        .expect(200);
    assert_eq!(read["client_secret"], rotated["client_secret"]);
    let answer = api
        .call(
            "update:client_keys",
            "POST /clients/no/rotate-secret",
            Value::Null,
        )
        .await;
    answer.refused(404, GONE, Some("inexistent_client"));
}

#[tokio::test]
async fn a_deleted_client_is_gone_and_deleting_it_again_is_fine() {
    let api = Api::start().await;
    let made = create(&api, json!({"name": "Shop"})).await;
    let path = format!("/clients/{}", made["client_id"].as_str().unwrap());
    for _ in 0..2 {
        let answer = api
            .call("delete:clients", &format!("DELETE {path}"), Value::Null)
            .await;
        assert_eq!(answer.expect(204), "");
    }
    let body = json!({"name": "New"});
    for answer in [
        api.get("read:clients", &path).await,
        api.call("update:clients", &format!("PATCH {path}"), body)
            .await,
    ] {
        answer.refused(404, GONE, Some("inexistent_client"));
    }
    let deleted = |event: &&logout_issuer::storage::LogRecord| {
        event.event["description"] == "Delete a client"
    };
    assert_eq!(api.events("sapi").await.iter().filter(deleted).count(), 1);
}

#[tokio::test]
async fn repeating_a_change_changes_nothing_more() {
    let api = Api::start().await;
    let made = create(&api, json!({"name": "Shop"})).await;
    let line = format!("PATCH /clients/{}", made["client_id"].as_str().unwrap());
    let body = json!({"name": "New", "oidc_logout": {"backchannel_logout_urls": []}});
    let first = api
        .call("update:clients", &line, body.clone())
        .await
        .expect(200);
    assert_eq!(
        api.call("update:clients", &line, body).await.expect(200),
        first
    );
}
