//! What a refresh token leads to: its grant, its user and its session.

use logout_shared::Timestamp;

use super::judge::Found;
use crate::domain::refresh_token::RefreshToken;
use crate::issuer::Issuer;
use crate::storage::{StorageError, Transaction};

/// Finds it in a snapshot, with nothing locked.
pub(super) async fn see(
    issuer: &Issuer,
    token: &RefreshToken,
    now: Timestamp,
) -> Result<Option<Found>, StorageError> {
    let mut snapshot = issuer.store().read().await?;
    let handle = token.handle_digest();
    let Some(grant) = snapshot.find_refresh_grant_by_handle(&handle).await? else {
        return Ok(None);
    };
    let digest = token.digest();
    Ok(Some(Found {
        generation: snapshot
            .refresh_token_generation(&grant.id, &digest)
            .await?,
        user: snapshot.find_user(&grant.user).await?,
        session: snapshot.find_session(&grant.session, now).await?,
        grant,
    }))
}

/// Locks the user, the session and the grant, in the order of a sign-in.
pub(super) async fn lock(
    tx: &mut dyn Transaction,
    token: &RefreshToken,
    now: Timestamp,
) -> Result<Option<Found>, StorageError> {
    let handle = token.handle_digest();
    let Some(seen) = tx.find_refresh_grant_by_handle(&handle).await? else {
        return Ok(None);
    };
    let user = tx.lock_user(&seen.user).await?;
    let session = tx.lock_session(&seen.session).await?;
    // Once more: another exchange may have been faster.
    let Some(grant) = tx.lock_refresh_grant(&seen.id).await? else {
        return Ok(None);
    };
    let digest = token.digest();
    let generation = tx.refresh_token_generation(&grant.id, &digest).await?;
    Ok(Some(Found {
        grant,
        generation,
        user,
        session: session.filter(|session| session.is_live(now)),
    }))
}
