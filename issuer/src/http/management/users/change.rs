//! What a body asks of a user.
//!
//! Properties and limits are Auth0's. What this issuer cannot do, such as sending mails, is refused
//! rather than ignored.

use logout_shared::{Secret, Subject};
use serde_json::{Map, Value};
use url::Url;

use super::wire::{PHONE_VERIFIED, PROVIDER};
use crate::http::api_error::{ApiError, Invalid, Place};
use crate::http::management::property::{Property, missing, unknown};
use crate::login::account_changes::AccountChange;
use crate::login::actions::CONNECTION;
use crate::login::users::NewUser;

/// What both bodies take.
const COMMON: [&str; 16] = [
    "app_metadata",
    "blocked",
    "connection",
    "email",
    "email_verified",
    "family_name",
    "given_name",
    "name",
    "nickname",
    "password",
    "phone_number",
    "phone_verified",
    "picture",
    "user_metadata",
    "verify_email",
    "verify_phone_number",
];

/// The claims that are texts, with the most characters of each.
const CLAIMS: [(&str, usize, &str); 6] = [
    ("given_name", 150, "The user's given name"),
    ("family_name", 150, "The user's family name"),
    ("name", 300, "The user's full name"),
    ("nickname", 300, "The user's nickname"),
    ("picture", 2_048, "A URL of the user's picture"),
    (
        "phone_number",
        16,
        "The user's phone number, such as +49301234567",
    ),
];

/// The most characters of an id that a caller chooses: 255 with what stands before it (OpenID
/// Connect Core §2, `sub`).
const MAX_ID_CHARS: usize = 249;

/// The user that a body describes.
pub(super) fn new_user(body: &Map<String, Value>) -> Result<NewUser, ApiError> {
    let body = Body::read(body, "user_id")?;
    for name in ["connection", "email", "password"] {
        body.get(name, "").ok_or_else(|| missing(name))?;
    }
    let mut profile = body.claims()?;
    profile.retain(|_, value| !value.is_null());
    let email = body.email()?.unwrap_or_default();
    Ok(NewUser {
        id: body.id()?,
        email: email.to_owned(),
        email_verified: body.flag("email_verified", VERIFIED)?.unwrap_or_default(),
        password: body.password()?,
        admin: false,
        blocked: body.flag("blocked", BLOCKED)?.unwrap_or_default(),
        profile,
        user_metadata: body.metadata("user_metadata")?.unwrap_or_default(),
        app_metadata: body.metadata("app_metadata")?.unwrap_or_default(),
    })
}

/// The changes that a body asks for.
///
/// First those that end no session or are told to fewer clients: whoever is not told of an earlier
/// one is still there to be told of a later one.
pub(super) fn changes(body: &Map<String, Value>) -> Result<Vec<AccountChange>, ApiError> {
    if body.is_empty() {
        let reason = "Too few properties defined (0), minimum 1";
        return Err(Invalid::whole(Place::Payload, reason).into());
    }
    let body = Body::read(body, "client_id")?;
    if let Some(client) = body.get("client_id", "The client that asks") {
        client.text()?;
    }
    let (email, password) = (body.email()?, body.password()?);
    if email.is_some() && password.is_some() {
        let reason = "Cannot update password and email simultaneously";
        return Err(Invalid::whole(Place::Payload, reason).into());
    }
    let claims = body.claims()?;
    let claims = (!claims.is_empty()).then_some(AccountChange::Profile(claims));
    let email = email.map(|email| AccountChange::Email(email.to_owned()));
    let verified = body.flag("email_verified", VERIFIED)?;
    let user_metadata = body.metadata("user_metadata")?;
    let app_metadata = body.metadata("app_metadata")?;
    let password = password.map(|password| AccountChange::Password {
        password,
        keep: None,
    });
    let block = body.flag("blocked", BLOCKED)?.map(|blocked| {
        if blocked {
            AccountChange::Block
        } else {
            AccountChange::Unblock
        }
    });
    let changes = [
        claims,
        email,
        verified.map(AccountChange::EmailVerified),
        user_metadata.map(AccountChange::UserMetadata),
        app_metadata.map(AccountChange::AppMetadata),
        password,
        block,
    ];
    Ok(changes.into_iter().flatten().collect())
}

const VERIFIED: &str = "Whether the address is proven";
const BLOCKED: &str = "Whether the user may not sign in";

/// A body whose properties are all known.
struct Body<'a>(&'a Map<String, Value>);

impl<'a> Body<'a> {
    fn read(body: &'a Map<String, Value>, also: &str) -> Result<Self, ApiError> {
        let names = body.keys().map(String::as_str);
        let strange: Vec<_> = names
            .filter(|name| !COMMON.contains(name) && *name != also)
            .collect();
        if !strange.is_empty() {
            return Err(unknown(&strange));
        }
        let body = Self(body);
        if let Some(connection) = body.get("connection", "Where the account is kept") {
            connection.one_of(&[CONNECTION])?;
        }
        for (name, instead) in [
            ("verify_email", "email_verified"),
            ("verify_phone_number", "phone_verified"),
        ] {
            if let Some(verify) = body.get(name, "Whether to ask the user for a proof")
                && verify.boolean()?
            {
                let reason = format!("Messages to users are not sent here: set {instead} instead");
                return Err(verify.refuse(reason));
            }
        }
        Ok(body)
    }

    fn get(&self, name: &str, description: &'static str) -> Option<Property<'a>> {
        Some(Property::new(name, self.0.get(name)?, description))
    }

    fn id(&self) -> Result<Option<Subject>, ApiError> {
        let Some(property) = self.get("user_id", "The id; it is made up without it") else {
            return Ok(None);
        };
        let id = format!("{PROVIDER}|{}", property.text_of(1, MAX_ID_CHARS)?);
        let id = id.parse::<Subject>();
        id.map(Some)
            .map_err(|error| property.refuse(error.to_string()))
    }

    fn email(&self) -> Result<Option<&'a str>, ApiError> {
        let email = self.get("email", "The address to sign in with");
        email.map(|email| email.text()).transpose()
    }

    fn password(&self) -> Result<Option<Secret<String>>, ApiError> {
        let password = self.get("password", "The password to sign in with");
        let password = password.map(|password| password.text()).transpose()?;
        Ok(password.map(|password| Secret::new(password.to_owned())))
    }

    fn flag(&self, name: &str, description: &'static str) -> Result<Option<bool>, ApiError> {
        let flag = self.get(name, description);
        flag.map(|flag| flag.boolean()).transpose()
    }

    /// `null` is an empty object, which leaves no metadata.
    fn metadata(&self, name: &str) -> Result<Option<Map<String, Value>>, ApiError> {
        let Some(property) = self.get(name, "Metadata of the user") else {
            return Ok(None);
        };
        let Some(property) = property.not_null() else {
            return Ok(Some(Map::new()));
        };
        Ok(Some(property.object()?.as_map().clone()))
    }

    /// Claims by their names; `null` for those that are to go.
    fn claims(&self) -> Result<Map<String, Value>, ApiError> {
        let mut claims = Map::new();
        for (name, max, description) in CLAIMS {
            let Some(property) = self.get(name, description) else {
                continue;
            };
            if let Some(text) = property.clone().not_null() {
                let text = text.text_of(1, max)?;
                match name {
                    "picture" if !is_web_url(text) => {
                        return Err(property.refuse("Value is not an http or https URL"));
                    }
                    "phone_number" if !is_phone_number(text) => {
                        return Err(property.refuse("Value is not + and 1 to 15 digits"));
                    }
                    _ => {}
                }
            }
            claims.insert(name.to_owned(), property.value().clone());
        }
        if let Some(verified) = self.flag("phone_verified", "Whether the number is proven")? {
            claims.insert(PHONE_VERIFIED.to_owned(), verified.into());
        }
        Ok(claims)
    }
}

fn is_web_url(text: &str) -> bool {
    Url::parse(text).is_ok_and(|url| matches!(url.scheme(), "http" | "https"))
}

/// ITU-T E.164: a plus sign and up to 15 digits.
fn is_phone_number(text: &str) -> bool {
    let digits = text.strip_prefix('+');
    digits.is_some_and(|digits| {
        (1..=15).contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_digit())
    })
}
