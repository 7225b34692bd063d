//! Bodies that are read and written member by member, as they look on the wire.
//!
//! Members that can be left out are optional: `null` then means the same as none, unless it says
//! otherwise. Objects that keep what they do not know have more members than are told here.

mod actions;
mod clients;
mod others;
mod users;

use serde_json::{Map, Value};

pub(in crate::http::management) use actions::{ActionChange, Bindings, NewAction, Trial};
pub(in crate::http::management) use clients::{
    Client, ClientChange, ClientGrantChange, ClientGrantScopes, NewClient,
};
pub(in crate::http::management) use others::{
    MetadataChange, RetryMany, RevokeSession, TenantSettings,
};
pub(in crate::http::management) use users::{NewUser, RevokeAccess, User, UserChange};

/// Any members.
type Object = Map<String, Value>;
