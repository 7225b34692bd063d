//! What the row tests share: a relying party on a socket, a provider on another, tokens.

mod exchange;
mod hooks;
mod provider;
mod relying_party;
mod tokens;

pub(crate) use self::exchange::{Answer, exchange, form_request, post_form};
pub(crate) use self::hooks::{FailingStore, Hook};
pub(crate) use self::provider::{Behaviour, Provider};
pub(crate) use self::relying_party::{RelyingParty, builder, serve};
pub(crate) use self::tokens::{
    CLIENT, ISSUER, claims, id_token, key, key_set, manual_clock, sign, signed, start, with,
};
