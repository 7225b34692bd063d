//! Signs a person in to a client: authorization code with PKCE, through the login page.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::Value;
use sha2::{Digest, Sha256};
use url::Url;

use crate::browser::{Browser, Page};
use crate::http;
use crate::issuer_process::CreatedClient;

/// Who signs in where.
#[derive(Debug, Clone, Copy)]
pub struct SignIn<'a> {
    /// The issuer identifier.
    pub issuer: &'a str,
    /// The client signed in to.
    pub client: &'a CreatedClient,
    /// One of the client's redirect URIs; somebody must answer there.
    pub callback: &'a str,
    /// The user's address.
    pub email: &'a str,
    /// The user's password.
    pub password: &'a str,
}

/// A person who is signed in.
#[derive(Debug, Clone)]
pub struct SignedIn {
    /// The ID Token as it came.
    pub id_token: String,
    /// The ID Token's claims, decoded and not verified.
    pub claims: Value,
}

impl SignedIn {
    /// The session's id.
    ///
    /// # Panics
    ///
    /// If the ID Token has no `sid`.
    pub fn sid(&self) -> &str {
        self.claims["sid"].as_str().expect("the ID Token has a sid")
    }
}

impl SignIn<'_> {
    /// Walks from the authorization request to the tokens; a browser with a live session is not
    /// asked for the password.
    ///
    /// # Panics
    ///
    /// If any step does not do what OpenID Connect says.
    pub async fn walk(self, browser: &Browser) -> SignedIn {
        let verifier = URL_SAFE_NO_PAD.encode(Sha256::digest(self.email));
        let page = browser.open(self.authorize_url(&verifier).as_str()).await;
        let mut page = page.expect("the issuer answers");
        if page.has_field("password") {
            // The address may be asked for under this name or that of the specification's hint.
            let name = if page.has_field("email") {
                "email"
            } else {
                "username"
            };
            let fields = [(name, self.email), ("password", self.password)];
            page = browser
                .submit(&page, &fields)
                .await
                .expect("the issuer answers");
        }
        self.exchange(&page, &verifier).await
    }

    fn authorize_url(&self, verifier: &str) -> Url {
        let challenge = URL_SAFE_NO_PAD.encode(Sha256::digest(verifier));
        let parameters = [
            ("response_type", "code"),
            ("client_id", &self.client.id),
            ("redirect_uri", self.callback),
            ("scope", "openid profile email"),
            ("state", "a-state"),
            ("nonce", "a-nonce"),
            ("code_challenge", &challenge),
            ("code_challenge_method", "S256"),
        ];
        Url::parse_with_params(&format!("{}authorize", self.issuer), parameters)
            .expect("the issuer identifier is a URL")
    }

    async fn exchange(&self, page: &Page, verifier: &str) -> SignedIn {
        let parameter = |name: &str| page.url.query_pairs().find(|(key, _)| key == name);
        let Some((_, code)) = parameter("code") else {
            panic!("no code in {} ({}): {}", page.url, page.status, page.body)
        };
        assert_eq!(
            parameter("state").map(|(_, state)| state),
            Some("a-state".into())
        );
        let form = [
            ("grant_type", "authorization_code"),
            ("code", &code),
            ("redirect_uri", self.callback),
            ("client_id", &self.client.id),
            ("client_secret", &self.client.secret),
            ("code_verifier", verifier),
        ];
        let (status, body) = http::post_form(&format!("{}oauth/token", self.issuer), &form).await;
        assert_eq!(status, 200, "{body}");
        let id_token = body["id_token"].as_str().expect("an ID Token").to_owned();
        let claims = http::decode_part(&id_token, 1);
        SignedIn { id_token, claims }
    }
}
