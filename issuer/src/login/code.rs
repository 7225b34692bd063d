//! Authorization codes: issued in a live session, inside the write that looked at it.

use logout_shared::{Secret, Timestamp};

use super::authorize::AuthorizationRequest;
use crate::domain::authorization::{AuthorizationCode, digest};
use crate::domain::session::Session;
use crate::storage::{StorageError, Transaction};

/// Stores `code` as the answer to a request, for the person whose session it is.
pub(super) async fn issue(
    tx: &mut dyn Transaction,
    request: &AuthorizationRequest,
    session: &Session,
    code: &Secret<String>,
    now: Timestamp,
) -> Result<(), StorageError> {
    let code = AuthorizationCode {
        digest: digest(code.expose()),
        client: request.client.id.clone(),
        session: session.id.clone(),
        user: session.user.clone(),
        redirect_uri: request.back.redirect_uri.clone(),
        scope: request.scope.clone(),
        nonce: request.nonce.clone(),
        code_challenge: request.code_challenge.clone(),
        authenticated_at: session.authenticated_at,
        issued_at: now,
    };
    tx.insert_code(&code).await
}
