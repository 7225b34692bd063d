//! Encrypted tokens of a client over the API: what is taken, told and refused.

use logout_shared::SigningAlgorithm;
use logout_shared::jwe::{ContentEncryption, DecryptionKey, KeyManagement};
use logout_shared::jwk::SigningKey;
use serde_json::{Value, json};

use crate::api::{Answer, Api};

const ALG: &str = "id_token_encrypted_response_alg";
const ENC: &str = "id_token_encrypted_response_enc";
const URI: &str = "https://shop.example/jwks";

async fn create(api: &Api, mut body: Value) -> Answer {
    body["name"] = json!("Shop");
    api.call("create:clients", "POST /clients", body).await
}

async fn patch(api: &Api, made: &Value, body: Value) -> Answer {
    let line = format!("PATCH /clients/{}", made["client_id"].as_str().unwrap());
    api.call("update:clients", &line, body).await
}

fn key_set(alg: KeyManagement) -> Value {
    let key = DecryptionKey::generate(alg, ContentEncryption::A256gcm).unwrap();
    json!({"keys": [key.public_jwk()]})
}

fn told(client: &Value) -> [&Value; 4] {
    [
        &client[ALG],
        &client[ENC],
        &client["jwks"],
        &client["jwks_uri"],
    ]
}

#[tokio::test]
async fn g22_what_is_set_is_told_and_stays_until_it_is_changed() {
    let api = Api::start().await;
    let set = key_set(KeyManagement::EcdhEs);
    let body = json!({ALG: "ECDH-ES", ENC: "A128GCM", "jwks": set});
    let client = create(&api, body).await.expect(201);
    let null = Value::Null;
    assert_eq!(
        told(&client),
        [&json!("ECDH-ES"), &json!("A128GCM"), &set, &null]
    );

    let client = patch(&api, &client, json!({"name": "Till"}))
        .await
        .expect(200);
    assert_eq!(client[ALG], "ECDH-ES", "not named, not touched");
    let client = patch(&api, &client, json!({"jwks_uri": URI}))
        .await
        .expect(200);
    assert_eq!(
        told(&client)[2..],
        [&null, &json!(URI)],
        "one replaces the other"
    );
    let client = patch(&api, &client, json!({ALG: "RSA-OAEP-256"}))
        .await
        .expect(200);
    assert_eq!(client[ENC], "A128GCM");
    let off = json!({ALG: null, ENC: null, "jwks_uri": null});
    let client = patch(&api, &client, off).await.expect(200);
    assert_eq!(told(&client), [&null; 4]);
}

#[tokio::test]
async fn what_makes_no_sense_is_refused_by_property_and_rule() {
    let api = Api::start().await;
    let ec = key_set(KeyManagement::EcdhEs);
    let signing = SigningKey::generate(SigningAlgorithm::Es256).unwrap();
    let for_signing = json!({"keys": [signing.public_jwk()]});
    let mut private = ec.clone();
    private["keys"][0]["d"] = json!("AAAA");
    for (body, property, reason) in [
        (
            json!({ALG: "RSA1_5"}),
            ALG,
            "known are RSA-OAEP-256, ECDH-ES",
        ),
        (
            json!({ENC: "A128CBC-HS256"}),
            ENC,
            "known are A128GCM, A256GCM",
        ),
        (
            json!({ALG: "ECDH-ES", "jwks": ec}),
            ALG,
            "needs id_token_encrypted_response_enc",
        ),
        (
            json!({ENC: "A256GCM"}),
            ENC,
            "needs id_token_encrypted_response_alg",
        ),
        (
            json!({ALG: "ECDH-ES", ENC: "A256GCM"}),
            ALG,
            "needs jwks or jwks_uri",
        ),
        (
            json!({"jwks": ec, "jwks_uri": URI}),
            "jwks_uri",
            "excludes jwks",
        ),
        (
            json!({ALG: "RSA-OAEP-256", ENC: "A256GCM", "jwks": ec}),
            "jwks",
            "no key for RSA-OAEP-256",
        ),
        (
            json!({ALG: "ECDH-ES", ENC: "A256GCM", "jwks": for_signing}),
            "jwks",
            "no key for ECDH-ES",
        ),
        (json!({"jwks": private}), "jwks.keys[0]", "private part"),
        (json!({"jwks": []}), "jwks", "Expected type object"),
        (
            json!({"jwks": {}}),
            "jwks",
            "Missing required property: keys",
        ),
        (
            json!({"jwks_uri": "http://shop.example/jwks"}),
            "jwks_uri",
            "must use https",
        ),
        (
            json!({"jwks_uri": "https://10.0.0.1/jwks"}),
            "jwks_uri",
            "is refused",
        ),
    ] {
        let answer = create(&api, body.clone()).await.expect(400);
        let message = answer["message"].as_str().unwrap();
        let place = format!("on property {property} (");
        assert!(
            message.contains(&place) && message.contains(reason),
            "{body}: {message}"
        );
    }
}

#[tokio::test]
async fn a_change_is_held_against_what_the_client_has() {
    let api = Api::start().await;
    let set = key_set(KeyManagement::EcdhEs);
    let body = json!({ALG: "ECDH-ES", ENC: "A256GCM", "jwks": set});
    let client = create(&api, body).await.expect(201);
    for (body, reason) in [
        (
            json!({"jwks": null}),
            "needed by id_token_encrypted_response_alg",
        ),
        (json!({ALG: "RSA-OAEP-256"}), "no key for RSA-OAEP-256"),
        (json!({ENC: null}), "needs id_token_encrypted_response_enc"),
        (json!({ALG: null}), "needs id_token_encrypted_response_alg"),
    ] {
        let answer = patch(&api, &client, body).await.expect(400);
        let message = answer["message"].as_str().unwrap();
        assert!(message.contains(reason), "{message}");
    }
    let same = patch(&api, &client, json!({"name": "Shop"}))
        .await
        .expect(200);
    assert_eq!(told(&same), told(&client), "nothing has changed");
}
