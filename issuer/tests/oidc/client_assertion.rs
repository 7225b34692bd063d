//! Clients that prove themselves with a token that they signed (`private_key_jwt`).

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::http::header::{CACHE_CONTROL, WWW_AUTHENTICATE};
use axum::routing::get;
use logout_issuer::domain::client::{Client, TokenEndpointAuthMethod};
use logout_issuer::domain::logout_settings::LogoutUrl;
use logout_issuer::domain::token_encryption::ClientKeys;
use logout_issuer::keyring::client_keys::{COOL_DOWN, FRESH_FOR};
use logout_issuer::login::client_assertion::MAX_ASSERTION_BYTES;
use logout_shared::jwk::SigningKey;
use logout_shared::jwks::JwkSet;
use logout_shared::{Secret, SigningAlgorithm};
use serde_json::{Value, json};
use tokio::net::TcpListener;

use crate::house::{CALLBACK, House, NOW, Reply, SECRET, claims, client};
use crate::token::code;

pub(crate) const JWT_BEARER: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
const TOKEN_ENDPOINT: &str = "https://id.example/oauth/token";

fn key(algorithm: SigningAlgorithm) -> SigningKey {
    SigningKey::generate(algorithm).unwrap()
}

fn given(key: &SigningKey) -> ClientKeys {
    ClientKeys::Given(JwkSet::of_public([key]))
}

/// A client that signs.
pub(crate) fn signer(id: &str, keys: ClientKeys) -> Client {
    Client {
        token_endpoint_auth_method: Some(TokenEndpointAuthMethod::PrivateKeyJwt),
        keys: Some(keys),
        callbacks: vec![CALLBACK.to_owned()],
        management_scopes: vec!["read:sessions".to_owned()],
        ..client(id)
    }
}

/// What a client's assertion says.
fn assertion(id: &str, jti: &str) -> Value {
    let now = NOW.as_secs();
    json!({
        "iss": id, "sub": id, "aud": "https://id.example/", "jti": jti,
        "iat": now, "exp": now + 120,
    })
}

fn signed(key: &SigningKey, claims: &Value) -> String {
    key.sign("JWT", claims.to_string().as_bytes()).unwrap()
}

/// Asks for a token of the client's own.
async fn ask(house: &House, assertion: &str) -> Reply {
    ask_with(house, &[("client_assertion", assertion)]).await
}

async fn ask_with(house: &House, changes: &[(&str, &str)]) -> Reply {
    let mut fields = vec![
        ("grant_type", "client_credentials"),
        ("client_assertion_type", JWT_BEARER),
    ];
    fields.retain(|(name, _)| !changes.iter().any(|(changed, _)| changed == name));
    fields.extend(changes);
    house.post("/oauth/token", None, &fields).await
}

#[tokio::test]
async fn a_client_signs_with_each_algorithm_that_discovery_names() {
    let house = House::open().await;
    let url = house.url("/.well-known/openid-configuration");
    let document = house.browser().get(&url).await.json();
    let methods = document["token_endpoint_auth_methods_supported"].as_array();
    assert!(methods.unwrap().contains(&json!("private_key_jwt")));
    let names = document["token_endpoint_auth_signing_alg_values_supported"].as_array();
    assert_eq!(names.unwrap(), &["RS256", "PS256", "ES256", "EdDSA"]);
    for name in names.unwrap() {
        let name = name.as_str().unwrap();
        let key = key(name.parse().unwrap());
        house.add_client(signer(name, given(&key))).await;
        let reply = ask(&house, &signed(&key, &assertion(name, "1"))).await;
        assert_eq!(reply.status, 200, "{reply:?}");
        let token = reply.json()["access_token"].as_str().unwrap().to_owned();
        assert_eq!(claims(&token)["sub"], format!("{name}@clients"));
    }
}

#[tokio::test]
async fn a_client_that_signs_needs_no_pkce_and_gets_the_users_tokens() {
    let house = House::open().await;
    let key = key(SigningAlgorithm::Es256);
    house.add_client(signer("till", given(&key))).await;
    let without_pkce = [
        ("client_id", "till"),
        ("code_challenge", ""),
        ("code_challenge_method", ""),
    ];
    let code = code(&house, &without_pkce).await;
    let mut claims = assertion("till", "1");
    claims["aud"] = json!(TOKEN_ENDPOINT);
    let proof = signed(&key, &claims);
    let fields = [
        ("grant_type", "authorization_code"),
        ("code", code.as_str()),
        ("redirect_uri", CALLBACK),
        ("client_id", "till"),
        ("client_assertion_type", JWT_BEARER),
        ("client_assertion", proof.as_str()),
    ];
    let tokens = house.post("/oauth/token", None, &fields).await.json();
    let id_token = tokens["id_token"].as_str().unwrap();
    assert_eq!(crate::house::claims(id_token)["aud"], "till");
}

/// The answer to all that do not prove themselves.
fn assert_refused(why: &str, reply: &Reply) {
    assert_eq!(reply.status, 401, "{why}: {reply:?}");
    assert_eq!(reply.header(CACHE_CONTROL), "no-store", "{why}");
    assert_eq!(reply.header(WWW_AUTHENTICATE), "", "{why}");
    let told = json!({"error": "access_denied", "error_description": "Unauthorized"});
    assert_eq!(reply.json(), told, "{why}");
}

#[tokio::test]
async fn whatever_is_wrong_with_an_assertion_there_is_one_answer() {
    let house = House::open().await;
    let (own, other) = (key(SigningAlgorithm::Es256), key(SigningAlgorithm::Es256));
    house.add_client(signer("till", given(&own))).await;
    house.add_client(signer("kiosk", given(&other))).await;
    let good = assertion("till", "1");
    let proof = signed(&own, &good);
    let changed = |name: &str, value: Value| {
        let mut claims = good.clone();
        claims[name] = value;
        signed(&own, &claims)
    };
    let raw = |header: Value| {
        let payload = good.to_string();
        own.sign_raw(header.to_string().as_bytes(), payload.as_bytes())
            .unwrap()
    };
    let public = Secret::new(own.public_jwk().to_string());
    let hmac = SigningKey::hmac(SigningAlgorithm::Hs256, &public).unwrap();
    let es512 = key(SigningAlgorithm::Es512);
    let mut unsigned = raw(json!({"alg": "none"}));
    unsigned.truncate(unsigned.rfind('.').unwrap() + 1);
    let long = changed("x", json!("x".repeat(MAX_ASSERTION_BYTES)));
    let mut flipped = proof.clone();
    flipped.replace_range(
        proof.len() - 4..,
        if proof.ends_with("AAAA") {
            "BBBB"
        } else {
            "AAAA"
        },
    );

    for (why, token) in [
        ("not compact", "a.b".to_owned()),
        ("empty signature", unsigned),
        ("alg none", raw(json!({"alg": "none"}))),
        ("a shared secret", signed(&hmac, &good)),
        ("an algorithm that is not offered", signed(&es512, &good)),
        (
            "another algorithm than signed",
            raw(json!({"alg": "RS256"})),
        ),
        ("another's key", signed(&other, &good)),
        (
            "another kid",
            raw(json!({"alg": "ES256", "kid": other.kid()})),
        ),
        (
            "its own key inside",
            raw(json!({"alg": "ES256", "jwk": own.public_jwk()})),
        ),
        (
            "a type of another kind",
            raw(json!({"alg": "ES256", "typ": "at+jwt"})),
        ),
        ("a changed signature", flipped),
        ("too long", long),
        ("audience", changed("aud", json!("https://other.example/"))),
        ("expired", changed("exp", json!(NOW.as_secs() - 60))),
        ("too far ahead", changed("exp", json!(NOW.as_secs() + 361))),
        ("no jti", changed("jti", json!(null))),
        ("another issuer", changed("iss", json!("kiosk"))),
        ("another subject", changed("sub", json!("kiosk"))),
        ("nobody", changed("sub", json!("nobody"))),
    ] {
        assert_refused(why, &ask(&house, &token).await);
    }
    // None of them has used up the good one.
    assert_eq!(ask(&house, &proof).await.status, 200);
}

#[tokio::test]
async fn a_client_that_signs_proves_itself_in_no_other_way_and_no_other_client_in_this() {
    let house = House::open().await;
    let (own, other) = (key(SigningAlgorithm::Es256), key(SigningAlgorithm::Es256));
    house.add_client(signer("till", given(&own))).await;
    house.add_client(signer("kiosk", given(&other))).await;
    let by_secret = Client {
        keys: Some(given(&own)),
        token_endpoint_auth_method: Some(TokenEndpointAuthMethod::ClientSecretPost),
        ..signer("by-secret", given(&own))
    };
    house.add_client(by_secret).await;
    let proof = signed(&own, &assertion("till", "1"));
    let of_secret = signed(&own, &assertion("by-secret", "1"));
    assert_refused("registered for a secret", &ask(&house, &of_secret).await);
    let shown = ("client_assertion", proof.as_str());
    for (why, changes) in [
        ("another client_id", vec![shown, ("client_id", "kiosk")]),
        ("no type", vec![shown, ("client_assertion_type", "")]),
        (
            "another type",
            vec![
                shown,
                (
                    "client_assertion_type",
                    "urn:ietf:params:oauth:client-assertion-type:saml2-bearer",
                ),
            ],
        ),
        ("no assertion", vec![("client_id", "till")]),
        (
            "nothing but its id",
            vec![("client_id", "till"), ("client_assertion_type", "")],
        ),
        (
            "a secret",
            vec![
                ("client_id", "till"),
                ("client_assertion_type", ""),
                ("client_secret", SECRET),
            ],
        ),
    ] {
        assert_refused(why, &ask_with(&house, &changes).await);
    }
    let two = [shown, ("client_secret", SECRET)];
    let reply = ask_with(&house, &two).await;
    assert_eq!(reply.json()["error"], "invalid_request", "{reply:?}");
    let by_code = [
        ("grant_type", "authorization_code"),
        ("client_assertion", "a.b.c"),
    ];
    let reply = ask_with(&house, &by_code).await;
    assert_eq!(
        (reply.status.as_u16(), &reply.json()["error"]),
        (401, &json!("invalid_client"))
    );
    let kiosk = signed(&other, &assertion("kiosk", "1"));
    for good in [proof, kiosk] {
        assert_eq!(ask(&house, &good).await.status, 200);
    }
}

#[tokio::test]
async fn an_assertion_is_good_once_however_many_come_at_once() {
    let house = House::open().await;
    let key = key(SigningAlgorithm::EdDsa);
    house.add_client(signer("till", given(&key))).await;
    house.add_client(signer("kiosk", given(&key))).await;
    let proof = signed(&key, &assertion("till", "1"));
    let asked = futures_util::future::join_all((0..20).map(|_| ask(&house, &proof))).await;
    let good = asked.iter().filter(|reply| reply.status == 200).count();
    assert_eq!(good, 1);
    // Another token with the same id is the same; another client's is not.
    let mut renewed = assertion("till", "1");
    renewed["exp"] = json!(NOW.as_secs() + 121);
    assert_eq!(ask(&house, &signed(&key, &renewed)).await.status, 401);
    let others = signed(&key, &assertion("kiosk", "1"));
    assert_eq!(ask(&house, &others).await.status, 200);
}

#[tokio::test]
async fn a_used_assertion_is_forgotten_when_it_is_dead_and_not_before() {
    let house = House::open().await;
    let key = key(SigningAlgorithm::EdDsa);
    house.add_client(signer("till", given(&key))).await;
    let proof = signed(&key, &assertion("till", "1"));
    assert_eq!(ask(&house, &proof).await.status, 200);
    let life = 120_000 + 60_000;
    for (wait, forgotten) in [(life - 1, 0), (1, 1)] {
        house.clock.advance(Duration::from_millis(wait));
        assert_eq!(ask(&house, &proof).await.status, 401);
        let deleted = house.issuer.delete_old_history().await.unwrap();
        assert_eq!(deleted.client_assertions, forgotten, "{wait}");
    }
}

/// A client's key set at a URL, and how often it was asked for.
#[derive(Clone, Default)]
struct Published {
    set: Arc<Mutex<String>>,
    asked: Arc<AtomicUsize>,
}

impl Published {
    async fn start(&self) -> LogoutUrl {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/jwks", listener.local_addr().unwrap());
        let shown = self.clone();
        let show = async move || {
            shown.asked.fetch_add(1, Ordering::SeqCst);
            shown.set.lock().unwrap().clone()
        };
        let router = Router::new().route("/jwks", get(show));
        tokio::spawn(async move { axum::serve(listener, router).await });
        LogoutUrl::from_stored(url)
    }

    fn publish(&self, key: &SigningKey) {
        *self.set.lock().unwrap() = JwkSet::of_public([key]).to_string();
    }
}

#[tokio::test]
async fn a_client_may_replace_its_published_keys() {
    let house = House::open().await;
    let published = Published::default();
    let (old, new) = (key(SigningAlgorithm::EdDsa), key(SigningAlgorithm::EdDsa));
    published.publish(&old);
    let url = published.start().await;
    house.add_client(signer("till", ClientKeys::At(url))).await;
    let mut number = 0;
    let mut status_with = async |key: &SigningKey| {
        number += 1;
        let mut claims = assertion("till", &number.to_string());
        claims["exp"] = json!(house.issuer.now().as_secs() + 120);
        ask(&house, &signed(key, &claims)).await.status.as_u16()
    };
    assert_eq!(
        (status_with(&old).await, status_with(&old).await),
        (200, 200)
    );
    assert_eq!(published.asked.load(Ordering::SeqCst), 1, "kept");
    published.publish(&new);
    // Strangers cannot make us ask more often than once in a cool-down.
    assert_eq!(status_with(&new).await, 401);
    house.clock.advance(COOL_DOWN);
    assert_eq!(status_with(&new).await, 200);
    assert_eq!(status_with(&old).await, 401, "gone from the set");
    assert_eq!(published.asked.load(Ordering::SeqCst), 2);
    house.clock.advance(FRESH_FOR);
    assert_eq!(status_with(&new).await, 200);
    assert_eq!(published.asked.load(Ordering::SeqCst), 3);
}
