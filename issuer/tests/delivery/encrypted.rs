//! Row G26: encrypted logout tokens from the worker to our own receiver.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::http::StatusCode;
use axum::routing::get;
use logout_issuer::domain::delivery::{AttemptError, DeliveryState};
use logout_issuer::domain::logout_settings::LogoutUrl;
use logout_issuer::domain::token_encryption::{self, ClientKeys, TokenEncryption};
use logout_issuer::keyring::client_keys::COOL_DOWN;
use logout_receiver::{BackchannelLogout, KeySource, SigningAlgorithm};
use logout_shared::ClientId;
use logout_shared::jwe::{ContentEncryption, DecryptionKey, KeyManagement};
use logout_shared::jwks::JwkSet;
use logout_tests::http::decode_part;
use logout_tests::relying_party::{Answer, TestRelyingParty};
use serde_json::json;
use tokio::net::TcpListener;
use tokio::sync::Notify;

use crate::world::{ISSUER, World, client};

/// A relying party with our receiver inside, and its key set at a URL.
struct App {
    address: std::net::SocketAddr,
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    key_set: Mutex<Option<String>>,
    receiver: Mutex<Option<BackchannelLogout>>,
    /// Lets those go who wait for a key set that does not come.
    hang_up: Notify,
}

impl App {
    async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let shared = Arc::<Shared>::default();
        let keys = Arc::clone(&shared);
        let receiver = Arc::clone(&shared);
        let router = Router::new()
            .route("/jwks", get(async move || keys.show_keys().await))
            .route(
                "/bcl",
                axum::routing::post(async move |body| receiver.receive(body).await),
            );
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self { address, shared }
    }

    /// Makes a key, publishes it and reads tokens with it alone from now on.
    fn use_new_key(&self, world: &World, id: &str, alg: KeyManagement) {
        let key = DecryptionKey::generate(alg, ContentEncryption::A256gcm).unwrap();
        let set = json!({"keys": [key.public_jwk()]}).to_string();
        let issuers = world.issuer.keys().published(world.clock_now()).to_string();
        let issuers = JwkSet::parse(issuers.as_bytes()).unwrap();
        let receiver = BackchannelLogout::builder(ISSUER, id)
            .in_memory()
            .signing_algorithm(SigningAlgorithm::Es256)
            .keys(KeySource::given(issuers))
            .decryption_key(key)
            .clock(world.clock.clone())
            .build()
            .unwrap();
        *self.shared.receiver.lock().unwrap() = Some(receiver);
        *self.shared.key_set.lock().unwrap() = Some(set);
    }

    fn url(&self, path: &str) -> String {
        format!("http://{}/{path}", self.address)
    }
}

impl Shared {
    async fn show_keys(&self) -> Result<String, StatusCode> {
        let set = self.key_set.lock().unwrap().clone();
        if let Some(set) = set {
            return Ok(set);
        }
        self.hang_up.notified().await;
        Err(StatusCode::SERVICE_UNAVAILABLE)
    }

    async fn receive(&self, form: String) -> StatusCode {
        let receiver = self.receiver.lock().unwrap().clone();
        let fields = url::form_urlencoded::parse(form.as_bytes());
        let token: String = fields.map(|(_, value)| value.into_owned()).collect();
        match receiver.expect("there is a key").receive(&token).await {
            Ok(_) => StatusCode::OK,
            Err(_) => StatusCode::BAD_REQUEST,
        }
    }
}

/// Registers a client that wants encrypted tokens.
async fn register(world: &World, id: &str, url: &str, alg: KeyManagement, keys: &str) -> ClientId {
    let alg = match alg {
        KeyManagement::EcdhEs => token_encryption::KeyManagement::EcdhEs,
        _ => token_encryption::KeyManagement::RsaOaep256,
    };
    let mut client = client(id, &[url], |_| {});
    client.encryption = Some(TokenEncryption {
        alg,
        enc: token_encryption::ContentEncryption::A256Gcm,
    });
    client.keys = Some(ClientKeys::At(LogoutUrl::from_stored(keys.into())));
    world.client(id, url).await;
    let id = client.id.clone();
    world.update(client).await;
    id
}

#[tokio::test]
async fn g26_our_receiver_reads_what_the_worker_encrypts() {
    let world = World::start().await;
    for (name, alg) in [
        ("curve", KeyManagement::EcdhEs),
        ("rsa", KeyManagement::RsaOaep256),
    ] {
        let app = App::start().await;
        app.use_new_key(&world, name, alg);
        let id = register(&world, name, &app.url("bcl"), alg, &app.url("jwks")).await;
        let delivery = world.revoke_one(&id).await;
        world.until_state(delivery, DeliveryState::Heard).await;
    }
}

#[tokio::test]
async fn g26_the_header_names_the_issuer_the_key_and_what_is_inside() {
    let (world, shop, app) = (
        World::start().await,
        TestRelyingParty::start().await,
        App::start().await,
    );
    let alg = KeyManagement::EcdhEs;
    app.use_new_key(&world, "shop", alg);
    let id = register(&world, "shop", &shop.url(), alg, &app.url("jwks")).await;
    world.revoke_one(&id).await;
    let told = shop.wait_for(1).await.remove(0);
    assert_eq!(told.token().split('.').count(), 5);
    let header = decode_part(told.token(), 0);
    let set = app.shared.key_set.lock().unwrap().clone().unwrap();
    let set: serde_json::Value = serde_json::from_str(&set).unwrap();
    assert_eq!(header["alg"], "ECDH-ES");
    assert_eq!(header["enc"], "A256GCM");
    assert_eq!(header["cty"], "JWT");
    assert_eq!(header["iss"], ISSUER);
    assert!(header["kid"].is_string());
    assert_eq!(header["kid"], set["keys"][0]["kid"]);
}

#[tokio::test]
async fn g26_a_client_that_replaces_its_key_is_told_with_the_new_one() {
    let (world, app) = (World::start().await, App::start().await);
    let alg = KeyManagement::EcdhEs;
    app.use_new_key(&world, "shop", alg);
    let id = register(&world, "shop", &app.url("bcl"), alg, &app.url("jwks")).await;
    let delivery = world.revoke_one(&id).await;
    world.until_state(delivery, DeliveryState::Heard).await;

    world.pass(COOL_DOWN);
    app.use_new_key(&world, "shop", alg);
    let delivery = world.revoke_one(&id).await;
    // The first token is for the key before; the client says 400, which would be final elsewhere.
    let tried = world.until_attempted(delivery, 1).await;
    assert_eq!(tried.state, DeliveryState::Pending);
    let last = tried.last.unwrap();
    assert_eq!(
        (last.status, last.error),
        (Some(400), Some(AttemptError::ClientKeys))
    );
    world.pass(Duration::from_secs(2));
    let heard = world.until_state(delivery, DeliveryState::Heard).await;
    assert_eq!(heard.attempts, 2);
}

#[tokio::test]
async fn g26_a_refusal_of_a_token_that_could_be_read_is_final() {
    let (world, shop, app) = (
        World::start().await,
        TestRelyingParty::start().await,
        App::start().await,
    );
    let alg = KeyManagement::EcdhEs;
    app.use_new_key(&world, "shop", alg);
    let id = register(&world, "shop", &shop.url(), alg, &app.url("jwks")).await;
    shop.answer_in_turn([Answer::Status(400)]);
    let delivery = world.revoke_one(&id).await;
    world.until_state(delivery, DeliveryState::Refused).await;
}

#[tokio::test]
async fn g15_g26_a_key_set_that_hangs_delays_its_own_client_alone() {
    let (world, shop, app) = (
        World::start().await,
        TestRelyingParty::start().await,
        App::start().await,
    );
    let alg = KeyManagement::EcdhEs;
    let slow = register(&world, "slow", &app.url("bcl"), alg, &app.url("jwks")).await;
    let quick = world.client("quick", &shop.url()).await;
    let sid = world.session(&[&slow, &quick]).await;
    let ended = world.revoke(&sid).await;
    shop.wait_for(1).await;
    let deliveries =
        futures_util::future::join_all(ended.deliveries.iter().map(|id| world.delivery(*id)));
    let mut deliveries = deliveries.await.into_iter();
    let waiting = deliveries.find(|one| one.client == slow).unwrap();
    assert_eq!(waiting.attempts, 0);

    app.shared.hang_up.notify_waiters();
    let tried = world.until_attempted(waiting.id, 1).await;
    assert_eq!(tried.state, DeliveryState::Pending);
    let last = tried.last.unwrap();
    assert_eq!(
        (last.status, last.error),
        (None, Some(AttemptError::ClientKeys))
    );
    assert_eq!(
        world.history(waiting.id).await[0].error,
        Some(AttemptError::ClientKeys)
    );

    app.use_new_key(&world, "slow", alg);
    world.pass(COOL_DOWN);
    world.until_state(waiting.id, DeliveryState::Heard).await;
}
