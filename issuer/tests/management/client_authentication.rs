//! How a client proves itself, set over the API: what is taken, told and refused.

use logout_shared::SigningAlgorithm;
use logout_shared::jwk::SigningKey;
use logout_shared::jwks::JwkSet;
use serde_json::{Value, json};

use crate::api::{Answer, Api};

const METHOD: &str = "token_endpoint_auth_method";
const URI: &str = "https://shop.example/jwks";

async fn create(api: &Api, mut body: Value) -> Answer {
    body["name"] = json!("Shop");
    api.call("create:clients", "POST /clients", body).await
}

async fn patch(api: &Api, made: &Value, body: Value) -> Answer {
    let line = format!("PATCH /clients/{}", made["client_id"].as_str().unwrap());
    let scopes = "update:clients update:client_keys read:client_keys";
    api.call(scopes, &line, body).await
}

fn key_set(algorithm: SigningAlgorithm) -> Value {
    JwkSet::of_public([&SigningKey::generate(algorithm).unwrap()])
}

#[tokio::test]
async fn a_client_that_signs_has_keys_and_no_secret() {
    let api = Api::start().await;
    for keys in [
        ("jwks", key_set(SigningAlgorithm::EdDsa)),
        ("jwks_uri", json!(URI)),
    ] {
        let made = create(&api, json!({METHOD: "private_key_jwt", keys.0: keys.1})).await;
        let made = made.expect(201);
        assert_eq!(made[METHOD], "private_key_jwt");
        assert_eq!(made[keys.0], keys.1);
        assert!(made.get("client_secret").is_none(), "{made}");
        assert_eq!(
            made["grant_types"],
            json!(["authorization_code", "refresh_token", "client_credentials"])
        );
    }
}

#[tokio::test]
async fn a_client_may_change_from_a_secret_to_keys_and_back() {
    let api = Api::start().await;
    let made = create(&api, json!({})).await.expect(201);
    let body = json!({METHOD: "private_key_jwt", "jwks_uri": URI});
    let signs = patch(&api, &made, body).await.expect(200);
    assert_eq!(signs[METHOD], "private_key_jwt");
    let back = patch(&api, &made, json!({METHOD: "client_secret_basic"})).await;
    assert_eq!(back.expect(200)["client_secret"], made["client_secret"]);

    // One that never had a secret gets one.
    let body = json!({METHOD: "private_key_jwt", "jwks_uri": URI});
    let made = create(&api, body).await.expect(201);
    let renamed = patch(&api, &made, json!({"name": "Till"}))
        .await
        .expect(200);
    assert!(renamed.get("client_secret").is_none(), "not asked for");
    let back = patch(&api, &made, json!({METHOD: null})).await.expect(200);
    assert_eq!(back["client_secret"].as_str().unwrap().len(), 64);
}

#[tokio::test]
async fn who_could_not_prove_itself_is_refused_by_property_and_rule() {
    let api = Api::start().await;
    let es512 = key_set(SigningAlgorithm::Es512);
    let methods = "client_authentication_methods";
    let credential = json!({"credential_type": "public_key", "pem": "-----BEGIN"});
    for (body, property, reason) in [
        (
            json!({METHOD: "private_key_jwt"}),
            METHOD,
            "needs jwks or jwks_uri",
        ),
        (
            json!({METHOD: "private_key_jwt", "jwks": es512}),
            "jwks",
            "no key that checks RS256, PS256, ES256 or EdDSA",
        ),
        (
            json!({METHOD: "private_key_jwt", "jwks": {"keys": []}}),
            "jwks",
            "no key that checks",
        ),
        (
            json!({METHOD: "client_secret_jwt"}),
            METHOD,
            "client_secret_basic, private_key_jwt",
        ),
        (
            json!({methods: {"private_key_jwt": {"credentials": [credential]}}}),
            methods,
            "set token_endpoint_auth_method to private_key_jwt",
        ),
    ] {
        let text = create(&api, body.clone()).await.expect(400).to_string();
        let place = format!("on property {property} (");
        assert!(
            text.contains(reason) && text.contains(&place),
            "{body}: {text}"
        );
    }
    let body = json!({METHOD: "private_key_jwt", "jwks_uri": URI});
    let made = create(&api, body).await.expect(201);
    for (body, reason) in [
        (
            json!({"jwks_uri": null}),
            "needed by token_endpoint_auth_method",
        ),
        (json!({"jwks": es512}), "no key that checks"),
    ] {
        let text = patch(&api, &made, body).await.expect(400).to_string();
        assert!(text.contains(reason), "{text}");
    }
    let gone = json!({METHOD: "none", "jwks_uri": null});
    patch(&api, &made, gone).await.expect(200);
}

#[tokio::test]
async fn who_may_not_change_a_secret_may_not_say_what_proves_the_client_either() {
    let api = Api::start().await;
    let with_secret = create(&api, json!({})).await.expect(201);
    let body = json!({METHOD: "private_key_jwt", "jwks_uri": URI});
    let signs = create(&api, body.clone()).await.expect(201);
    let jwks = json!({"jwks": key_set(SigningAlgorithm::EdDsa)});
    for (client, body, status) in [
        (&with_secret, body, 403),
        (&signs, jwks.clone(), 403),
        (
            &signs,
            json!({"jwks_uri": "https://evil.example/jwks"}),
            403,
        ),
        (&signs, json!({"name": "Till"}), 200),
        // Its keys prove nothing, they encrypt.
        (&with_secret, jwks, 200),
    ] {
        let line = format!("PATCH /clients/{}", client["client_id"].as_str().unwrap());
        let answer = api.call("update:clients", &line, body).await;
        answer.expect(status);
    }
    let kept = api
        .client(signs["client_id"].as_str().unwrap())
        .await
        .unwrap();
    assert_eq!(kept.name, "Till");
    assert_eq!(json!(kept.keys), json!({"at": URI}));
}
