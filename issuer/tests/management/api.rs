//! An issuer in memory, its router, and a caller with any scopes one likes.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{HeaderMap, Request, StatusCode};
use axum::response::Response;
use logout_issuer::domain::client::Client;
use logout_issuer::domain::management_scope;
use logout_issuer::domain::session::{AuthenticationMethod, CookieMode, Device, Session};
use logout_issuer::domain::signing_key::SigningKeyRecord;
use logout_issuer::domain::user::User;
use logout_issuer::egress;
use logout_issuer::http::{AppState, Settings, app};
use logout_issuer::issuer::{Issuer, IssuerConfig};
use logout_issuer::login::access_token::{self, AccessToken, management_audience};
use logout_issuer::storage::sqlite::SqliteStore;
use logout_issuer::storage::{LogRecord, StorageError, Store};
use logout_shared::random::SeededRandom;
use logout_shared::seal::SealingKey;
use logout_shared::{
    ManualClock, SessionId, SessionMetadata, SigningAlgorithm, Subject, Timestamp,
};
use serde_json::{Map, Value, json};
use tokio::sync::OnceCell;
use tokio_util::sync::CancellationToken;
use tower::ServiceExt as _;

pub(crate) const START: Timestamp = Timestamp::from_secs(1_795_413_600);
pub(crate) const USER: &str = "auth0|ada";
pub(crate) const CALLER: &str = "caller";

/// A running Management API.
pub(crate) struct Api {
    router: Router,
    pub(crate) issuer: Issuer,
    pub(crate) clock: ManualClock,
    /// Ends the answers that go on by themselves.
    pub(crate) stop: CancellationToken,
}

/// What a call gave.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Value,
}

impl Answer {
    /// Requires a status, with the body in the message of a failure.
    #[track_caller]
    pub(crate) fn expect(self, status: u16) -> Value {
        assert_eq!(self.status.as_u16(), status, "{}", self.body);
        self.body
    }

    /// Requires an error with exactly this message and code.
    #[track_caller]
    pub(crate) fn refused(self, status: u16, message: &str, code: Option<&str>) {
        let error = self.status.canonical_reason().unwrap();
        let mut wanted = json!({"statusCode": status, "error": error, "message": message});
        if let Some(code) = code {
            wanted["errorCode"] = json!(code);
        }
        assert_eq!(self.body, wanted);
        assert_eq!(self.status.as_u16(), status);
    }
}

impl Api {
    /// An issuer with the defaults of production.
    pub(crate) async fn start() -> Self {
        Self::with(egress::Settings::default()).await
    }

    /// An issuer that lets http and this host through.
    pub(crate) async fn start_for_development() -> Self {
        Self::with(egress::Settings {
            danger_allow_http: true,
            danger_allow_private_addresses: true,
            ..Default::default()
        })
        .await
    }

    /// An issuer whose signing keys no other has.
    pub(crate) async fn start_with_new_keys() -> Self {
        Self::over(
            SqliteStore::in_memory().await.unwrap(),
            egress::Settings::default(),
        )
        .await
    }

    async fn with(egress: egress::Settings) -> Self {
        // Making RSA keys takes longer than all the rest of a test.
        static KEYS: OnceCell<Vec<SigningKeyRecord>> = OnceCell::const_new();
        let made = || async { Self::start_with_new_keys().await.issuer.keys().records() };
        let keys = KEYS.get_or_init(made).await.clone();
        let store: Arc<dyn Store> = SqliteStore::in_memory().await.unwrap();
        let written = store.write::<_, StorageError, _>(move |tx| {
            Box::pin(async move {
                for key in &keys {
                    tx.insert_signing_key(key).await?;
                }
                Ok(())
            })
        });
        written.await.unwrap();
        Self::over(store, egress).await
    }

    async fn over(store: Arc<dyn Store>, egress: egress::Settings) -> Self {
        let clock = ManualClock::at(START);
        let config = IssuerConfig {
            egress,
            signing_algorithms: vec![
                SigningAlgorithm::Rs256,
                SigningAlgorithm::Ps256,
                SigningAlgorithm::Es256,
            ],
            ..IssuerConfig::new(
                "https://id.example/".parse().unwrap(),
                SealingKey::from_bytes([7; 32]),
            )
        };
        let issuer = Issuer::builder(config)
            .store(store)
            .clock(Arc::new(clock.clone()))
            .random(Arc::new(SeededRandom::new(7)))
            .build()
            .await
            .unwrap();
        let state = AppState::new(issuer.clone(), Settings::default());
        let stop = state.stop.clone();
        let router = app(state);
        let api = Self {
            router,
            issuer,
            clock,
            stop,
        };
        api.put_client(client(CALLER)).await;
        api.put_user(USER).await;
        api
    }

    /// Serves with other settings from now on.
    pub(crate) fn serve_with(&mut self, settings: Settings) {
        self.router = app(AppState::new(self.issuer.clone(), settings));
    }

    /// A token for the caller with these scopes, separated by spaces.
    pub(crate) async fn token(&self, scopes: &str) -> String {
        self.token_of(CALLER, &management_audience(self.issuer.id()), scopes)
            .await
    }

    /// A token for some client and audience.
    pub(crate) async fn token_of(&self, client: &str, audience: &str, scopes: &str) -> String {
        let token = AccessToken {
            subject: format!("{client}@clients"),
            client: client.parse().unwrap(),
            audience: audience.to_owned(),
            scopes: scopes.split(' ').map(str::to_owned).collect(),
            session: None,
            grant: None,
            custom: serde_json::Map::new(),
        };
        let now = self.issuer.now();
        access_token::mint(&self.issuer, &token, SigningAlgorithm::Rs256, now)
            .await
            .unwrap()
    }

    /// Sends a request and gives the answer while its body may still go on.
    pub(crate) async fn open(&self, request: Request<Body>) -> Response {
        self.router.clone().oneshot(request).await.unwrap()
    }

    /// Sends a request as it is.
    pub(crate) async fn send(&self, request: Request<Body>) -> Answer {
        let response = self.open(request).await;
        let (parts, body) = response.into_parts();
        let bytes = to_bytes(body, usize::MAX).await.unwrap();
        let body = serde_json::from_slice(&bytes)
            .unwrap_or_else(|_| json!(String::from_utf8_lossy(&bytes)));
        Answer {
            status: parts.status,
            headers: parts.headers,
            body,
        }
    }

    /// Calls with these scopes and a JSON body, unless it is null.
    pub(crate) async fn call(&self, scopes: &str, line: &str, body: Value) -> Answer {
        let (method, path) = line.split_once(' ').unwrap();
        let token = self.token(scopes).await;
        let request = Request::builder()
            .method(method)
            .uri(format!("/api/v2{path}"))
            .header("authorization", format!("Bearer {token}"));
        let request = if body.is_null() {
            request.body(Body::empty())
        } else {
            request
                .header("content-type", "application/json")
                .body(Body::from(body.to_string()))
        };
        self.send(request.unwrap()).await
    }

    /// Calls without a body.
    pub(crate) async fn get(&self, scopes: &str, path: &str) -> Answer {
        self.call(scopes, &format!("GET {path}"), Value::Null).await
    }

    pub(crate) async fn put_client(&self, client: Client) {
        let written = self.issuer.store().write::<_, StorageError, _>(move |tx| {
            Box::pin(async move { tx.insert_client(&client).await })
        });
        assert!(written.await.unwrap());
    }

    pub(crate) async fn put_user(&self, id: &str) {
        let user = User {
            id: id.parse().unwrap(),
            email: format!("{}@example.com", id.replace('|', ".")),
            email_verified: true,
            blocked: false,
            admin: false,
            profile: Map::new(),
            user_metadata: Map::new(),
            app_metadata: Map::new(),
            password_version: 0,
            created_at: START,
            updated_at: START,
            last_login: None,
            logins_count: 0,
        };
        let written = self.issuer.store().write::<_, StorageError, _>(move |tx| {
            Box::pin(async move { tx.insert_user(&user, None).await })
        });
        assert!(written.await.unwrap());
    }

    /// A live session of a user that has signed in to these clients.
    pub(crate) async fn put_session(&self, id: &str, user: &str, clients: &[&str]) -> SessionId {
        let session = session(id, user, self.issuer.now());
        let (id, now) = (session.id.clone(), self.issuer.now());
        let clients: Vec<_> = clients.iter().map(|id| id.parse().unwrap()).collect();
        let written = self.issuer.store().write::<_, StorageError, _>(move |tx| {
            Box::pin(async move {
                tx.insert_session(&session, None).await?;
                for client in &clients {
                    tx.join_session(&session.id, client, now).await?;
                }
                Ok(())
            })
        });
        written.await.unwrap();
        id
    }

    /// The session with this id, if it lives.
    pub(crate) async fn session(&self, id: &str) -> Option<Session> {
        let mut read = self.issuer.store().read().await.unwrap();
        read.find_session(&id.parse().unwrap(), self.issuer.now())
            .await
            .unwrap()
    }

    /// The client with this id.
    pub(crate) async fn client(&self, id: &str) -> Option<Client> {
        let mut read = self.issuer.store().read().await.unwrap();
        read.find_client(&id.parse().unwrap()).await.unwrap()
    }

    /// The records with a code, newest first.
    pub(crate) async fn events(&self, code: &str) -> Vec<LogRecord> {
        let mut read = self.issuer.store().read().await.unwrap();
        read.list_events(Some(code), 0, 100).await.unwrap()
    }
}

/// A client that may be given every scope.
pub(crate) fn client(id: &str) -> Client {
    Client {
        management_scopes: management_scope::granted(["all"]).unwrap(),
        ..Client::new(id.parse().unwrap(), format!("Client {id}"), START)
    }
}

fn session(id: &str, user: &str, now: Timestamp) -> Session {
    let user: Subject = user.parse().unwrap();
    Session {
        id: id.parse().unwrap(),
        user,
        created_at: now,
        updated_at: now,
        authenticated_at: now,
        last_interacted_at: now,
        idle_expires_at: now + Duration::from_hours(72),
        expires_at: now + Duration::from_hours(168),
        device: Device {
            initial_user_agent: Some("Browser/1".into()),
            initial_ip: Some("192.0.2.7".into()),
            last_user_agent: Some("Browser/1".into()),
            last_ip: Some("192.0.2.8".into()),
            ..Device::default()
        },
        methods: vec![AuthenticationMethod {
            name: "pwd".into(),
            timestamp: now,
            kind: None,
        }],
        cookie_mode: CookieMode::Persistent,
        metadata: SessionMetadata::new(),
    }
}
