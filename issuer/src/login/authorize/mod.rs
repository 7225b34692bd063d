//! An app's request to sign someone in (OpenID Connect Core §3.1.2.1), read and checked.
//!
//! Two kinds of fault: while the client or its redirect URI is in doubt, nobody is sent anywhere
//! and a person reads a page ([`Untrusted`]); once both are known, the fault goes back to the app
//! ([`Refused`]). The rules are in `rules.rs`, the names on the wire in `http/oidc/authorize.rs`;
//! what a good request leads to is in `sign_in.rs` and `single_sign_on.rs`.

mod rules;

use std::borrow::Cow;
use std::time::Duration;

use logout_shared::{ClientId, Subject};

use super::own_token;
use crate::domain::client::Client;
use crate::domain::refresh_token::{OFFLINE_ACCESS, ONLINE_ACCESS};
use crate::issuer::Issuer;
use crate::storage::StorageError;

/// Scopes that a client may be granted for a person.
pub const USER_SCOPES: [&str; 5] = ["openid", "profile", "email", "phone", "address"];

/// Scopes that ask for refresh tokens, for clients that may have them.
pub const REFRESH_SCOPES: [&str; 2] = [OFFLINE_ACCESS, ONLINE_ACCESS];

/// The parameters of a request, as they came; empty ones count as left out (RFC 6749 §3.1).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[expect(missing_docs, reason = "each is the parameter of that name")]
pub struct Parameters {
    pub client_id: Option<String>,
    pub redirect_uri: Option<String>,
    pub response_type: Option<String>,
    pub response_mode: Option<String>,
    pub scope: Option<String>,
    pub state: Option<String>,
    pub nonce: Option<String>,
    pub prompt: Option<String>,
    pub max_age: Option<String>,
    pub login_hint: Option<String>,
    pub id_token_hint: Option<String>,
    pub code_challenge: Option<String>,
    pub code_challenge_method: Option<String>,
    pub request: Option<String>,
    pub request_uri: Option<String>,
    /// A known parameter that came more than once.
    pub repeated: Option<&'static str>,
}

/// A request that may be acted on.
#[derive(Debug, Clone, PartialEq)]
pub struct AuthorizationRequest {
    /// Who asks.
    pub client: Client,
    /// Where the answer goes.
    pub back: ReturnAddress,
    /// Granted scopes, separated by spaces.
    pub scope: String,
    /// To be repeated in the ID Token.
    pub nonce: Option<String>,
    /// PKCE challenge, method S256.
    pub code_challenge: Option<String>,
    /// Whether the person must or must not see a page.
    pub prompt: Prompt,
    /// How long ago the person may have proved who they are.
    pub max_age: Option<Duration>,
    /// What to put into the login form.
    pub login_hint: Option<String>,
    /// Who must be signed in for an answer without a page.
    pub expected_user: Option<Subject>,
}

/// Where an answer goes, and how.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReturnAddress {
    /// One of the client's redirect URIs, letter by letter.
    pub redirect_uri: String,
    /// To be repeated in the answer.
    pub state: Option<String>,
    /// In the address or in a form.
    pub mode: ResponseMode,
}

/// How an answer travels through the browser.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ResponseMode {
    /// In the query of the redirect URI.
    Query,
    /// In a form that is posted to the redirect URI.
    FormPost,
}

/// Whether the person sees a page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Prompt {
    /// If it is needed.
    WhenNeeded,
    /// Never: better an error.
    Never,
    /// In any case.
    Always,
}

/// A request that cannot be acted on.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AuthorizeError {
    /// Nobody may be sent anywhere.
    #[error(transparent)]
    Untrusted(#[from] Untrusted),
    /// The app is told.
    #[error("{}", .0.description)]
    Refused(Box<Refused>),
    /// The client could not be read.
    #[error(transparent)]
    Storage(#[from] StorageError),
}

/// Why a browser is not sent to where the request says.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Untrusted {
    /// A parameter that decides where to go came twice.
    #[error("the parameter {0} was sent more than once")]
    Repeated(&'static str),
    /// No `client_id`.
    #[error("the parameter client_id is missing")]
    NoClient,
    /// No client has this id.
    #[error("the app that sent you here is not known")]
    UnknownClient,
    /// No `redirect_uri`.
    #[error("the parameter redirect_uri is missing")]
    NoRedirectUri,
    /// The redirect URI is not one of the client's.
    #[error("the redirect_uri is not registered for this app")]
    UnknownRedirectUri,
}

/// A fault that goes back to the app.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refused {
    /// Where to.
    pub back: ReturnAddress,
    /// The kind of fault.
    pub code: RefusalCode,
    /// What is wrong, for the app's developer.
    pub description: Cow<'static, str>,
}

/// Kinds of fault (RFC 6749 §4.1.2.1, OpenID Connect Core §3.1.2.6).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "each is the code of that name")]
pub enum RefusalCode {
    InvalidRequest,
    UnauthorizedClient,
    AccessDenied,
    UnsupportedResponseType,
    LoginRequired,
    RequestNotSupported,
    RequestUriNotSupported,
    ServerError,
}

impl RefusalCode {
    /// The code as specified.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::InvalidRequest => "invalid_request",
            Self::UnauthorizedClient => "unauthorized_client",
            Self::AccessDenied => "access_denied",
            Self::UnsupportedResponseType => "unsupported_response_type",
            Self::LoginRequired => "login_required",
            Self::RequestNotSupported => "request_not_supported",
            Self::RequestUriNotSupported => "request_uri_not_supported",
            Self::ServerError => "server_error",
        }
    }
}

impl AuthorizationRequest {
    /// The refusal of this request.
    pub fn refuse(&self, code: RefusalCode, description: impl Into<Cow<'static, str>>) -> Refused {
        Refused {
            back: self.back.clone(),
            code,
            description: description.into(),
        }
    }
}

/// Reads a request and checks it against the client's registration.
///
/// # Errors
///
/// [`AuthorizeError`]: see the head of this file for the two kinds of fault.
pub async fn load_request(
    issuer: &Issuer,
    parameters: Parameters,
) -> Result<AuthorizationRequest, AuthorizeError> {
    if let Some(name @ ("client_id" | "redirect_uri")) = parameters.repeated {
        return Err(Untrusted::Repeated(name).into());
    }
    let id = parameters.client_id.as_deref().ok_or(Untrusted::NoClient)?;
    let id: ClientId = id.parse().map_err(|_| Untrusted::UnknownClient)?;
    let client = issuer.store().read().await?.find_client(&id).await?;
    let client = client.ok_or(Untrusted::UnknownClient)?;
    let hint = parameters.id_token_hint.clone();
    let mut request = rules::check(parameters, client)?;
    if let Some(hint) = hint {
        let hint = own_token::read_id_token(issuer, &hint).map_err(|_| {
            let text = "the id_token_hint is not an ID Token of this issuer";
            AuthorizeError::refused(request.back.clone(), RefusalCode::InvalidRequest, text)
        })?;
        request.expected_user = Some(hint.user);
    }
    Ok(request)
}

impl AuthorizeError {
    fn refused(back: ReturnAddress, code: RefusalCode, description: &'static str) -> Self {
        Self::Refused(Box::new(Refused {
            back,
            code,
            description: description.into(),
        }))
    }
}
