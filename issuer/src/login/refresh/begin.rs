//! A refresh grant begins: with the exchange of a code, inside its write.

use logout_shared::{Timestamp, TokenId};

use crate::domain::authorization::AuthorizationCode;
use crate::domain::client::Client;
use crate::domain::refresh_token::{
    REFRESH_TOKEN_GRANT, RefreshAccess, RefreshGrant, RefreshToken, RefreshTokenRules,
};
use crate::domain::session::Device;
use crate::domain::user::User;
use crate::issuer::Issuer;
use crate::storage::{StorageError, Transaction};

/// The login that a grant begins with.
pub(in crate::login) struct NewGrant<'n> {
    pub(in crate::login) client: &'n Client,
    pub(in crate::login) code: &'n AuthorizationCode,
    pub(in crate::login) user: &'n User,
    pub(in crate::login) rules: &'n RefreshTokenRules,
    pub(in crate::login) device: &'n Device,
    pub(in crate::login) now: Timestamp,
}

/// Begins a grant in the code's session, which is locked, and gives its first token; `None` if the
/// scopes do not ask for one, or the client may not have one.
pub(in crate::login) async fn begin(
    tx: &mut dyn Transaction,
    issuer: &Issuer,
    new: NewGrant<'_>,
) -> Result<Option<RefreshToken>, StorageError> {
    let NewGrant { code, now, .. } = new;
    let access = RefreshAccess::of_scope(&code.scope);
    let access = access.filter(|_| new.client.may_use_grant(REFRESH_TOKEN_GRANT));
    let Some(access) = access else {
        return Ok(None);
    };
    let token = RefreshToken::first(&**issuer.random());
    let grant = RefreshGrant {
        id: TokenId::generate(&**issuer.random()),
        handle: token.handle_digest(),
        code: code.digest,
        client: code.client.clone(),
        user: code.user.clone(),
        session: code.session.clone(),
        access,
        scope: code.scope.clone(),
        authenticated_at: code.authenticated_at,
        password_version: new.user.password_version,
        device: new.device.clone(),
        generation: 0,
        generation_since: now,
        created_at: now,
        last_exchanged_at: None,
        expires_at: new.rules.absolute.map(|span| now + span),
        idle_expires_at: new.rules.idle.map(|span| now + span),
        revoked_at: None,
    };
    tx.insert_refresh_grant(&grant, &token.digest()).await?;
    Ok(Some(token))
}
