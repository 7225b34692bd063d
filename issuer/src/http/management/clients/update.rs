//! `PATCH /api/v2/clients/{id}`: changes a client.
//!
//! Each property in the body replaces the old one as a whole. A body that breaks a rule changes
//! nothing. Taking away the last back-channel logout URL discards what the client still had to be
//! told.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use logout_shared::{ClientId, Secret, Timestamp};
use serde_json::{Map, Value};

use super::change::ClientChange;
use super::wire::{View, client_body};
use super::{
    client_authentication, client_id, encryption, generate_secret, open_secret, require_for_grants,
    seal_secret,
};
use crate::domain::client::{Client, TokenEndpointAuthMethod};
use crate::domain::event_log::LogEvent;
use crate::http::api_error::ErrorBody;
use crate::http::api_error::{ApiError, Invalid, Place};
use crate::http::bearer::Bearer;
use crate::http::management::audit::Call;
use crate::http::management::body::UnreadBody;
use crate::http::management::openapi;
use crate::http::management::query::Id;
use crate::issuer::Issuer;
use crate::logout;
use crate::storage::Transaction;

const SECRET: &str = "client_secret";

#[utoipa::path(
    patch,
    path = "/clients/{id}",
    operation_id = "update_client",
    tag = "clients",
    summary = "Changes a client",
    params(
        ("id" = String, Path, description = "The client"),
    ),
    request_body = openapi::ClientChange,
    responses(
        (status = 200, description = "Done.", body = openapi::Client),
        (status = 409, description = "It is in the way of another.", body = ErrorBody),
    ),
    security(("bearer" = ["update:clients"]), ("bearer" = ["update:client_keys"])),
)]
pub(super) async fn handle(
    bearer: Bearer,
    State(issuer): State<Issuer>,
    Id(id): Id,
    call: Call,
    body: UnreadBody,
) -> Result<Json<Map<String, Value>>, ApiError> {
    bearer.require_any(&["update:clients", "update:client_keys"])?;
    let body = body.object().await?;
    require_for_properties(&bearer, &body)?;
    if body.is_empty() {
        let reason = "Too few properties defined (0), minimum 1";
        return Err(Invalid::whole(Place::Payload, reason).into());
    }
    let id = client_id(&id)?;
    require_for_proof(&bearer, &issuer, &id, &body).await?;
    let properties = (StatusCode::OK, body.keys().cloned().collect());
    let event = call.changed(&bearer, "Update a client", properties, issuer.now());
    let client = change_client(&issuer, &id, &body, event).await?;
    let view = View::of(&bearer);
    let secret = if view.shows_secret() {
        open_secret(&issuer, &client)?
    } else {
        None
    };
    Ok(Json(client_body(&client, secret.as_ref(), &issuer, view)))
}

fn require_for_properties(bearer: &Bearer, body: &Map<String, Value>) -> Result<(), ApiError> {
    if body.contains_key(SECRET) {
        bearer.require("update:client_keys")?;
    }
    if body.keys().any(|name| name != SECRET) {
        bearer.require("update:clients")?;
    }
    require_for_grants(bearer, body)
}

/// Who says which keys a client signs with can sign in its name, as with its secret.
async fn require_for_proof(
    bearer: &Bearer,
    issuer: &Issuer,
    id: &ClientId,
    body: &Map<String, Value>,
) -> Result<(), ApiError> {
    let signs = |client: Client| {
        client.token_endpoint_auth_method == Some(TokenEndpointAuthMethod::PrivateKeyJwt)
    };
    let gives_proof = if client_authentication::asks_to_sign(body) {
        true
    } else if encryption::names_keys(body) {
        let found = issuer.store().read().await?.find_client(id).await?;
        found.is_some_and(signs)
    } else {
        false
    };
    if gives_proof {
        bearer.require("update:client_keys")?;
    }
    Ok(())
}

/// Changes a client by the rules of the endpoint and gives it as it is now.
///
/// `event` is the record of the change.
///
/// # Errors
///
/// [`ApiError`] says which property breaks which rule; nothing is changed then.
pub async fn change_client(
    issuer: &Issuer,
    id: &ClientId,
    body: &Map<String, Value>,
    event: LogEvent,
) -> Result<Client, ApiError> {
    let mut change = ClientChange::read(body, issuer)?;
    let secret = NewSecret::new(issuer, id, change.secret.take())?;
    let (wanted, now, random) = (id.clone(), issuer.now(), Arc::clone(issuer.random()));
    let written = issuer.store().write::<_, ApiError, _>(move |tx| {
        Box::pin(async move {
            let client = changed(tx, &wanted, change, secret, now).await?;
            logout::change_client(tx, &client, now, &*random).await?;
            tx.append_events(&[event]).await?;
            Ok(client)
        })
    });
    let client = written.await?;
    logout::settle_client(&**issuer.store(), id, now, issuer.random()).await?;
    Ok(client)
}

/// A sealed secret, made before the write because sealing takes time.
struct NewSecret {
    sealed: String,
    asked_for: bool,
}

impl NewSecret {
    fn new(
        issuer: &Issuer,
        id: &ClientId,
        given: Option<Secret<String>>,
    ) -> Result<Self, ApiError> {
        let asked_for = given.is_some();
        let secret = given.unwrap_or_else(|| generate_secret(&**issuer.random()));
        Ok(Self {
            sealed: seal_secret(issuer, id, &secret)?,
            asked_for,
        })
    }
}

/// The client as it will be.
async fn changed(
    tx: &mut dyn Transaction,
    id: &ClientId,
    change: ClientChange,
    secret: NewSecret,
    now: Timestamp,
) -> Result<Client, ApiError> {
    let mut client = tx.find_client(id).await?.ok_or(ApiError::ClientNotFound)?;
    let before = client.token_endpoint_auth_method;
    change.apply(&mut client)?;
    let method = client.token_endpoint_auth_method;
    // A client that is to prove itself by a secret from now on needs one.
    let lacks_one = method != before
        && TokenEndpointAuthMethod::uses_secret(method)
        && client.sealed_secret.is_none();
    if secret.asked_for || lacks_one {
        client.sealed_secret = Some(secret.sealed);
    }
    client.updated_at = now;
    Ok(client)
}
