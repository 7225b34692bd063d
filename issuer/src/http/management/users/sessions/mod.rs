//! `/api/v2/users/{id}/sessions`: the live sessions of one user.

pub(super) mod delete;
pub(super) mod list;
