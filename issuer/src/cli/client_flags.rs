//! The flags of `client create` and `client update`, and the object they stand for.
//!
//! A flag sets one member of the object that the Management API takes, so that there is one set
//! of rules for both doors. What is not given is not in the object and stays as it is.

use std::path::{Path, PathBuf};

use anyhow::Context as _;
use clap::Args;
use clap::builder::PossibleValuesParser;
use serde_json::{Map, Value, json};

use super::WrongUsage;
use crate::domain::initiator::Initiator;

/// What a client may be told to be.
#[derive(Debug, Args)]
pub(super) struct ClientFlags {
    /// A redirect URI, compared letter by letter (repeatable; "" for none).
    #[arg(long, value_name = "URL")]
    callback: Vec<String>,
    /// Where a browser may be sent after sign-out (repeatable; "" for none).
    #[arg(long, value_name = "URL")]
    logout_url: Vec<String>,
    /// Where logout tokens go, up to ten (repeatable; "" for none).
    #[arg(long, value_name = "URL")]
    backchannel_logout_url: Vec<String>,
    /// Which events the client is told of: "all", or names with commas between them.
    #[arg(long, value_name = "all|rp-logout,…", value_parser = initiators)]
    initiators: Option<Initiators>,
    /// Puts the session's metadata into logout tokens.
    #[arg(long, value_name = "true|false", num_args = 0..=1, default_missing_value = "true")]
    include_session_metadata: Option<bool>,
    /// Scopes of the Management API: "all", or names with spaces between them ("" for none).
    #[arg(long, value_name = "SCOPES")]
    management_scopes: Option<String>,
    /// Algorithm of ID Tokens and logout tokens [new clients: RS256].
    #[arg(long, value_name = "ALG")]
    signing_alg: Option<String>,
    /// How the client proves itself at the token endpoint; `private_key_jwt` needs --jwks or
    /// --jwks-uri [default: by secret, posted or in the header].
    #[arg(long, value_name = "METHOD", value_parser = auth_methods())]
    auth_method: Option<String>,
    #[command(flatten)]
    keys: KeyFlags,
    #[command(flatten)]
    encryption: EncryptionFlags,
    #[command(flatten)]
    delivery: DeliveryFlags,
}

/// Encrypted ID Tokens and logout tokens.
#[derive(Debug, Args)]
#[command(next_help_heading = "Encryption")]
struct EncryptionFlags {
    /// How a token's key reaches the client: RSA-OAEP-256 or ECDH-ES ("" for signed tokens only).
    #[arg(long, value_name = "ALG")]
    encryption_alg: Option<String>,
    /// How a token is encrypted: A256GCM or A128GCM.
    #[arg(long, value_name = "ENC", requires = "encryption_alg")]
    encryption_enc: Option<String>,
}

/// The client's own keys, for its assertions and for encrypted tokens.
#[derive(Debug, Args)]
#[command(next_help_heading = "Keys of the client")]
struct KeyFlags {
    /// Where the client publishes its public keys ("" for none).
    #[arg(long, value_name = "URL", conflicts_with = "jwks")]
    jwks_uri: Option<String>,
    /// A file with the client's public keys ("" for none).
    #[arg(long, value_name = "FILE")]
    jwks: Option<PathBuf>,
}

/// How logout tokens look and travel.
#[derive(Debug, Args)]
#[command(next_help_heading = "Delivery")]
struct DeliveryFlags {
    /// The `typ` of logout tokens; JWT for receivers that accept nothing else.
    #[arg(long, value_parser = PossibleValuesParser::new(["logout+jwt", "JWT"]))]
    token_type: Option<String>,
    /// How long a logout token is good for, 30 to 120 seconds.
    #[arg(long, value_name = "SECONDS")]
    lifetime_seconds: Option<u32>,
    /// Whether a token that ends one session names the user as well.
    #[arg(long, value_parser = PossibleValuesParser::new(["auto", "always", "never"]))]
    subject: Option<String>,
    /// Sends no token without a session id.
    #[arg(long, value_name = "true|false", num_args = 0..=1, default_missing_value = "true")]
    session_required: Option<bool>,
    /// Lets one token without a session id end all sessions of a user.
    #[arg(long, value_name = "true|false", num_args = 0..=1, default_missing_value = "true")]
    subject_logout: Option<bool>,
    /// How long a sign-out waits for the client's answer, 0 to 5000.
    #[arg(long, value_name = "MILLISECONDS")]
    wait_ms: Option<u32>,
    /// How long one attempt to tell the client may take, 500 to 10000.
    #[arg(long, value_name = "MILLISECONDS")]
    timeout_ms: Option<u32>,
}

#[derive(Debug, Clone)]
enum Initiators {
    All,
    Named(Vec<Initiator>),
}

fn initiators(text: &str) -> Result<Initiators, String> {
    if text == "all" {
        return Ok(Initiators::All);
    }
    text.split(',')
        .map(|name| {
            name.trim()
                .parse()
                .map_err(|error| format!("{error}, or \"all\""))
        })
        .collect::<Result<_, String>>()
        .map(Initiators::Named)
}

impl ClientFlags {
    /// Puts what is given into the object of a client, beside what it has of `oidc_logout`.
    pub(super) fn write(self, body: &mut Map<String, Value>) -> anyhow::Result<()> {
        let mut set = |name: &str, value: Option<Value>| {
            if let Some(value) = value {
                body.insert(name.to_owned(), value);
            }
        };
        set("callbacks", list(&self.callback, "--callback")?);
        set(
            "allowed_logout_urls",
            list(&self.logout_url, "--logout-url")?,
        );
        let scopes = self.management_scopes;
        set(
            "management_scopes",
            scopes.map(|it| json!(it.split_whitespace().collect::<Vec<_>>())),
        );
        set(
            "id_token_signed_response_alg",
            self.signing_alg.map(Value::String),
        );

        set(
            "token_endpoint_auth_method",
            self.auth_method.map(Value::String),
        );
        self.keys.write(body)?;
        self.encryption.write(body);
        let mut logout = member(body, "oidc_logout");
        let before = logout.clone();
        let mut set = |name: &str, value: Option<Value>| {
            if let Some(value) = value {
                logout.insert(name.to_owned(), value);
            }
        };
        let urls = list(&self.backchannel_logout_url, "--backchannel-logout-url")?;
        set("backchannel_logout_urls", urls);
        let initiators = self.initiators.map(|initiators| match initiators {
            Initiators::All => json!({"mode": "all"}),
            Initiators::Named(names) => json!({"mode": "custom", "selected_initiators": names}),
        });
        set("backchannel_logout_initiators", initiators);
        let include = self.include_session_metadata;
        set(
            "backchannel_logout_session_metadata",
            include.map(|it| json!({"include": it})),
        );
        let mut delivery = member(&logout, "delivery");
        self.delivery.write(&mut delivery);
        if !delivery.is_empty() {
            logout.insert("delivery".to_owned(), Value::Object(delivery));
        }
        if logout != before {
            body.insert("oidc_logout".to_owned(), Value::Object(logout));
        }
        Ok(())
    }
}

/// "" stands for none.
fn or_none(text: String) -> Value {
    if text.is_empty() {
        Value::Null
    } else {
        Value::String(text)
    }
}

impl EncryptionFlags {
    fn write(self, body: &mut Map<String, Value>) {
        if let Some(alg) = self.encryption_alg.map(or_none) {
            // What is not encrypted has no way of being encrypted either.
            let enc = self.encryption_enc.map_or(Value::Null, Value::String);
            if alg.is_null() || !enc.is_null() {
                body.insert("id_token_encrypted_response_enc".to_owned(), enc);
            }
            body.insert("id_token_encrypted_response_alg".to_owned(), alg);
        }
    }
}

impl KeyFlags {
    fn write(self, body: &mut Map<String, Value>) -> anyhow::Result<()> {
        if let Some(url) = self.jwks_uri.map(or_none) {
            body.insert("jwks_uri".to_owned(), url);
        }
        if let Some(file) = self.jwks {
            let set = if file.as_os_str().is_empty() {
                Value::Null
            } else {
                read_json(&file)?
            };
            body.insert("jwks".to_owned(), set);
        }
        Ok(())
    }
}

fn auth_methods() -> PossibleValuesParser {
    PossibleValuesParser::new([
        "none",
        "client_secret_post",
        "client_secret_basic",
        "private_key_jwt",
    ])
}

/// A key set from a file.
fn read_json(file: &Path) -> anyhow::Result<Value> {
    let text = std::fs::read(file).with_context(|| format!("cannot read {}", file.display()))?;
    serde_json::from_slice(&text).with_context(|| format!("{} is no JSON", file.display()))
}

impl DeliveryFlags {
    fn write(self, delivery: &mut Map<String, Value>) {
        let members = [
            ("token_type", self.token_type.map(Value::from)),
            ("lifetime_seconds", self.lifetime_seconds.map(Value::from)),
            ("subject", self.subject.map(Value::from)),
            ("session_required", self.session_required.map(Value::from)),
            ("subject_logout", self.subject_logout.map(Value::from)),
            ("wait_ms", self.wait_ms.map(Value::from)),
            ("timeout_ms", self.timeout_ms.map(Value::from)),
        ];
        let given = members
            .into_iter()
            .filter_map(|(name, value)| Some((name.to_owned(), value?)));
        delivery.extend(given);
    }
}

/// The object under a name; an empty one if there is none.
fn member(body: &Map<String, Value>, name: &str) -> Map<String, Value> {
    body.get(name)
        .and_then(Value::as_object)
        .cloned()
        .unwrap_or_default()
}

/// A flag that was repeated: nothing if it was not given, an empty list for "" alone.
fn list(values: &[String], flag: &str) -> anyhow::Result<Option<Value>> {
    match values {
        [] => Ok(None),
        [only] if only.is_empty() => Ok(Some(json!([]))),
        values if values.iter().any(String::is_empty) => Err(WrongUsage::because(format!(
            "{flag} \"\" stands for none and cannot be repeated"
        ))),
        _ => Ok(Some(json!(values))),
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Flags {
        #[command(flatten)]
        flags: ClientFlags,
    }

    fn written(before: Value, flags: &[&str]) -> Value {
        let Value::Object(mut body) = before else {
            panic!("not an object")
        };
        let arguments = std::iter::once("client").chain(flags.iter().copied());
        Flags::try_parse_from(arguments)
            .unwrap()
            .flags
            .write(&mut body)
            .unwrap();
        Value::Object(body)
    }

    #[test]
    fn what_is_not_given_is_not_in_the_object() {
        assert_eq!(written(json!({}), &[]), json!({}));
        let before = json!({"oidc_logout": {"backchannel_logout_urls": ["https://a.example/"]}});
        assert_eq!(written(before.clone(), &[]), before);
    }

    #[test]
    fn a_flag_sets_its_member_and_leaves_the_others() {
        let before = json!({"oidc_logout": {
            "backchannel_logout_urls": ["https://a.example/"],
            "delivery": {"wait_ms": 0},
        }});
        let flags = [
            "--initiators",
            "rp-logout,session-revoked",
            "--timeout-ms",
            "900",
        ];
        let wanted = json!({"oidc_logout": {
            "backchannel_logout_urls": ["https://a.example/"],
            "backchannel_logout_initiators":
                {"mode": "custom", "selected_initiators": ["rp-logout", "session-revoked"]},
            "delivery": {"wait_ms": 0, "timeout_ms": 900},
        }});
        assert_eq!(written(before, &flags), wanted);
    }

    #[test]
    fn a_switch_can_be_turned_on_and_off() {
        let include = |value: bool| {
            json!({"oidc_logout":
            {"backchannel_logout_session_metadata": {"include": value}}})
        };
        assert_eq!(
            written(json!({}), &["--include-session-metadata"]),
            include(true)
        );
        assert_eq!(
            written(json!({}), &["--include-session-metadata", "false"]),
            include(false)
        );
    }

    #[test]
    fn encryption_is_set_and_taken_away_as_a_whole() {
        let flags = [
            "--encryption-alg",
            "ECDH-ES",
            "--encryption-enc",
            "A128GCM",
            "--jwks-uri",
            "https://a.example/jwks",
        ];
        let wanted = json!({
            "id_token_encrypted_response_alg": "ECDH-ES",
            "id_token_encrypted_response_enc": "A128GCM",
            "jwks_uri": "https://a.example/jwks",
        });
        assert_eq!(written(json!({}), &flags), wanted);
        let gone = json!({
            "id_token_encrypted_response_alg": null,
            "id_token_encrypted_response_enc": null,
        });
        assert_eq!(written(json!({}), &["--encryption-alg", ""]), gone);
    }

    #[test]
    fn keys_are_read_from_a_file() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("jwks.json");
        std::fs::write(&file, r#"{"keys": []}"#).unwrap();
        let read = written(json!({}), &["--jwks", file.to_str().unwrap()]);
        assert_eq!(read, json!({"jwks": {"keys": []}}));
    }

    #[test]
    fn an_empty_text_empties_a_list() {
        let flags = ["--callback", "", "--management-scopes", ""];
        assert_eq!(
            written(json!({}), &flags),
            json!({"callbacks": [], "management_scopes": []})
        );
        let scopes = written(json!({}), &["--management-scopes", "read:logs  read:users"]);
        assert_eq!(
            scopes,
            json!({"management_scopes": ["read:logs", "read:users"]})
        );
    }
}
