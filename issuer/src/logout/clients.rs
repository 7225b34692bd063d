//! A client changes or goes: what it still had to be told is moved or discarded.
//!
//! URLs are read at each attempt, so nothing here is needed for what is right; it is what makes it
//! happen at once. A client that is gone or has no URL is owed nothing any more, and one row of the
//! event log says what was discarded. What waits for a URL that was taken away, perhaps since its
//! app is down, moves to those that are there now. The refresh tokens of a client that is gone die. All take few deliveries at a time: what is left
//! over is [`settle_client`]'s. What a worker holds at that moment it moves itself.

use std::collections::HashSet;
use std::sync::Arc;

use logout_shared::{ClientId, RandomSource, Timestamp};
use serde_json::json;

use crate::domain::client::Client;
use crate::domain::delivery::Delivery;
use crate::domain::event_log::{LogCode, LogEvent};
use crate::domain::logout_settings::LogoutUrl;
use crate::storage::{RefreshGrants, StorageError, Store, Transaction};

/// How many deliveries are discarded, or refresh grants revoked, in one transaction; others wait
/// that long to write.
const DISCARDED_AT_A_TIME: u32 = 5_000;

/// How many deliveries are moved in one transaction; each costs more than to discard it.
const MOVED_AT_A_TIME: u32 = 500;

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
    random: &dyn RandomSource,
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
        settle_some(tx, &client.id, now, random).await?;
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
    random: &dyn RandomSource,
) -> Result<bool, StorageError> {
    let Some(before) = tx.find_client(id).await? else {
        return Ok(false);
    };
    tx.delete_client(id).await?;
    let why = ("client-deleted", "the client was deleted");
    report_discarded(tx, &before, why, now).await?;
    settle_some(tx, id, now, random).await?;
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
    random: &Arc<dyn RandomSource>,
) -> Result<(), StorageError> {
    loop {
        let (id, random) = (id.clone(), Arc::clone(random));
        let settle = store.write::<_, StorageError, _>(move |tx| {
            Box::pin(async move { settle_some(tx, &id, now, &*random).await })
        });
        if settle.await? == Settled::Wholly {
            return Ok(());
        }
    }
}

/// Whether a client still waits for something that is to be discarded or moved.
#[derive(Debug, PartialEq, Eq)]
enum Settled {
    Wholly,
    InPart,
}

async fn settle_some(
    tx: &mut dyn Transaction,
    id: &ClientId,
    now: Timestamp,
    random: &dyn RandomSource,
) -> Result<Settled, StorageError> {
    let client = tx.find_client(id).await?;
    let mut revoked = 0;
    if client.is_none() {
        let theirs = RefreshGrants::OfClient(id, DISCARDED_AT_A_TIME);
        revoked = tx.revoke_refresh_grants(theirs, now).await?;
    }
    let settings = client.and_then(|client| client.logout);
    let urls = settings.map(|it| it.urls).unwrap_or_default();
    let (settled, limit) = if urls.is_empty() {
        let limit = DISCARDED_AT_A_TIME;
        (tx.cancel_deliveries_of_client(id, now, limit).await?, limit)
    } else {
        let limit = MOVED_AT_A_TIME;
        let stranded = tx.deliveries_to_other_urls(id, &urls, limit).await?;
        move_to(tx, &urls, &stranded, now, random).await?;
        (stranded.len() as u64, limit)
    };
    let wholly = settled < u64::from(limit) && revoked < u64::from(DISCARDED_AT_A_TIME);
    Ok(if wholly {
        Settled::Wholly
    } else {
        Settled::InPart
    })
}

async fn move_to(
    tx: &mut dyn Transaction,
    urls: &[LogoutUrl],
    stranded: &[Delivery],
    now: Timestamp,
    random: &dyn RandomSource,
) -> Result<(), StorageError> {
    if stranded.is_empty() {
        return Ok(());
    }
    let mut moved = Vec::new();
    let mut there = HashSet::new();
    for delivery in stranded {
        let told = tx.urls_told(delivery).await?;
        let mut new = delivery.moved(urls, &told, now, random);
        // Two URLs may have gone, and both deliveries have the same way.
        new.retain(|one| there.insert((one.trace_id.clone(), one.url.clone())));
        moved.append(&mut new);
    }
    let ids: Vec<_> = stranded.iter().map(|one| one.id).collect();
    tx.cancel_deliveries(&ids, now).await?;
    tx.insert_deliveries(&moved).await
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
