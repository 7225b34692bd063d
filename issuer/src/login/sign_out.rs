//! Signing out at an app's request (RP-Initiated Logout 1.0).
//!
//! An ID Token shows that the app knows the session: if it is the browser's, it ends at once.
//! Anything less may come from any page on the web, so the person is asked. A browser is sent on
//! only to an address that the client registered, letter by letter; on a fault it is sent nowhere
//! and nothing ends.

use logout_shared::{ClientId, Secret, SessionId};
use serde_json::json;

use super::history;
use super::own_token::{self, IdTokenHint};
use crate::domain::authorization::digest;
use crate::domain::client::Client;
use crate::domain::event_log::{LogCode, LogEvent};
use crate::domain::initiator::Initiator;
use crate::domain::logout_settings::{AskedWait, MAX_WAIT_MS};
use crate::domain::session::{Device, Session};
use crate::issuer::Issuer;
use crate::logout::{EndSessionError, LogContext};
use crate::storage::StorageError;

/// What an app sends along; empty parameters count as left out.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[expect(missing_docs, reason = "each is the parameter of that name")]
pub struct Parameters {
    pub id_token_hint: Option<String>,
    pub logout_hint: Option<String>,
    pub client_id: Option<String>,
    pub post_logout_redirect_uri: Option<String>,
    pub state: Option<String>,
    pub wait_ms: Option<String>,
    /// A known parameter that came more than once.
    pub repeated: Option<&'static str>,
}

/// A request to sign out that may be acted on.
#[derive(Debug, Clone, PartialEq)]
pub struct SignOutRequest {
    /// What the ID Token said.
    pub hint: Option<IdTokenHint>,
    /// Who asks, if it is known.
    pub client: Option<Client>,
    /// Where the browser goes afterwards: one of the client's addresses, or of the issuer's own
    /// where no client is known.
    pub redirect_uri: Option<String>,
    /// To be repeated there.
    pub state: Option<String>,
    /// How long the browser waits for the clients' answers, if the app asks for it.
    pub wait: Option<AskedWait>,
}

/// Why a request to sign out is not acted on.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SignOutError {
    /// A parameter came twice.
    #[error("the parameter {0} was sent more than once")]
    Repeated(&'static str),
    /// The hint is no ID Token of ours.
    #[error("the id_token_hint is not an ID Token of this issuer")]
    Hint,
    /// The hints name two sessions.
    #[error("the logout_hint is not the session of the id_token_hint")]
    HintsDiffer,
    /// The hint was issued to another client.
    #[error("the id_token_hint was not issued to this client_id")]
    ClientsDiffer,
    /// No client has this id.
    #[error("the client_id is not known")]
    UnknownClient,
    /// The address is not one of the client's.
    #[error("the post_logout_redirect_uri is not registered for this app")]
    RedirectUri,
    /// Nobody vouches for the address, and it is not one of the issuer's own.
    #[error("a post_logout_redirect_uri needs an id_token_hint or a client_id")]
    RedirectUriWithoutClient,
    /// The wait is none.
    #[error("the wait_ms is not a number from 0 to {MAX_WAIT_MS}")]
    Wait,
    /// Ending the session failed.
    #[error(transparent)]
    End(#[from] EndSessionError),
    /// The store failed.
    #[error(transparent)]
    Storage(#[from] StorageError),
}

/// Whom a request to sign out concerns.
#[derive(Debug, Clone, PartialEq)]
pub enum Decision {
    /// The session that ends now.
    End(SessionId),
    /// The person is asked first.
    Ask(Box<Session>),
    /// Nobody is signed in.
    Nothing,
}

/// Reads a request and checks it against the client's registration.
///
/// # Errors
///
/// [`SignOutError`]; nothing ends then.
pub async fn load_request(
    issuer: &Issuer,
    parameters: Parameters,
) -> Result<SignOutRequest, SignOutError> {
    if let Some(name) = parameters.repeated {
        return Err(SignOutError::Repeated(name));
    }
    // RP-Initiated Logout §2: the OP must have issued the hint; that it has expired is fine.
    let hint = match &parameters.id_token_hint {
        Some(token) => {
            Some(own_token::read_id_token(issuer, token).map_err(|_| SignOutError::Hint)?)
        }
        None => None,
    };
    check_hints(hint.as_ref(), &parameters)?;
    let client = find_client(issuer, hint.as_ref(), parameters.client_id.as_deref()).await?;
    let redirect_uri = match (parameters.post_logout_redirect_uri, &client) {
        (None, Some(client)) if parameters.client_id.is_some() => {
            client.allowed_logout_urls.first().cloned()
        }
        (None, _) => None,
        (Some(uri), None) if issuer.tenant_settings().allowed_logout_urls.contains(&uri) => {
            Some(uri)
        }
        (Some(_), None) => return Err(SignOutError::RedirectUriWithoutClient),
        (Some(uri), Some(client)) if client.allowed_logout_urls.contains(&uri) => Some(uri),
        (Some(_), Some(_)) => return Err(SignOutError::RedirectUri),
    };
    let wait = parameters.wait_ms.map(|wait| wait.parse()).transpose();
    Ok(SignOutRequest {
        wait: wait.map_err(|_| SignOutError::Wait)?,
        hint,
        client,
        redirect_uri,
        state: parameters.state,
    })
}

fn check_hints(hint: Option<&IdTokenHint>, parameters: &Parameters) -> Result<(), SignOutError> {
    let Some(hint) = hint else { return Ok(()) };
    if parameters
        .client_id
        .as_deref()
        .is_some_and(|id| id != hint.client.as_str())
    {
        return Err(SignOutError::ClientsDiffer);
    }
    let session = hint.session.as_ref().map(SessionId::as_str);
    if parameters.logout_hint.is_some() && parameters.logout_hint.as_deref() != session {
        return Err(SignOutError::HintsDiffer);
    }
    Ok(())
}

async fn find_client(
    issuer: &Issuer,
    hint: Option<&IdTokenHint>,
    id: Option<&str>,
) -> Result<Option<Client>, SignOutError> {
    let id: ClientId = match (id, hint) {
        (Some(id), _) => id.parse().map_err(|_| SignOutError::UnknownClient)?,
        (None, Some(hint)) => hint.client.clone(),
        (None, None) => return Ok(None),
    };
    let client = issuer.store().read().await?.find_client(&id).await?;
    // A client that was deleted after it got the hint is no reason to stay signed in.
    if client.is_none() && hint.is_none() {
        return Err(SignOutError::UnknownClient);
    }
    Ok(client)
}

/// Decides whom the request concerns, by the browser's handle and the hint.
///
/// Nobody is asked where the issuer's settings say so.
///
/// # Errors
///
/// [`StorageError`] if the store failed.
pub async fn decide(
    issuer: &Issuer,
    request: &SignOutRequest,
    handle: Option<&Secret<String>>,
) -> Result<Decision, StorageError> {
    let now = issuer.now();
    let hinted = request.hint.as_ref().and_then(|hint| hint.session.as_ref());
    let mut snapshot = issuer.store().read().await?;
    let browsers = match handle {
        Some(handle) => {
            snapshot
                .find_session_by_handle(&digest(handle.expose()), now)
                .await?
        }
        None => None,
    };
    let asks = issuer.tenant_settings().asks_before_sign_out();
    if let Some(session) = browsers {
        let is_hinted = hinted == Some(&session.id);
        return Ok(if is_hinted || !asks {
            Decision::End(session.id)
        } else {
            Decision::Ask(session.into())
        });
    }
    // The browser has lost its cookie, or this is another one. The hint still names a session
    // that its owner may want to end; the person decides.
    let Some(hinted) = hinted else {
        return Ok(Decision::Nothing);
    };
    let session = snapshot.find_session(hinted, now).await?;
    Ok(match session {
        None => Decision::Nothing,
        Some(session) if asks => Decision::Ask(session.into()),
        Some(session) => Decision::End(session.id),
    })
}

/// Ends a session by its owner's sign-out, and waits a little for the clients' answers (D20).
///
/// # Errors
///
/// [`SignOutError::End`] and [`SignOutError::Storage`].
pub async fn sign_out(
    issuer: &Issuer,
    request: &SignOutRequest,
    session: SessionId,
    device: &Device,
) -> Result<(), SignOutError> {
    let context = context(request, device);
    let ended = issuer
        .sessions()
        .end_for(&session, Initiator::RpLogout, context)
        .await?;
    issuer.wait_for_answers(&ended, request.wait).await?;
    Ok(())
}

/// What the event log says about the sign-out, in the words of Auth0's `slo`.
fn context(request: &SignOutRequest, device: &Device) -> LogContext {
    let client = request.client.as_ref();
    let details = [
        (
            "allowed_logout_url",
            json!(client.map_or(&[][..], |client| &client.allowed_logout_urls)),
        ),
        ("initiated_by", json!(Initiator::RpLogout)),
        ("protocol", json!("oidc")),
        (
            "return_to",
            json!(request.redirect_uri.as_deref().unwrap_or_default()),
        ),
    ];
    LogContext {
        client: client.map(|client| client.id.clone()),
        client_name: client.map(|client| client.name.clone()),
        details: details
            .map(|(name, value)| (name.to_owned(), value))
            .into_iter()
            .collect(),
        ..LogContext::at(device)
    }
}

/// The most characters of a parameter that the event log keeps.
const MAX_KEPT_CHARS: usize = 512;

/// Writes down that signing out failed, and what was asked for.
///
/// # Errors
///
/// [`StorageError`] if the store failed.
pub async fn record_failure(
    issuer: &Issuer,
    error: &SignOutError,
    asked: &Parameters,
    device: &Device,
) -> Result<(), StorageError> {
    let mut event = LogEvent::new(LogCode::LogoutFailed, error.to_string(), issuer.now());
    event.ip.clone_from(&device.last_ip);
    event.user_agent.clone_from(&device.last_user_agent);
    let hint = asked.id_token_hint.as_deref();
    let hint = hint.and_then(|token| own_token::read_id_token(issuer, token).ok());
    let id = asked.client_id.as_deref();
    let client = find_client(issuer, hint.as_ref(), id).await.ok().flatten();
    let kept = |text: Option<&str>| -> String {
        let text = text.unwrap_or_default().chars();
        text.take(MAX_KEPT_CHARS).collect()
    };
    let session = hint.as_ref().and_then(|hint| hint.session.as_ref());
    let session = session.map(SessionId::as_str);
    event.details = json!({
        "allowed_logout_url": client.as_ref().map_or(&[][..], |it| &it.allowed_logout_urls),
        "initiated_by": Initiator::RpLogout,
        "protocol": "oidc",
        "return_to": kept(asked.post_logout_redirect_uri.as_deref()),
        "session_id": kept(session.or(asked.logout_hint.as_deref())),
    });
    event.client = client.as_ref().map(|client| client.id.clone());
    event.client_name = client.map(|client| client.name);
    history::record(issuer, event).await
}
