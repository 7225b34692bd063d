//! An issuer with a user and two clients, and a browser that walks through it.
//!
//! Requests go through the whole router without a socket; redirects are never followed by
//! themselves, so that a test sees each of them.

use std::sync::Arc;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::header::{
    AUTHORIZATION, CONTENT_TYPE, COOKIE, HOST, HeaderName, LOCATION, ORIGIN, SET_COOKIE,
};
use axum::http::{HeaderMap, Request, StatusCode};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use logout_issuer::domain::client::Client;
use logout_issuer::domain::user::User;
use logout_issuer::http::{AppState, Settings, app};
use logout_issuer::issuer::{Issuer, IssuerBuilder, IssuerConfig};
use logout_issuer::keyring::CLIENT_SECRET_PURPOSE;
use logout_issuer::login::users::{NewUser, create_user};
use logout_issuer::storage::sqlite::SqliteStore;
use logout_shared::seal::SealingKey;
use logout_shared::{ManualClock, Secret, SigningAlgorithm, SystemRandom, Timestamp};
use serde_json::Value;
use sha2::{Digest as _, Sha256};
use tower::ServiceExt as _;
use url::Url;

pub(crate) const EMAIL: &str = "ada@example.com";
pub(crate) const PASSWORD: &str = "correct horse battery staple";
pub(crate) const SECRET: &str = "a secret of the shop's own";
pub(crate) const CALLBACK: &str = "https://shop.example/callback?shop=1";
pub(crate) const AFTER_LOGOUT: &str = "https://shop.example/bye";
pub(crate) const SPA_CALLBACK: &str = "http://127.0.0.1:3000/callback";
pub(crate) const NOW: Timestamp = Timestamp::from_secs(1_795_413_600);

/// The verifier of RFC 7636 appendix B.
pub(crate) const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";

pub(crate) struct House {
    pub(crate) issuer: Issuer,
    pub(crate) clock: ManualClock,
    pub(crate) ada: User,
    app: Router,
}

impl House {
    pub(crate) async fn open() -> Self {
        Self::open_at("https://id.example/").await
    }

    pub(crate) async fn open_at(id: &str) -> Self {
        Self::open_with(id, |builder| builder).await
    }

    /// A house whose issuer is built with parts of the test's own.
    pub(crate) async fn open_with(
        id: &str,
        adapt: impl FnOnce(IssuerBuilder) -> IssuerBuilder,
    ) -> Self {
        let clock = ManualClock::at(NOW);
        let id = id.parse().expect("an issuer identifier");
        let mut config = IssuerConfig::new(id, SealingKey::generate(&SystemRandom));
        config.egress.danger_allow_http = true;
        config.egress.danger_allow_private_addresses = true;
        // RSA keys take long to make.
        config.signing_algorithms = vec![SigningAlgorithm::Es256, SigningAlgorithm::EdDsa];
        let store = SqliteStore::in_memory().await.expect("a store");
        let builder = Issuer::builder(config)
            .store(store)
            .clock(Arc::new(clock.clone()));
        let issuer = adapt(builder).build().await.expect("an issuer");
        let ada = create_user(&issuer, ada()).await.expect("a user");
        let house = Self {
            app: app(AppState::new(issuer.clone(), Settings::default())),
            issuer,
            clock,
            ada,
        };
        house.add_client(shop(&house.issuer)).await;
        house.add_client(spa()).await;
        house
    }

    pub(crate) async fn add_client(&self, client: Client) {
        let store = self.issuer.store();
        let write = store.write(move |tx| Box::pin(async move { tx.insert_client(&client).await }));
        assert!(write.await.expect("a write"), "the client's id is taken");
    }

    pub(crate) async fn add_user(&self, email: &str, password: &str) -> User {
        let new = NewUser {
            email: email.to_owned(),
            password: Some(Secret::new(password.to_owned())),
            ..NewUser::default()
        };
        create_user(&self.issuer, new).await.expect("a user")
    }

    pub(crate) fn browser(&self) -> Browser<'_> {
        Browser {
            house: self,
            cookie: None,
        }
    }

    /// Codes and descriptions of the event log, newest first.
    pub(crate) async fn history(&self) -> Vec<(String, Value)> {
        let mut snapshot = self.issuer.store().read().await.expect("a snapshot");
        let records = snapshot
            .list_events(None, 0, 100)
            .await
            .expect("the event log");
        records
            .into_iter()
            .map(|record| (record.code, record.event))
            .collect()
    }

    pub(crate) async fn history_has(&self, code: &str) -> bool {
        self.history().await.iter().any(|(found, _)| found == code)
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("{}{path}", self.issuer.id().as_str().trim_end_matches('/'))
    }

    pub(crate) async fn send(&self, request: Request<Body>) -> Reply {
        let response = self
            .app
            .clone()
            .oneshot(request)
            .await
            .expect("the router answers");
        let (parts, body) = response.into_parts();
        let body = to_bytes(body, 1 << 20).await.expect("a body");
        let body = String::from_utf8(body.to_vec()).expect("text");
        Reply {
            status: parts.status,
            headers: parts.headers,
            body,
        }
    }

    /// Posts a form as an app's server does.
    pub(crate) async fn post(
        &self,
        path: &str,
        authorization: Option<&str>,
        fields: &[(&str, &str)],
    ) -> Reply {
        let mut request =
            Request::post(self.url(path)).header(CONTENT_TYPE, "application/x-www-form-urlencoded");
        if let Some(value) = authorization {
            request = request.header(AUTHORIZATION, value);
        }
        self.send(request.body(form(fields).into()).expect("a request"))
            .await
    }

    /// Exchanges a code as the shop does.
    pub(crate) async fn redeem(&self, code: &str) -> Reply {
        let fields = [
            ("grant_type", "authorization_code"),
            ("client_id", "shop"),
            ("client_secret", SECRET),
            ("code", code),
            ("redirect_uri", CALLBACK),
            ("code_verifier", VERIFIER),
        ];
        self.post("/oauth/token", None, &fields).await
    }

    /// Signs Ada in to the shop in this browser and gives the shop's tokens.
    pub(crate) async fn sign_in(&self, browser: &mut Browser<'_>) -> Value {
        let page = browser.get(&self.url(&shop_request(&[]))).await;
        let page = browser.follow(&page).await;
        let answer = browser
            .submit(&page, &[("email", EMAIL), ("password", PASSWORD)])
            .await;
        self.redeem(&answer.parameter("code")).await.json()
    }
}

fn ada() -> NewUser {
    let profile = serde_json::json!({ "name": "Ada", "phone_number": "+1" });
    NewUser {
        email: EMAIL.to_owned(),
        email_verified: true,
        password: Some(Secret::new(PASSWORD.to_owned())),
        profile: profile.as_object().expect("an object").clone(),
        ..NewUser::default()
    }
}

/// A client without anything.
pub(crate) fn client(id: &str) -> Client {
    Client {
        signing_algorithm: SigningAlgorithm::Es256,
        ..Client::new(id.parse().expect("a client id"), format!("The {id}"), NOW)
    }
}

pub(crate) fn seal(issuer: &Issuer, client: &str, secret: &str) -> String {
    let sealed = issuer
        .keys()
        .seal(CLIENT_SECRET_PURPOSE, client, secret.as_bytes());
    sealed.expect("a sealed secret")
}

fn shop(issuer: &Issuer) -> Client {
    Client {
        sealed_secret: Some(seal(issuer, "shop", SECRET)),
        callbacks: vec![CALLBACK.to_owned()],
        allowed_logout_urls: vec![
            AFTER_LOGOUT.to_owned(),
            "https://shop.example/?a=b".to_owned(),
        ],
        management_scopes: vec!["read:sessions".to_owned(), "update:sessions".to_owned()],
        ..client("shop")
    }
}

/// An app in the browser: no secret.
fn spa() -> Client {
    Client {
        callbacks: vec![SPA_CALLBACK.to_owned()],
        ..client("spa")
    }
}

pub(crate) fn challenge() -> String {
    URL_SAFE_NO_PAD.encode(Sha256::digest(VERIFIER))
}

/// The shop's request for Ada's sign-in, with parameters changed, added, or (empty) left out.
pub(crate) fn shop_request(changes: &[(&str, &str)]) -> String {
    let challenge = challenge();
    let mut fields = vec![
        ("client_id", "shop"),
        ("redirect_uri", CALLBACK),
        ("response_type", "code"),
        ("scope", "openid email profile"),
        ("state", "st&te"),
        ("nonce", "n-0"),
        ("code_challenge", challenge.as_str()),
        ("code_challenge_method", "S256"),
    ];
    fields.retain(|(name, _)| !changes.iter().any(|(changed, _)| changed == name));
    fields.extend(changes.iter().filter(|(_, value)| !value.is_empty()));
    format!("/authorize?{}", form(&fields))
}

pub(crate) fn form(fields: &[(&str, &str)]) -> String {
    url::form_urlencoded::Serializer::new(String::new())
        .extend_pairs(fields)
        .finish()
}

/// A browser with a cookie for one issuer.
pub(crate) struct Browser<'h> {
    house: &'h House,
    pub(crate) cookie: Option<String>,
}

impl Browser<'_> {
    pub(crate) async fn get(&mut self, url: &str) -> Reply {
        self.request(Request::get(url), Body::empty()).await
    }

    pub(crate) async fn follow(&mut self, reply: &Reply) -> Reply {
        self.get(&reply.location()).await
    }

    /// Fills in a page's form and sends it as a browser does.
    pub(crate) async fn submit(&mut self, page: &Reply, fields: &[(&str, &str)]) -> Reply {
        let (action, hidden) = page.form();
        let mut all: Vec<(&str, &str)> = hidden
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()))
            .collect();
        all.extend(fields);
        let origin = self.house.issuer.id().url().origin().ascii_serialization();
        let extra = [(ORIGIN, origin.as_str()), (SEC_FETCH_SITE, "same-origin")];
        self.post(&action, &all, &extra).await
    }

    pub(crate) async fn post(
        &mut self,
        url: &str,
        fields: &[(&str, &str)],
        headers: &[(HeaderName, &str)],
    ) -> Reply {
        let mut request =
            Request::post(url).header(CONTENT_TYPE, "application/x-www-form-urlencoded");
        for (name, value) in headers {
            request = request.header(name, *value);
        }
        self.request(request, form(fields).into()).await
    }

    async fn request(&mut self, request: axum::http::request::Builder, body: Body) -> Reply {
        let mut request = request
            .header(HOST, self.host())
            .header("user-agent", "a browser");
        if let Some(cookie) = &self.cookie {
            request = request.header(COOKIE, cookie);
        }
        let reply = self
            .house
            .send(request.body(body).expect("a request"))
            .await;
        for line in reply.headers.get_all(SET_COOKIE) {
            let line = line.to_str().expect("a cookie is text");
            let pair = line.split(';').next().unwrap_or_default();
            let gone = line.contains("Max-Age=0");
            self.cookie = (!gone).then(|| pair.to_owned());
        }
        reply
    }

    fn host(&self) -> String {
        self.house.issuer.id().url().authority().to_owned()
    }
}

pub(crate) const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// An answer.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: String,
}

impl Reply {
    pub(crate) fn header(&self, name: impl Into<HeaderName>) -> &str {
        let name = name.into();
        self.headers
            .get(&name)
            .map_or("", |value| value.to_str().expect("text"))
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|_| panic!("no JSON: {self:?}"))
    }

    pub(crate) fn location(&self) -> String {
        assert!(self.status.is_redirection(), "no redirect: {self:?}");
        self.header(LOCATION).to_owned()
    }

    /// A parameter of the address that a redirect leads to.
    pub(crate) fn parameter(&self, name: &str) -> String {
        self.find_parameter(name)
            .unwrap_or_else(|| panic!("no {name} in {self:?}"))
    }

    pub(crate) fn find_parameter(&self, name: &str) -> Option<String> {
        let url: Url = self.location().parse().expect("an absolute address");
        url.query_pairs()
            .find(|(key, _)| key == name)
            .map(|(_, value)| value.into_owned())
    }

    /// Where the page's form goes, and its hidden fields.
    pub(crate) fn form(&self) -> (String, Vec<(String, String)>) {
        assert_eq!(
            self.body.matches("<form").count(),
            1,
            "not one form: {self:?}"
        );
        let form = between(&self.body, "<form", "</form>").expect("a form");
        let action = attribute(form, "action").expect("the form has an action");
        let inputs = form
            .split("<input")
            .skip(1)
            .map(|tag| tag.split('>').next().unwrap_or(""));
        let hidden = inputs
            .filter(|tag| tag.contains("type=\"hidden\""))
            .map(|tag| {
                let value = attribute(tag, "value").unwrap_or_default();
                (attribute(tag, "name").expect("a field has a name"), value)
            })
            .collect();
        (action, hidden)
    }
}

fn between<'t>(text: &'t str, before: &str, after: &str) -> Option<&'t str> {
    let rest = &text[text.find(before)? + before.len()..];
    Some(&rest[..rest.find(after)?])
}

fn attribute(tag: &str, name: &str) -> Option<String> {
    between(tag, &format!(" {name}=\""), "\"").map(unescape)
}

fn unescape(text: &str) -> String {
    let mut plain = text.to_owned();
    for (code, letter) in [
        ("&#34;", "\""),
        ("&#39;", "'"),
        ("&#60;", "<"),
        ("&#62;", ">"),
    ] {
        plain = plain.replace(code, letter);
    }
    plain.replace("&#38;", "&")
}

/// The claims of a token, unchecked.
pub(crate) fn claims(token: &str) -> Value {
    let payload = token.split('.').nth(1).expect("three parts");
    let payload = URL_SAFE_NO_PAD.decode(payload).expect("base64url");
    serde_json::from_slice(&payload).expect("JSON")
}

/// The record's sentence.
pub(crate) fn description(event: &Value) -> &str {
    event["description"].as_str().unwrap_or_default()
}
