//! The rules of RFC 7523 §3 and OpenID Connect Core §9 for the claims of a client's assertion, as
//! a pure function of signed claims and expectations.
//!
//! Stricter than the specifications where they leave room: `jti` must be there, the life is
//! bounded, every audience must be this issuer's. Neighbours: `mod.rs` checked the signature
//! before and uses the assertion up afterwards.

use std::time::Duration;

use logout_shared::jws::{JwsHeader, Payload};
use logout_shared::strict_json::NotAString;
use logout_shared::{ClientId, Timestamp, TokenId};

use crate::domain::client_assertion::UsedAssertion;

/// How far the two clocks may differ.
///
/// A used assertion is remembered until `exp` + leeway. If it were forgotten earlier, the same
/// assertion would still pass the check of time.
pub const LEEWAY: Duration = Duration::from_mins(1);

/// How far ahead `exp` may be, beside the leeway: five minutes, as at Auth0. Each assertion is
/// remembered that long, and a stolen one that never arrived is good that long.
pub const MAX_LIFETIME: Duration = Duration::from_mins(5);

/// The most audiences that an assertion may name.
const MAX_AUDIENCES: usize = 8;

/// What is expected of an assertion.
#[derive(Debug, Clone, Copy)]
pub(super) struct Expected<'a> {
    /// Whose it must be.
    pub(super) client: &'a ClientId,
    /// The names of this issuer; exact strings.
    pub(super) audiences: [&'a str; 2],
    /// The time.
    pub(super) now: Timestamp,
}

/// A rule that an assertion breaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RuleFault {
    /// Its `typ` is that of another kind of token.
    #[error("typ is neither absent nor JWT nor client-authentication+jwt")]
    Type,
    /// `iss` is not the client.
    #[error("iss is not the client's id")]
    Issuer,
    /// `sub` is not the client.
    #[error("sub is not the client's id")]
    Subject,
    /// `aud` is missing, malformed, or names somebody else.
    #[error("aud is not the issuer or its token endpoint alone")]
    Audience,
    /// `exp` is missing.
    #[error("exp is missing")]
    NoExpiry,
    /// A time is no `NumericDate`.
    #[error("{0} is not a number of seconds since 1970")]
    Time(&'static str),
    /// `exp` has passed.
    #[error("exp has passed")]
    Expired,
    /// `exp` is too far ahead.
    #[error("exp is more than 300 s ahead")]
    LifetimeTooLong,
    /// `iat` or `nbf` is ahead.
    #[error("{0} is ahead of our clock")]
    Ahead(&'static str),
    /// `jti` is missing, empty or too long.
    #[error("jti is missing or has not 1 to 255 bytes")]
    TokenId,
}

/// Checks the claims of a signed assertion; gives the mark under which it is used up.
pub(super) fn check(
    header: &JwsHeader,
    claims: &Payload,
    expected: &Expected<'_>,
) -> Result<UsedAssertion, RuleFault> {
    check_type(header)?;
    let own = expected.client.as_str();
    let is_client = |name| claims.text(name).ok().flatten().as_deref() == Some(own);
    // RFC 7523 §3 rules 1 and 2.B; OpenID Connect Core §9.
    if !is_client("iss") {
        return Err(RuleFault::Issuer);
    }
    if !is_client("sub") {
        return Err(RuleFault::Subject);
    }
    check_audience(claims, expected)?;
    let dead_at = check_times(claims, expected.now)?;
    let jti = claims.text("jti").ok().flatten();
    let jti = jti.and_then(|jti| TokenId::try_from(jti.into_owned()).ok());
    let jti = jti.ok_or(RuleFault::TokenId)?;
    Ok(UsedAssertion::new(expected.client, &jti, dead_at))
}

/// A token of another kind that the client signed (a request object, say) is no proof that the
/// client is here (RFC 8725 §3.11).
fn check_type(header: &JwsHeader) -> Result<(), RuleFault> {
    let mut known = ["JWT", "client-authentication+jwt"].into_iter();
    if header.typ.is_none() || known.any(|name| header.has_type(name)) {
        Ok(())
    } else {
        Err(RuleFault::Type)
    }
}

/// RFC 7523 §3 rule 3. Who else is named could play the assertion to us, so nobody else may be.
fn check_audience(claims: &Payload, expected: &Expected<'_>) -> Result<(), RuleFault> {
    let is_ours = |aud: &str| expected.audiences.contains(&aud);
    let good = match claims.text("aud") {
        Ok(aud) => aud.is_some_and(|aud| is_ours(&aud)),
        Err(NotAString) => match claims.read::<Vec<String>>("aud") {
            Some(Ok(list)) => {
                (1..=MAX_AUDIENCES).contains(&list.len()) && list.iter().all(|aud| is_ours(aud))
            }
            _ => false,
        },
    };
    good.then_some(()).ok_or(RuleFault::Audience)
}

/// RFC 7523 §3 rules 4 to 6; gives when the assertion is dead in any case.
fn check_times(claims: &Payload, now: Timestamp) -> Result<Timestamp, RuleFault> {
    let exp = read_time(claims, "exp")?.ok_or(RuleFault::NoExpiry)?;
    let dead_at = exp + LEEWAY;
    // "On or after" `exp` a token is dead (RFC 7519 §4.1.4).
    if now >= dead_at {
        return Err(RuleFault::Expired);
    }
    if exp.saturating_since(now) > MAX_LIFETIME + LEEWAY {
        return Err(RuleFault::LifetimeTooLong);
    }
    for name in ["iat", "nbf"] {
        if read_time(claims, name)?.is_some_and(|time| time > now + LEEWAY) {
            return Err(RuleFault::Ahead(name));
        }
    }
    Ok(dead_at)
}

fn read_time(claims: &Payload, name: &'static str) -> Result<Option<Timestamp>, RuleFault> {
    let Some(json) = claims.raw(name) else {
        return Ok(None);
    };
    Timestamp::from_numeric_date(json)
        .map(Some)
        .ok_or(RuleFault::Time(name))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    const NOW: i64 = 1_795_413_600;
    const ISSUER: &str = "https://id.example/";
    const ENDPOINT: &str = "https://id.example/oauth/token";

    fn good() -> Value {
        json!({
            "iss": "shop", "sub": "shop", "aud": ISSUER, "jti": "j-1",
            "iat": NOW, "exp": NOW + 120,
        })
    }

    fn checked(typ: Option<&str>, claims: &Value) -> Result<UsedAssertion, RuleFault> {
        let header = JwsHeader {
            alg: "ES256".to_owned(),
            kid: None,
            typ: typ.map(str::to_owned),
        };
        let claims = Payload::parse(claims.to_string().into_bytes()).expect("an object");
        let client = "shop".parse().expect("a client id");
        let expected = Expected {
            client: &client,
            audiences: [ISSUER, ENDPOINT],
            now: Timestamp::from_secs(NOW),
        };
        check(&header, &claims, &expected)
    }

    /// The good claims with one of them changed; `null` leaves it out.
    fn with(name: &str, value: &Value) -> Result<UsedAssertion, RuleFault> {
        let mut claims = good();
        claims[name] = value.clone();
        if value.is_null() {
            claims.as_object_mut().expect("an object").remove(name);
        }
        checked(None, &claims)
    }

    #[test]
    fn a_good_assertion_is_used_up_until_its_expiry_and_the_leeway() {
        let used = checked(None, &good()).expect("good");
        let client = "shop".parse().expect("a client id");
        let jti = "j-1".parse().expect("a token id");
        let dead_at = Timestamp::from_secs(NOW + 180);
        assert_eq!(used, UsedAssertion::new(&client, &jti, dead_at));
    }

    #[test]
    fn what_other_libraries_send_is_good() {
        for (name, value) in [
            ("aud", json!(ENDPOINT)),
            ("aud", json!([ISSUER, ENDPOINT])),
            ("aud", json!([ENDPOINT])),
            ("iat", Value::Null),
            ("nbf", json!(NOW)),
            ("exp", json!(NOW + 180)),
            ("exp", json!(1_795_413_600.5)),
            ("custom", json!({"a": 1})),
        ] {
            assert!(with(name, &value).is_ok(), "{name} {value}");
        }
        for typ in ["JWT", "jwt", "application/jwt", "client-authentication+jwt"] {
            assert!(checked(Some(typ), &good()).is_ok(), "{typ}");
        }
    }

    #[test]
    fn each_rule_refuses_what_breaks_it() {
        use RuleFault as Fault;
        let null = Value::Null;
        for (name, value, fault) in [
            ("iss", null.clone(), Fault::Issuer),
            ("iss", json!("spa"), Fault::Issuer),
            ("iss", json!("Shop"), Fault::Issuer),
            ("iss", json!(["shop"]), Fault::Issuer),
            ("sub", null.clone(), Fault::Subject),
            ("sub", json!("spa"), Fault::Subject),
            ("sub", json!(7), Fault::Subject),
            ("aud", null.clone(), Fault::Audience),
            ("aud", json!(""), Fault::Audience),
            ("aud", json!("https://id.example"), Fault::Audience),
            ("aud", json!("https://id.example/userinfo"), Fault::Audience),
            ("aud", json!("shop"), Fault::Audience),
            ("aud", json!([]), Fault::Audience),
            ("aud", json!([ISSUER, 7]), Fault::Audience),
            ("aud", json!([ISSUER, "https://other/"]), Fault::Audience),
            ("aud", json!({"a": ISSUER}), Fault::Audience),
            ("exp", null.clone(), Fault::NoExpiry),
            ("exp", json!("soon"), Fault::Time("exp")),
            ("exp", json!(-1), Fault::Time("exp")),
            ("exp", json!(1e300), Fault::Time("exp")),
            ("iat", json!("now"), Fault::Time("iat")),
            ("nbf", json!([NOW]), Fault::Time("nbf")),
            ("jti", null, Fault::TokenId),
            ("jti", json!(""), Fault::TokenId),
            ("jti", json!(7), Fault::TokenId),
        ] {
            assert_eq!(with(name, &value), Err(fault), "{name} {value}");
        }
        for typ in ["at+jwt", "logout+jwt", "oauth-authz-req+jwt", ""] {
            assert_eq!(checked(Some(typ), &good()), Err(Fault::Type), "{typ}");
        }
    }

    #[test]
    fn limits_hold_at_their_ends() {
        let leeway = 60;
        for (name, last, beyond, fault) in [
            ("exp", NOW - leeway + 1, NOW - leeway, RuleFault::Expired),
            (
                "exp",
                NOW + 300 + leeway,
                NOW + 301 + leeway,
                RuleFault::LifetimeTooLong,
            ),
            (
                "iat",
                NOW + leeway,
                NOW + leeway + 1,
                RuleFault::Ahead("iat"),
            ),
            (
                "nbf",
                NOW + leeway,
                NOW + leeway + 1,
                RuleFault::Ahead("nbf"),
            ),
        ] {
            assert!(with(name, &json!(last)).is_ok(), "{name} {last}");
            assert_eq!(with(name, &json!(beyond)), Err(fault), "{name} {beyond}");
        }
        assert!(with("jti", &json!("j".repeat(255))).is_ok());
        assert_eq!(
            with("jti", &json!("j".repeat(256))),
            Err(RuleFault::TokenId)
        );
        let many = |count| json!(vec![ISSUER; count]);
        assert!(with("aud", &many(MAX_AUDIENCES)).is_ok());
        assert_eq!(
            with("aud", &many(MAX_AUDIENCES + 1)),
            Err(RuleFault::Audience)
        );
    }
}
