//! The scopes of the Management API: what a client may be allowed to do there.
//!
//! A client is granted scopes by its registration ([`Client::management_scopes`]), asks for some
//! of them at the token endpoint, and each endpoint of the API requires those it names. Only
//! names in [`ALL`] can be granted, so that a misspelt grant is refused when it is made.
//!
//! [`Client::management_scopes`]: super::client::Client::management_scopes

/// Every scope, in alphabetical order.
pub const ALL: [&str; 36] = [
    "create:actions",
    "create:client_grants",
    "create:clients",
    "create:signing_keys",
    "create:users",
    "delete:actions",
    "delete:client_grants",
    "delete:clients",
    "delete:refresh_tokens",
    "delete:sessions",
    "delete:users",
    "read:actions",
    "read:client_credentials",
    "read:client_grants",
    "read:client_keys",
    "read:client_summary",
    "read:clients",
    "read:connections",
    "read:logout_deliveries",
    "read:logs",
    "read:logs_users",
    "read:resource_servers",
    "read:sessions",
    "read:signing_keys",
    "read:stats",
    "read:tenant_settings",
    "read:users",
    "update:actions",
    "update:client_grants",
    "update:client_keys",
    "update:clients",
    "update:logout_deliveries",
    "update:sessions",
    "update:signing_keys",
    "update:tenant_settings",
    "update:users",
];

/// Stands for [`ALL`] where scopes are granted; it is written out when it is stored.
pub const EVERYTHING: &str = "all";

/// A scope that does not exist.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("unknown scope \"{0}\"; known are {list} and \"{EVERYTHING}\"", list = ALL.join(", "))]
pub struct UnknownScope(pub String);

/// The name under which a scope is stored and compared.
///
/// `update:session` is `update:sessions`: both spellings are in the documentation that callers
/// were written against.
pub fn canonical(scope: &str) -> &str {
    match scope {
        "update:session" => "update:sessions",
        scope => scope,
    }
}

/// Reads the scopes that are to be granted: checked, without duplicates, `all` written out.
///
/// # Errors
///
/// [`UnknownScope`] names the first that does not exist.
///
/// # Examples
///
/// ```
/// use logout_issuer::domain::management_scope::{ALL, granted};
///
/// assert_eq!(granted(["read:logs", "update:session"])?, ["read:logs", "update:sessions"]);
/// assert_eq!(granted(["all"])?.len(), ALL.len());
/// assert!(granted(["read:log"]).is_err());
/// # Ok::<(), logout_issuer::domain::management_scope::UnknownScope>(())
/// ```
pub fn granted<'a>(names: impl IntoIterator<Item = &'a str>) -> Result<Vec<String>, UnknownScope> {
    let mut scopes: Vec<String> = Vec::new();
    for name in names {
        let name = canonical(name);
        let these: &[&str] = if name == EVERYTHING {
            &ALL
        } else {
            let known = ALL.iter().position(|known| *known == name);
            let at = known.ok_or_else(|| UnknownScope(name.chars().take(64).collect()))?;
            &ALL[at..=at]
        };
        for scope in these {
            if !scopes.iter().any(|granted| granted == scope) {
                scopes.push((*scope).to_owned());
            }
        }
    }
    Ok(scopes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_is_in_order_and_has_no_duplicates() {
        assert!(ALL.is_sorted_by(|a, b| a < b));
    }

    #[test]
    fn everything_and_one_of_them_is_everything() {
        assert_eq!(
            granted(["read:logs", "all", "read:logs"]).unwrap().len(),
            ALL.len()
        );
    }

    #[test]
    fn an_unknown_scope_is_named() {
        let error = granted(["read:sessions", "read:*"]).unwrap_err();
        assert_eq!(error, UnknownScope("read:*".into()));
        assert!(error.to_string().contains("read:signing_keys"));
    }
}
