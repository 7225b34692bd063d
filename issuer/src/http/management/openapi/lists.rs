//! The forms in which lists are answered.
//!
//! By number a list is an array, with `include_totals` an object with the total; by `from` and `take`
//! an object with the cursor of the next page, which the last page lacks.

#![expect(dead_code, reason = "fields are read by the description alone")]

use utoipa::ToSchema;

use super::{Client, User};
use crate::http::management::client_grants::GrantBody;
use crate::http::management::connections::ConnectionBody;
use crate::http::management::logs::LogBody;
use crate::http::management::resource_servers::ResourceServerBody;

macro_rules! list {
    ($(#[$doc:meta])* $name:ident, $items:ident: $item:ty) => {
        $(#[$doc])*
        #[derive(ToSchema)]
        #[serde(untagged)]
        pub(in crate::http::management) enum $name {
            Array(Vec<$item>),
            Object {
                $items: Vec<$item>,
                start: Option<u32>,
                limit: Option<u32>,
                length: Option<u32>,
                total: Option<u64>,
                next: Option<String>,
            },
        }
    };
}

list!(
    /// Clients.
    Clients, clients: Client
);
list!(
    /// Users.
    Users, users: User
);
list!(
    /// Client grants.
    ClientGrants, client_grants: GrantBody
);
list!(
    /// Connections.
    Connections, connections: ConnectionBody
);
list!(
    /// APIs.
    ResourceServers, resource_servers: ResourceServerBody
);
list!(
    /// Records of the event log.
    LogRecords, logs: LogBody
);
