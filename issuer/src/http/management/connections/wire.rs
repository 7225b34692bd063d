//! The issuer's own accounts as a connection.

use serde::Serialize;
use serde_json::{Map, Value};
use utoipa::ToSchema;

use crate::http::management::derived_id;
use crate::issuer::Issuer;
use crate::login::actions::CONNECTION;

/// What kind of connection it is.
pub(super) const STRATEGY: &str = "auth0";

/// The JSON form of a connection.
///
/// A caller may want some members only, so none is certain to be there.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Connection)]
pub(in crate::http::management) struct ConnectionBody {
    #[schema(required = false)]
    pub(super) id: String,
    #[schema(required = false)]
    pub(super) name: &'static str,
    #[schema(required = false)]
    strategy: &'static str,
    #[schema(required = false)]
    options: Map<String, Value>,
    #[schema(required = false)]
    realms: [&'static str; 1],
    #[schema(required = false)]
    is_domain_connection: bool,
    #[schema(required = false)]
    metadata: Map<String, Value>,
}

impl ConnectionBody {
    /// The one that there is; every client may use it.
    pub(super) fn of(issuer: &Issuer) -> Self {
        Self {
            id: derived_id("con_", issuer.id().as_str()),
            name: CONNECTION,
            strategy: STRATEGY,
            options: Map::new(),
            realms: [CONNECTION],
            is_domain_connection: false,
            metadata: Map::new(),
        }
    }
}
