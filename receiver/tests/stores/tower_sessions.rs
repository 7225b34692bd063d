//! A `tower-sessions` app: a logout deletes the session from the app's own store.

use std::collections::HashMap;
use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use async_trait::async_trait;
use axum::Router;
use axum::body::Body;
use axum::http::{Request, StatusCode};
use axum::routing::{get, post};
use logout_receiver::session_index::{RedisSessionIndex, SessionIndex, TowerSessions};
use logout_receiver::{
    BackchannelLogout, CurrentSession, KeySource, LocalSession, RedisConnection, RequireSession,
    SigningAlgorithm,
};
use logout_shared::jwk::SigningKey;
use logout_shared::jwks::JwkSet;
use logout_shared::{ManualClock, Timestamp};
use logout_tests::throwaway::ThrowawayRedis;
use serde_json::json;
use tower::ServiceExt as _;
use tower_sessions::session::{Id, Record};
use tower_sessions::{MemoryStore, Session, SessionManagerLayer, SessionStore, session_store};
use tower_sessions_redis_store::RedisStore;
use tower_sessions_redis_store::fred::prelude::{ClientLike as _, Config, Pool};

const ISSUER: &str = "https://issuer.example/";

/// A store whose deletions can be made to fail.
#[derive(Clone, Debug, Default)]
struct Store {
    inner: MemoryStore,
    stuck: Arc<AtomicBool>,
}

#[async_trait]
impl SessionStore for Store {
    async fn create(&self, record: &mut Record) -> session_store::Result<()> {
        self.inner.create(record).await
    }

    async fn save(&self, record: &Record) -> session_store::Result<()> {
        self.inner.save(record).await
    }

    async fn load(&self, id: &Id) -> session_store::Result<Option<Record>> {
        self.inner.load(id).await
    }

    async fn delete(&self, id: &Id) -> session_store::Result<()> {
        if self.stuck.load(Ordering::SeqCst) {
            return Err(session_store::Error::Backend("stuck".to_owned()));
        }
        self.inner.delete(id).await
    }
}

struct App {
    key: SigningKey,
    logout: BackchannelLogout,
    router: Router,
    store: Store,
}

impl App {
    fn new() -> App {
        let key = SigningKey::generate(SigningAlgorithm::Es256).expect("a key");
        let store = Store::default();
        let logout = app_logout(&key, TowerSessions::new(store.clone()));
        let log_in = {
            let logout = logout.clone();
            move |session: Session| log_in(logout, session)
        };
        let page = |current: CurrentSession| async move { current.sub().to_string() };
        let router = Router::new()
            .route("/", get(page))
            .layer(RequireSession::new(logout.clone()))
            .route("/log-in", post(log_in))
            .layer(SessionManagerLayer::new(store.clone()).with_secure(false));
        App {
            key,
            logout,
            router,
            store,
        }
    }

    /// Asks for a page with this cookie; gives the status and a new cookie.
    async fn ask(&self, method: &str, path: &str, cookie: &str) -> (StatusCode, Option<String>) {
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header("cookie", cookie);
        let request = request.body(Body::empty()).expect("a request");
        let answer: Result<_, Infallible> = self.router.clone().oneshot(request).await;
        let answer = answer.expect("infallible");
        let cookie = answer.headers().get("set-cookie").map(|value| {
            let value = value.to_str().expect("text");
            value.split(';').next().expect("a pair").to_owned()
        });
        (answer.status(), cookie)
    }

    fn token(&self, jti: &str) -> String {
        token(&self.key, jti)
    }
}

const NOW: i64 = 1_795_000_000;

fn app_logout(key: &SigningKey, index: impl SessionIndex + 'static) -> BackchannelLogout {
    let keys = JwkSet::parse(JwkSet::of_public([key]).to_string().as_bytes()).expect("keys");
    BackchannelLogout::builder(ISSUER, "client")
        .signing_algorithm(SigningAlgorithm::Es256)
        .keys(KeySource::given(keys))
        .sessions(index)
        .clock(ManualClock::at(Timestamp::from_secs(NOW)))
        .build()
        .expect("a set-up that works")
}

fn token(key: &SigningKey, jti: &str) -> String {
    let claims = json!({
        "iss": ISSUER, "aud": "client", "sub": "alice", "sid": "sid-1", "jti": jti,
        "iat": NOW, "exp": NOW + 120,
        "events": {"http://schemas.openid.net/event/backchannel-logout": {}},
    });
    key.sign("logout+jwt", claims.to_string().as_bytes())
        .expect("signs")
}

/// The end of a sign-in: a new session id, saved before it is recorded.
async fn log_in(logout: BackchannelLogout, session: Session) -> StatusCode {
    session.cycle_id().await.expect("a store in memory");
    session.insert("name", "Alice").await.expect("JSON");
    session.save().await.expect("a store in memory");
    let id = session.id().expect("saved").to_string();
    let iat = NOW - 60;
    let claims =
        json!({"iss": ISSUER, "aud": "client", "sub": "alice", "sid": "sid-1", "iat": iat});
    match logout.record_login(&claims, id.as_str()).await {
        Ok(_) => StatusCode::NO_CONTENT,
        Err(_) => StatusCode::UNAUTHORIZED,
    }
}

#[tokio::test]
async fn a_logout_deletes_the_session_from_the_apps_store() {
    let app = App::new();
    assert_eq!(app.ask("GET", "/", "").await.0, StatusCode::UNAUTHORIZED);
    let (status, cookie) = app.ask("POST", "/log-in", "").await;
    assert_eq!(status, StatusCode::NO_CONTENT);
    let cookie = cookie.expect("a session cookie");
    assert_eq!(app.ask("GET", "/", &cookie).await.0, StatusCode::OK);
    let id: Id = cookie
        .split_once('=')
        .expect("a pair")
        .1
        .parse()
        .expect("an id");
    assert!(app.store.load(&id).await.expect("memory").is_some());
    let done = app
        .logout
        .receive(&app.token("j-1"))
        .await
        .expect("a good token");
    assert_eq!(done.ended.len(), 1);
    assert!(app.store.load(&id).await.expect("memory").is_none());
    assert_eq!(
        app.ask("GET", "/", &cookie).await.0,
        StatusCode::UNAUTHORIZED
    );
}

#[tokio::test]
async fn a_session_that_cannot_be_deleted_is_refused_and_comes_again() {
    let app = App::new();
    let cookie = app
        .ask("POST", "/log-in", "")
        .await
        .1
        .expect("a session cookie");
    app.store.stuck.store(true, Ordering::SeqCst);
    let error = app
        .logout
        .receive(&app.token("j-1"))
        .await
        .expect_err("the store is stuck");
    assert_eq!(error.code(), "session_index_unavailable");
    assert_eq!(
        app.ask("GET", "/", &cookie).await.0,
        StatusCode::UNAUTHORIZED
    );
    app.store.stuck.store(false, Ordering::SeqCst);
    let done = app
        .logout
        .receive(&app.token("j-1"))
        .await
        .expect("the same token again");
    assert_eq!(done.ended.len(), 1);
    let id: Id = cookie
        .split_once('=')
        .expect("a pair")
        .1
        .parse()
        .expect("an id");
    assert!(app.store.load(&id).await.expect("memory").is_none());
}

#[tokio::test]
async fn a_request_that_writes_a_deleted_session_back_does_not_revive_it() {
    let app = App::new();
    let cookie = app
        .ask("POST", "/log-in", "")
        .await
        .1
        .expect("a session cookie");
    let id: Id = cookie
        .split_once('=')
        .expect("a pair")
        .1
        .parse()
        .expect("an id");
    let in_hand = app
        .store
        .load(&id)
        .await
        .expect("memory")
        .expect("a record");
    app.logout
        .receive(&app.token("j-1"))
        .await
        .expect("a good token");
    app.store.save(&in_hand).await.expect("memory");
    assert_eq!(
        app.ask("GET", "/", &cookie).await.0,
        StatusCode::UNAUTHORIZED
    );
}

#[tokio::test]
async fn a_logout_deletes_the_session_from_a_store_in_redis() {
    let Some(server) = crate::installed(ThrowawayRedis::start()) else {
        return;
    };
    let config = Config::from_url(&server.url()).expect("an address");
    let pool = Pool::new(config, None, None, None, 1).expect("a pool");
    pool.init().await.expect("connects");
    let store = RedisStore::new(pool);
    let mut record = Record {
        id: Id(7),
        data: HashMap::default(),
        expiry_date: tower_sessions::cookie::time::OffsetDateTime::now_utc()
            + tower_sessions::cookie::time::Duration::HOUR,
    };
    store.create(&mut record).await.expect("Redis");

    // The index lies in Redis too: any process of the app may get the logout.
    let connection = RedisConnection::open(&server.url(), "logout:").expect("an address");
    let key = SigningKey::generate(SigningAlgorithm::Es256).expect("a key");
    let process = || {
        let index = RedisSessionIndex::new(connection.clone());
        app_logout(&key, TowerSessions::new(store.clone()).with_index(index))
    };
    let claims =
        json!({"iss": ISSUER, "aud": "client", "sub": "alice", "sid": "sid-1", "iat": NOW - 60});
    let local = record.id.to_string();
    process()
        .record_login(&claims, local.as_str())
        .await
        .expect("a login");
    let there = process();
    assert!(matches!(
        there.session(local.as_str()).await,
        Ok(LocalSession::Live(_))
    ));
    let done = there
        .receive(&token(&key, "j-1"))
        .await
        .expect("a good token");
    assert_eq!(done.ended.len(), 1);
    assert!(store.load(&record.id).await.expect("Redis").is_none());
    let after = process().session(local.as_str()).await.expect("Redis");
    assert_eq!(after, LocalSession::Unknown);
}
