//! Authorization codes: issued in a live session, inside the write that looked at it.

use logout_shared::{Secret, Timestamp};

use super::actions::{ActionsError, Decided};
use super::authorize::AuthorizationRequest;
use crate::domain::authorization::{AuthorizationCode, digest};
use crate::domain::refresh_token::refreshable_scope;
use crate::domain::session::Session;
use crate::storage::Transaction;

/// A code that is not stored yet.
pub(super) struct NewCode<'c> {
    pub(super) code: &'c Secret<String>,
    pub(super) decided: &'c Decided,
    pub(super) now: Timestamp,
}

/// Stores a code as the answer to a request, for the person whose session it is.
pub(super) async fn issue(
    tx: &mut dyn Transaction,
    request: &AuthorizationRequest,
    session: &Session,
    new: NewCode<'_>,
) -> Result<(), ActionsError> {
    let NewCode { code, decided, now } = new;
    let code = AuthorizationCode {
        digest: digest(code.expose()),
        client: request.client.id.clone(),
        session: session.id.clone(),
        user: session.user.clone(),
        redirect_uri: request.back.redirect_uri.clone(),
        scope: refreshable_scope(&decided.scope(&request.scope), &request.client),
        nonce: request.nonce.clone(),
        code_challenge: request.code_challenge.clone(),
        claims: decided.claims()?,
        authenticated_at: session.authenticated_at,
        issued_at: now,
    };
    Ok(tx.insert_code(&code).await?)
}
