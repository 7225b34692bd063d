//! A plain HTTP client for the machine's side of a test: tokens and the Management API.

use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use reqwest::{Client, Method, StatusCode};
use serde_json::{Value, json};

/// A client without cookies and redirects, which trusts nobody but the authority in a file if one
/// is given and there.
#[expect(
    clippy::disallowed_methods,
    reason = "a test's own client calls loopback only"
)]
fn client(authority: Option<&Path>) -> Client {
    let mut builder = Client::builder()
        .no_proxy()
        .redirect(reqwest::redirect::Policy::none());
    if let Some(pem) = authority.and_then(|path| std::fs::read(path).ok()) {
        let authority = reqwest::Certificate::from_pem(&pem).expect("the authority is PEM");
        builder = builder.tls_certs_only([authority]);
    }
    builder
        .build()
        .expect("the HTTP client has no settings that can fail")
}

/// Whether an address answers with a success; over TLS the authority is trusted.
pub async fn answers_ok(address: &str, authority: Option<&Path>) -> bool {
    client(authority)
        .get(address)
        .send()
        .await
        .is_ok_and(|answer| answer.status().is_success())
}

/// Posts a form and gives status and JSON body.
///
/// # Panics
///
/// If nobody answers.
pub async fn post_form(address: &str, form: &[(&str, &str)]) -> (StatusCode, Value) {
    let answer = client(None)
        .post(address)
        .form(form)
        .send()
        .await
        .expect("the server answers");
    let status = answer.status();
    let text = answer.text().await.expect("the answer has an end");
    (status, serde_json::from_str(&text).unwrap_or(Value::Null))
}

/// A part of a JWS, decoded and not verified: 0 is the header, 1 the payload.
///
/// # Panics
///
/// If the text is no JWS of JSON.
pub fn decode_part(token: &str, index: usize) -> Value {
    let part = token.split('.').nth(index).expect("a JWS has three parts");
    let bytes = URL_SAFE_NO_PAD
        .decode(part)
        .expect("the parts of a JWS are base64url");
    serde_json::from_slice(&bytes).expect("header and payload are JSON")
}

/// A caller of the Management API.
#[derive(Debug, Clone)]
pub struct Management {
    client: Client,
    base: String,
    token: String,
}

impl Management {
    /// Gets a token by `client_credentials`.
    ///
    /// # Panics
    ///
    /// If the issuer refuses.
    pub async fn sign_in(issuer: &str, client_id: &str, client_secret: &str) -> Self {
        Self::sign_in_trusting(None, issuer, (client_id, client_secret)).await
    }

    /// As [`sign_in`](Self::sign_in) at an issuer that this authority vouches for.
    ///
    /// # Panics
    ///
    /// If the issuer refuses.
    pub async fn sign_in_trusting(
        authority: Option<&Path>,
        issuer: &str,
        (client_id, client_secret): (&str, &str),
    ) -> Self {
        let client = client(authority);
        let form = [
            ("grant_type", "client_credentials"),
            ("client_id", client_id),
            ("client_secret", client_secret),
            ("audience", &format!("{issuer}api/v2/")),
        ];
        let answer = client
            .post(format!("{issuer}oauth/token"))
            .form(&form)
            .send()
            .await;
        let answer = answer.expect("the issuer answers");
        let status = answer.status();
        let body: Value = answer
            .json()
            .await
            .expect("the token endpoint answers JSON");
        assert_eq!(status, StatusCode::OK, "{body}");
        let token = body["access_token"]
            .as_str()
            .expect("an access token")
            .to_owned();
        Self {
            client,
            base: format!("{issuer}api/v2/"),
            token,
        }
    }

    /// Calls the API and gives status and body; no body is `null`.
    ///
    /// # Panics
    ///
    /// If the issuer does not answer.
    pub async fn call(
        &self,
        method: Method,
        path: &str,
        body: Option<&Value>,
    ) -> (StatusCode, Value) {
        let mut request = self
            .client
            .request(method, format!("{}{path}", self.base))
            .bearer_auth(&self.token);
        if let Some(body) = body {
            request = request.json(body);
        }
        let answer = request.send().await.expect("the issuer answers");
        let status = answer.status();
        let text = answer.text().await.expect("the answer has an end");
        (status, serde_json::from_str(&text).unwrap_or(Value::Null))
    }

    /// Replaces a session's metadata.
    pub async fn set_metadata(&self, sid: &str, metadata: &Value) -> (StatusCode, Value) {
        let body = json!({ "session_metadata": metadata });
        self.call(Method::PATCH, &format!("sessions/{sid}"), Some(&body))
            .await
    }

    /// Deletes a session; `None` if the issuer did not answer.
    pub async fn try_delete_session(&self, sid: &str) -> Option<StatusCode> {
        let request = self
            .client
            .delete(format!("{}sessions/{sid}", self.base))
            .bearer_auth(&self.token);
        Some(request.send().await.ok()?.status())
    }

    /// Deletes a session.
    pub async fn delete_session(&self, sid: &str) -> (StatusCode, Value) {
        self.call(Method::DELETE, &format!("sessions/{sid}"), None)
            .await
    }
}
