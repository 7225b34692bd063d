//! A provider that publishes keys on a socket and misbehaves as it is told.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Body;
use axum::extract::State;
use axum::http::{Response, StatusCode, Uri};
use logout_shared::jwk::SigningKey;
use serde_json::{Value, json};
use tokio::sync::Semaphore;

use super::serve;

/// A provider under the test's control.
pub(crate) struct Provider {
    pub(crate) address: SocketAddr,
    state: Arc<Shared>,
}

struct Shared {
    address: Mutex<Option<SocketAddr>>,
    keys: Mutex<Vec<Value>>,
    behaviour: Mutex<Behaviour>,
    /// How many requests may be answered, when they wait for permission.
    gate: Mutex<Option<Arc<Semaphore>>>,
    asked: AtomicUsize,
    discovered: AtomicUsize,
    others: AtomicUsize,
}

/// What the key endpoint does.
#[derive(Clone)]
pub(crate) enum Behaviour {
    /// Publishes the keys.
    Serve,
    /// Answers this status and no keys.
    Status(u16),
    /// Redirects to this address.
    Redirect(String),
    /// Answers these bytes.
    Bytes(Vec<u8>),
    /// Sends this many bytes of blanks and goes on for ever.
    Endless,
    /// Never answers.
    Hang,
}

impl Provider {
    /// A provider that publishes these keys.
    pub(crate) async fn start<'k>(keys: impl IntoIterator<Item = &'k SigningKey>) -> Provider {
        let state = Arc::new(Shared {
            address: Mutex::default(),
            keys: Mutex::new(keys.into_iter().map(SigningKey::public_jwk).collect()),
            behaviour: Mutex::new(Behaviour::Serve),
            gate: Mutex::default(),
            asked: AtomicUsize::default(),
            discovered: AtomicUsize::default(),
            others: AtomicUsize::default(),
        });
        let app = Router::new()
            .fallback(answer)
            .with_state(Arc::clone(&state));
        let address = serve(app).await;
        *state.address.lock().expect("not poisoned") = Some(address);
        Provider { address, state }
    }

    /// Its issuer identifier.
    pub(crate) fn issuer(&self) -> String {
        format!("http://{}/op", self.address)
    }

    /// How often the key set was asked for.
    pub(crate) fn asked(&self) -> usize {
        self.state.asked.load(Ordering::SeqCst)
    }

    /// How often the discovery document was asked for.
    pub(crate) fn discovered(&self) -> usize {
        self.state.discovered.load(Ordering::SeqCst)
    }

    /// How often anything else was asked for.
    pub(crate) fn others(&self) -> usize {
        self.state.others.load(Ordering::SeqCst)
    }

    /// Publishes other keys from now on.
    pub(crate) fn publish(&self, keys: Vec<Value>) {
        *self.state.keys.lock().expect("not poisoned") = keys;
    }

    /// Misbehaves from now on.
    pub(crate) fn behave(&self, behaviour: Behaviour) {
        *self.state.behaviour.lock().expect("not poisoned") = behaviour;
    }

    /// Holds answers of the key endpoint back until the test adds permits.
    pub(crate) fn hold(&self) -> Arc<Semaphore> {
        let gate = Arc::new(Semaphore::new(0));
        *self.state.gate.lock().expect("not poisoned") = Some(Arc::clone(&gate));
        gate
    }
}

async fn answer(State(state): State<Arc<Shared>>, uri: Uri) -> Response<Body> {
    match uri.path() {
        "/op/.well-known/openid-configuration" => {
            state.discovered.fetch_add(1, Ordering::SeqCst);
            let address = state
                .address
                .lock()
                .expect("not poisoned")
                .expect("it is serving");
            let base = format!("http://{address}/op");
            let document = json!({"issuer": base, "jwks_uri": format!("{base}/keys")});
            Response::new(document.to_string().into())
        }
        "/op/keys" => {
            state.asked.fetch_add(1, Ordering::SeqCst);
            key_answer(&state).await
        }
        _ => {
            state.others.fetch_add(1, Ordering::SeqCst);
            status(StatusCode::NOT_FOUND)
        }
    }
}

async fn key_answer(state: &Shared) -> Response<Body> {
    // What is answered is what was published when the request came, as at a slow provider.
    let keys = json!({"keys": *state.keys.lock().expect("not poisoned")});
    let behaviour = state.behaviour.lock().expect("not poisoned").clone();
    let gate = state.gate.lock().expect("not poisoned").clone();
    if let Some(gate) = gate {
        gate.acquire().await.expect("the gate stays").forget();
    }
    match behaviour {
        Behaviour::Serve => Response::new(keys.to_string().into()),
        Behaviour::Status(code) => status(StatusCode::from_u16(code).expect("a status")),
        Behaviour::Redirect(location) => {
            let mut response = status(StatusCode::FOUND);
            let location = location.parse().expect("a header value");
            response.headers_mut().insert("location", location);
            response
        }
        Behaviour::Bytes(bytes) => Response::new(bytes.into()),
        Behaviour::Endless => {
            let blanks = futures_util::stream::repeat_with(|| {
                Ok::<_, std::io::Error>([b' '; 8192].to_vec())
            });
            Response::new(Body::from_stream(blanks))
        }
        Behaviour::Hang => std::future::pending().await,
    }
}

fn status(status: StatusCode) -> Response<Body> {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = status;
    response
}
