//! The description of the Management API in `OpenAPI` 3.1.
//!
//! Each handler says what it takes and gives (`#[utoipa::path]`), and a route cannot be mounted
//! without it; `bodies/`, `lists.rs` and `parameters.rs` have the types that exist on the wire alone.
//! What every call can be refused with is added here, once.

mod bodies;
mod errors;
mod lists;
mod parameters;

use utoipa::OpenApi;
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::openapi::server::Server;

pub(super) use bodies::{
    ActionChange, Bindings, Client, ClientChange, ClientGrantChange, ClientGrantScopes,
    MetadataChange, NewAction, NewClient, NewUser, RetryMany, RevokeAccess, RevokeSession,
    TenantSettings, Trial, User, UserChange,
};
pub(super) use lists::{ClientGrants, Clients, Connections, LogRecords, ResourceServers, Users};
pub(super) use parameters::{Cursor, Numbered, Pages, Selected};

/// What belongs to no single call.
#[derive(OpenApi)]
#[openapi(
    info(
        title = "Management API",
        description = "Sessions, users, clients, Actions, settings, keys, logs and logout deliveries \
            of the issuer, in the wire format of Auth0's Management API. A caller brings an access \
            token that it got at `/oauth/token` with `client_credentials`.",
        license(name = "MIT OR Apache-2.0")
    ),
    tags(
        (name = "sessions", description = "Sessions, their metadata and their ends"),
        (name = "users", description = "The people who sign in"),
        (name = "clients", description = "Apps and machines"),
        (name = "client-grants", description = "What clients may do here"),
        (name = "logs", description = "The event log"),
        (name = "logout-deliveries", description = "What clients are told of ended sessions"),
        (name = "actions", description = "Scripts that run at each login"),
        (name = "tenants", description = "Settings that win over the configuration file"),
        (name = "keys", description = "Signing keys"),
        (name = "stats", description = "What happened, counted"),
        (name = "resource-servers", description = "The one API there is"),
        (name = "connections", description = "The one place where accounts are kept")
    )
)]
struct Frame;

/// Where the API is, seen from the description.
const SERVER: &str = "api/v2";

/// The whole description.
pub fn document() -> utoipa::openapi::OpenApi {
    let (_, mut document) = super::described().split_for_parts();
    let frame = Frame::openapi();
    document.info = frame.info;
    document.tags = frame.tags;
    document.servers = Some(vec![Server::new(SERVER)]);
    let bearer = HttpBuilder::new()
        .scheme(HttpAuthScheme::Bearer)
        .bearer_format("JWT")
        .build();
    let components = document.components.get_or_insert_default();
    components
        .security_schemes
        .insert("bearer".to_owned(), SecurityScheme::Http(bearer).into());
    errors::add(&mut document);
    document
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use utoipa::openapi::OpenApi;
    use utoipa::openapi::path::Operation;

    use super::*;

    fn operations(document: &OpenApi) -> Vec<(String, &Operation)> {
        let mut operations = Vec::new();
        for (path, item) in &document.paths.paths {
            let each = [&item.get, &item.post, &item.put, &item.patch, &item.delete];
            let each = each.into_iter().flatten();
            operations.extend(each.map(|operation| (path.clone(), operation)));
        }
        operations
    }

    #[test]
    fn the_file_beside_the_sources_is_this_description() {
        let mut text = document().to_pretty_json().unwrap();
        text.push('\n');
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/openapi.json");
        if std::fs::read_to_string(path).is_ok_and(|kept| kept == text) {
            return;
        }
        std::fs::write(path, text).unwrap();
        panic!("openapi.json was out of date and is renewed: look at what changed, and commit it");
    }

    #[test]
    fn each_call_has_a_name_of_its_own_a_summary_and_its_scopes() {
        let document = document();
        let operations = operations(&document);
        assert!(operations.len() > 60, "{}", operations.len());
        let mut names = BTreeSet::new();
        for (path, operation) in operations {
            let name = operation.operation_id.clone().unwrap();
            assert!(names.insert(name), "{path}");
            assert!(operation.summary.is_some(), "{path}");
            assert!(operation.security.is_some(), "{path}");
            assert!(operation.responses.responses.contains_key("401"), "{path}");
        }
    }

    #[test]
    fn each_scope_that_is_asked_for_exists() {
        let document = document();
        for (path, operation) in operations(&document) {
            let security = serde_json::to_value(&operation.security).unwrap();
            let scopes = security.as_array().unwrap().iter().flat_map(|one| {
                let scopes = one["bearer"].as_array().unwrap().iter();
                scopes.map(|scope| scope.as_str().unwrap().to_owned())
            });
            for scope in scopes {
                let known = crate::domain::management_scope::ALL;
                assert!(known.contains(&scope.as_str()), "{path}: {scope}");
            }
        }
    }
}
