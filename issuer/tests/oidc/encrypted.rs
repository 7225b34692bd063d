//! Encrypted ID Tokens.

use axum::http::StatusCode;
use logout_issuer::domain::client::Client;
use logout_issuer::domain::logout_settings::LogoutUrl;
use logout_issuer::domain::token_encryption::{
    ClientKeys, ContentEncryption, KeyManagement, TokenEncryption,
};
use logout_shared::jwe::{self, DecryptionKey, decrypt};
use serde_json::json;

use crate::house::{CALLBACK, House, Reply, SECRET, VERIFIER, claims, client, seal};
use crate::token::code;

/// Registers a client that wants encrypted tokens.
async fn register(house: &House, keys: ClientKeys) {
    let vault = Client {
        sealed_secret: Some(seal(&house.issuer, "vault", SECRET)),
        callbacks: vec![CALLBACK.to_owned()],
        encryption: Some(TokenEncryption {
            alg: KeyManagement::EcdhEs,
            enc: ContentEncryption::A128Gcm,
        }),
        keys: Some(keys),
        ..client("vault")
    };
    house.add_client(vault).await;
}

async fn redeem(house: &House, code: &str) -> Reply {
    let fields = [
        ("grant_type", "authorization_code"),
        ("client_id", "vault"),
        ("client_secret", SECRET),
        ("code", code),
        ("redirect_uri", CALLBACK),
        ("code_verifier", VERIFIER),
    ];
    house.post("/oauth/token", None, &fields).await
}

#[tokio::test]
async fn an_id_token_is_encrypted_for_a_client_that_asked_for_it() {
    let house = House::open().await;
    let (alg, enc) = (jwe::KeyManagement::EcdhEs, jwe::ContentEncryption::A128gcm);
    let key = DecryptionKey::generate(alg, enc).unwrap();
    register(
        &house,
        ClientKeys::Given(json!({"keys": [key.public_jwk()]})),
    )
    .await;
    let code = code(&house, &[("client_id", "vault")]).await;
    let tokens = redeem(&house, &code).await.json();
    let token = decrypt(tokens["id_token"].as_str().unwrap(), 96_000, &[key]).unwrap();
    assert!(token.agrees_with(house.issuer.id()));
    assert_eq!(claims(token.token())["aud"], "vault");
}

#[tokio::test]
async fn without_the_clients_key_there_are_no_tokens_and_the_code_stays_good() {
    let house = House::open().await;
    let nowhere = LogoutUrl::from_stored("https://127.0.0.1/jwks".into());
    register(&house, ClientKeys::At(nowhere)).await;
    let code = code(&house, &[("client_id", "vault")]).await;
    for _ in 0..2 {
        let refused = redeem(&house, &code).await;
        assert_eq!(refused.status, StatusCode::SERVICE_UNAVAILABLE);
        assert_eq!(refused.json()["error"], "temporarily_unavailable");
    }
}

#[tokio::test]
async fn discovery_names_what_is_offered() {
    let house = House::open().await;
    let url = house.url("/.well-known/openid-configuration");
    let document = house.browser().get(&url).await.json();
    let names = &document["id_token_encryption_alg_values_supported"];
    assert_eq!(*names, json!(["RSA-OAEP-256", "ECDH-ES"]));
    let names = &document["id_token_encryption_enc_values_supported"];
    assert_eq!(*names, json!(["A128GCM", "A256GCM"]));
}
