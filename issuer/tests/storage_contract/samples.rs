//! Values that tests store, with every member filled.

use std::time::Duration;

use logout_issuer::domain::authorization::{AuthorizationCode, CustomClaims, digest};
use logout_issuer::domain::client::{Client, TokenEndpointAuthMethod};
use logout_issuer::domain::delivery::{
    About, Attempt, AttemptError, Delivery, DeliveryId, DeliveryState, LastAttempt,
};
use logout_issuer::domain::initiator::Initiator;
use logout_issuer::domain::logout_settings::{
    DeliverySettings, Initiators, LogoutSettings, LogoutUrl,
};
use logout_issuer::domain::session::{
    AuthenticationMethod, Device, EndedSession, Session, SessionLifetimes,
};
use logout_issuer::domain::signing_key::{SigningKeyRecord, SigningKeyState};
use logout_issuer::domain::token_encryption::{
    ClientKeys, ContentEncryption, KeyManagement, TokenEncryption,
};
use logout_issuer::domain::user::User;
use logout_issuer::storage::{RecordedAttempt, StorageError, Store};
use logout_shared::{SessionMetadata, SigningAlgorithm, Timestamp};
use serde_json::{Map, Value, json};
use uuid::Uuid;

use crate::commit;

/// The time of all tests, in seconds; each adds what it needs.
pub(crate) const NOW: i64 = 1_795_413_600;

pub(crate) fn at(secs: i64) -> Timestamp {
    Timestamp::from_secs(NOW + secs)
}

pub(crate) fn id<T>(text: &str) -> T
where
    T: std::str::FromStr<Err: std::fmt::Debug>,
{
    text.parse().unwrap()
}

fn object(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(object) => object,
        _ => unreachable!(),
    }
}

pub(crate) fn metadata() -> SessionMetadata {
    let mut metadata = SessionMetadata::new();
    metadata.set("deviceName", "kiosk 7 – \"left\"").unwrap();
    metadata.set("emoji", "🦀").unwrap();
    metadata
}

pub(crate) fn session(sid: &str, user: &str) -> Session {
    let mut session = Session::start(
        id(sid),
        id(user),
        Device::first_seen(Some("browser".into()), Some("192.0.2.1".into())),
        AuthenticationMethod::password(at(0)),
        &SessionLifetimes::default(),
    );
    session.metadata = metadata();
    session
}

pub(crate) fn client(client_id: &str) -> Client {
    Client {
        id: id(client_id),
        name: "A shop".into(),
        sealed_secret: Some("sealed".into()),
        token_endpoint_auth_method: Some(TokenEndpointAuthMethod::ClientSecretPost),
        callbacks: vec!["https://shop.example/cb".into()],
        allowed_logout_urls: vec!["https://shop.example/".into()],
        grant_types: vec!["authorization_code".into()],
        signing_algorithm: SigningAlgorithm::EdDsa,
        encryption: Some(TokenEncryption {
            alg: KeyManagement::RsaOaep256,
            enc: ContentEncryption::A128Gcm,
        }),
        keys: Some(ClientKeys::Given(json!({ "keys": [] }))),
        management_scopes: vec!["read:sessions".into()],
        logout: Some(LogoutSettings {
            urls: vec![LogoutUrl::from_stored("https://shop.example/bcl".into())],
            initiators: Some(Initiators::Custom(vec![Initiator::RpLogout])),
            include_session_metadata: Some(true),
            delivery: DeliverySettings {
                wait_ms: 0,
                ..DeliverySettings::default()
            },
        }),
        other: object(json!({ "logo_uri": "https://shop.example/logo", "nested": { "a": [1] } })),
        created_at: at(0),
        updated_at: at(0),
    }
}

pub(crate) fn user(user_id: &str, email: &str) -> User {
    User {
        id: id(user_id),
        email: email.into(),
        email_verified: true,
        blocked: false,
        admin: true,
        profile: object(json!({ "name": "Ann" })),
        user_metadata: object(json!({ "colour": "red" })),
        app_metadata: object(json!({ "plan": { "level": 2 } })),
        password_version: 0,
        created_at: at(0),
        updated_at: at(0),
        last_login: Some(at(1)),
        logins_count: 3,
    }
}

pub(crate) fn code(text: &str, client: &str) -> AuthorizationCode {
    AuthorizationCode {
        digest: digest(text),
        client: id(client),
        session: id("s1"),
        user: id("u1"),
        redirect_uri: "https://shop.example/cb".into(),
        scope: "openid profile".into(),
        nonce: Some("n".into()),
        code_challenge: Some("c".repeat(43)),
        claims: CustomClaims {
            id_token: Map::from_iter([("color".to_owned(), json!("red"))]),
            access_token: Map::new(),
        },
        authenticated_at: at(-5),
        issued_at: at(0),
    }
}

pub(crate) fn signing_key(kid: &str) -> SigningKeyRecord {
    SigningKeyRecord {
        kid: kid.into(),
        algorithm: SigningAlgorithm::Rs256,
        state: SigningKeyState::Next,
        sealed_private_key: Some("sealed".into()),
        public_jwk: json!({ "kty": "RSA", "kid": kid }),
        created_at: at(0),
        activated_at: None,
        retired_at: None,
        distrusted: false,
    }
}

pub(crate) fn delivery_id(number: u128) -> DeliveryId {
    DeliveryId(Uuid::from_u128(number))
}

/// A delivery that is due now; ids sort by their number.
pub(crate) fn delivery(number: u128, client: &str) -> Delivery {
    Delivery {
        id: delivery_id(number),
        client: id(client),
        user: id("u1"),
        about: About::Session(id("s1")),
        initiator: Initiator::SessionRevoked,
        url: LogoutUrl::from_stored("https://shop.example/bcl".into()),
        trace_id: id("0123456789abcdef"),
        metadata: metadata(),
        event_at: at(0),
        state: DeliveryState::Pending,
        attempts: 0,
        next_attempt_at: Some(at(0)),
        queued_at: None,
        give_up_at: at(72 * 3_600),
        finished_at: None,
        last: None,
        follow_up: false,
    }
}

pub(crate) fn attempt(number: u32, status: Option<u16>) -> Attempt {
    Attempt {
        number,
        at: at(i64::from(number)),
        jti: id(&format!("jti-{number}")),
        url: LogoutUrl::from_stored("https://shop.example/bcl".into()),
        status,
        error: match status {
            Some(200) => None,
            Some(_) => Some(AttemptError::Status),
            None => Some(AttemptError::Timeout),
        },
        duration: Duration::from_millis(12),
        oauth_error: None,
        oauth_error_description: None,
    }
}

/// The delivery after this attempt; it waits ten seconds unless it was heard.
pub(crate) fn tried(delivery: Delivery, attempt: Attempt) -> RecordedAttempt {
    let heard = attempt.status == Some(200);
    RecordedAttempt {
        delivery: Delivery {
            state: if heard {
                DeliveryState::Heard
            } else {
                DeliveryState::Pending
            },
            attempts: attempt.number,
            next_attempt_at: (!heard).then(|| attempt.at + Duration::from_secs(10)),
            finished_at: heard.then_some(attempt.at),
            last: Some(LastAttempt {
                at: attempt.at,
                status: attempt.status,
                error: attempt.error,
                duration: attempt.duration,
            }),
            ..delivery
        },
        attempt: Some(attempt),
    }
}

pub(crate) async fn insert_deliveries(store: &dyn Store, deliveries: Vec<Delivery>) {
    commit!(store, |tx| tx.insert_deliveries(&deliveries).await).unwrap();
}

pub(crate) async fn insert_session(store: &dyn Store, session: &Session) {
    let session = session.clone();
    commit!(store, |tx| tx.insert_session(&session, None).await).unwrap();
}

pub(crate) async fn end_session(store: &dyn Store, sid: &str, now: Timestamp) {
    let sid = id(sid);
    commit!(store, |tx| {
        let session = tx.lock_session(&sid).await?.expect("not ended before");
        let ended: EndedSession = session.end(Initiator::SessionRevoked, now);
        tx.end_sessions(&[ended]).await
    })
    .unwrap();
}

pub(crate) async fn join(store: &dyn Store, sid: &str, client: &str, now: Timestamp) {
    let (sid, client) = (id(sid), id(client));
    let joined: Result<(), StorageError> =
        commit!(store, |tx| tx.join_session(&sid, &client, now).await);
    joined.unwrap();
}
