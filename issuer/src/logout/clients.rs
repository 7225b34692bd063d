//! A client changes or goes: what it still had to be told is moved or discarded.
//!
//! URLs are read at each attempt, so nothing here is needed for what is right; it is what makes it
//! happen at once. A client that is gone or has no URL is owed nothing any more, and one row of the
//! event log says what was discarded. What waits for a URL that was taken away comes due and moves.
//! Both take few deliveries at a time: what is left over is [`settle_client`]'s.

use logout_shared::{ClientId, Timestamp};
use serde_json::json;

use crate::domain::client::Client;
use crate::domain::event_log::{LogCode, LogEvent};
use crate::storage::{StorageError, Store, Transaction};

/// How many deliveries are discarded or moved in one transaction; others wait that long to write.
const DELIVERIES_AT_A_TIME: u32 = 5_000;

/// How many discarded deliveries a log row names.
const MAX_NAMED: u32 = 100;

/// Stores a client's changes; `false` if it is gone.
///
/// [`settle_client`] is to be called after the commit.
///
/// # Errors
///
/// [`StorageError`] if the store fails.
pub async fn change_client(
    tx: &mut dyn Transaction,
    client: &Client,
    now: Timestamp,
) -> Result<bool, StorageError> {
    let Some(before) = tx.find_client(&client.id).await? else {
        return Ok(false);
    };
    tx.update_client(client).await?;
    if is_told(&before) && !is_told(client) {
        let why = "the client has no back-channel logout URL any more";
        report_discarded(tx, &before, ("unsubscribed", why), now).await?;
    }
    if before.logout.map(|it| it.urls) != client.logout.as_ref().map(|it| it.urls.clone()) {
        settle_some(tx, &client.id, now).await?;
    }
    Ok(true)
}

/// Deletes a client; `false` if it was gone.
///
/// [`settle_client`] is to be called after the commit.
///
/// # Errors
///
/// [`StorageError`] if the store fails.
pub async fn delete_client(
    tx: &mut dyn Transaction,
    id: &ClientId,
    now: Timestamp,
) -> Result<bool, StorageError> {
    let Some(before) = tx.find_client(id).await? else {
        return Ok(false);
    };
    tx.delete_client(id).await?;
    let why = ("client-deleted", "the client was deleted");
    report_discarded(tx, &before, why, now).await?;
    settle_some(tx, id, now).await?;
    Ok(true)
}

/// Discards or moves what a client that was changed or deleted still waits for, a few at a time.
///
/// # Errors
///
/// [`StorageError`] if the store fails; the rest is discarded or moved at its next attempt.
pub async fn settle_client(
    store: &dyn Store,
    id: &ClientId,
    now: Timestamp,
) -> Result<(), StorageError> {
    loop {
        let id = id.clone();
        let settle = store.write::<_, StorageError, _>(move |tx| {
            Box::pin(async move { settle_some(tx, &id, now).await })
        });
        if settle.await? < u64::from(DELIVERIES_AT_A_TIME) {
            return Ok(());
        }
    }
}

/// Gives how many deliveries were discarded or come due for their move.
async fn settle_some(
    tx: &mut dyn Transaction,
    id: &ClientId,
    now: Timestamp,
) -> Result<u64, StorageError> {
    let settings = tx.find_client(id).await?.and_then(|client| client.logout);
    let urls = settings.map(|it| it.urls).unwrap_or_default();
    let limit = DELIVERIES_AT_A_TIME;
    if urls.is_empty() {
        return tx.cancel_deliveries_of_client(id, now, limit).await;
    }
    tx.hasten_deliveries_besides(id, &urls, now, limit).await
}

async fn report_discarded(
    tx: &mut dyn Transaction,
    client: &Client,
    (reason, sentence): (&str, &str),
    now: Timestamp,
) -> Result<(), StorageError> {
    let (count, named) = tx.unfinished_of_client(&client.id, MAX_NAMED).await?;
    if count == 0 {
        return Ok(());
    }
    let named: Vec<String> = named.iter().map(ToString::to_string).collect();
    let details = json!({ "reason": reason, "cancelled": count, "deliveries": named });
    let text = format!("Back-channel logout cancelled: {sentence}");
    let event = LogEvent {
        client: Some(client.id.clone()),
        client_name: Some(client.name.clone()),
        details,
        ..LogEvent::new(LogCode::BackchannelLogoutFailed, text, now)
    };
    tx.append_events(&[event]).await
}

fn is_told(client: &Client) -> bool {
    client
        .logout
        .as_ref()
        .is_some_and(|settings| !settings.urls.is_empty())
}
