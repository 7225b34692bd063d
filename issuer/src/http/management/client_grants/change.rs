//! What a body asks of a grant, and the one transaction that changes it.

use axum::http::StatusCode;
use logout_shared::ClientId;
use serde_json::{Map, Value};

use super::wire::{GrantBody, NO_GRANT};
use crate::domain::client::Client;
use crate::domain::event_log::LogEvent;
use crate::domain::management_scope::{self, EVERYTHING};
use crate::http::api_error::ApiError;
use crate::http::bearer::Bearer;
use crate::http::management::audit::Call;
use crate::http::management::property::{Property, missing, unknown};
use crate::issuer::Issuer;
use crate::login::access_token::management_audience;

/// What `PATCH` takes.
const CHANGEABLE: [&str; 4] = [
    "allow_all_scopes",
    "allow_any_organization",
    "organization_usage",
    "scope",
];

/// What `POST` takes beside that.
const IDENTITY: [&str; 3] = ["audience", "client_id", "subject_type"];

/// The scopes that a body grants.
pub(super) fn scopes(body: &Map<String, Value>, is_new: bool) -> Result<Vec<String>, ApiError> {
    let known = |name: &str| CHANGEABLE.contains(&name) || (is_new && IDENTITY.contains(&name));
    let names = body.keys().map(String::as_str);
    let strange: Vec<_> = names.filter(|name| !known(name)).collect();
    if !strange.is_empty() {
        return Err(unknown(&strange));
    }
    let get = |name: &str, what| {
        let property = Some(Property::new(name, body.get(name)?, what));
        property.and_then(Property::not_null)
    };
    if let Some(any) = get(
        "allow_any_organization",
        "Whether any organization is allowed",
    ) && any.boolean()?
    {
        return Err(any.refuse("There are no organizations here"));
    }
    if let Some(usage) = get("organization_usage", "Whether organizations are used") {
        usage.one_of(&["deny"])?;
    }
    if let Some(kind) = get("subject_type", "Whom the grant is for") {
        kind.one_of(&["client"])?;
    }
    if let Some(all) = get("allow_all_scopes", "Whether every scope is granted")
        && all.boolean()?
    {
        return management_scope::granted([EVERYTHING]).map_err(ApiError::internal);
    }
    let list = get("scope", "Scopes of the grant").ok_or_else(|| missing("scope"))?;
    let items = list.items(2 * management_scope::ALL.len())?;
    if items.is_empty() {
        return Err(list.refuse("Array is too short (0), minimum 1: delete the grant instead"));
    }
    let names = items.iter().map(Property::text);
    let names = names.collect::<Result<Vec<_>, _>>()?;
    management_scope::granted(names).map_err(|error| list.refuse(error.to_string()))
}

/// The client that a new grant is for.
pub(super) fn client(body: &Map<String, Value>, issuer: &Issuer) -> Result<ClientId, ApiError> {
    let get = |name: &str, what| {
        let value = body.get(name).ok_or_else(|| missing(name))?;
        Property::new(name, value, what).text()
    };
    let client = get("client_id", "The client")?;
    if get("audience", "The API")? != management_audience(issuer.id()) {
        return Err(ApiError::Missing(
            "Service not found: there is only the Management API; see GET /api/v2/resource-servers",
            Some("inexistent_resource_server"),
        ));
    }
    client.parse().map_err(|_| ApiError::ClientNotFound)
}

/// What becomes of a client's grant.
#[derive(Debug)]
pub(super) struct Granting {
    pub(super) client: ClientId,
    pub(super) scopes: Vec<String>,
    /// Whether there must be none before; else there must be one.
    pub(super) is_new: bool,
}

/// Changes a grant together with its record.
pub(super) async fn write(
    issuer: &Issuer,
    granting: Granting,
    event: LogEvent,
) -> Result<Client, ApiError> {
    let now = issuer.now();
    let written = issuer.store().write::<_, ApiError, _>(move |tx| {
        Box::pin(async move {
            let found = tx.find_client(&granting.client).await?;
            let missing = if granting.is_new {
                ApiError::ClientNotFound
            } else {
                NO_GRANT
            };
            let mut client = found.ok_or(missing)?;
            match (client.management_scopes.is_empty(), granting.is_new) {
                (true, false) => return Err(NO_GRANT),
                (false, true) => {
                    return Err(ApiError::Conflict(
                        "The client has a grant for this API already",
                    ));
                }
                _ => {}
            }
            client.management_scopes = granting.scopes;
            client.updated_at = now;
            tx.update_client(&client).await?;
            tx.append_events(&[event]).await?;
            Ok(client)
        })
    });
    written.await
}

/// The body of a grant that there is.
pub(super) fn body_of(client: &Client, issuer: &Issuer) -> Result<GrantBody, ApiError> {
    GrantBody::of(client, &management_audience(issuer.id())).ok_or(NO_GRANT)
}

/// The record of a change.
pub(super) fn record(
    call: &Call,
    bearer: &Bearer,
    (what, status): (&str, StatusCode),
    body: Map<String, Value>,
    issuer: &Issuer,
) -> LogEvent {
    let properties = body.into_iter().map(|(name, _)| name).collect();
    call.changed(bearer, what, (status, properties), issuer.now())
}
