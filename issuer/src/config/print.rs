//! What is in force, as TOML that could be a configuration file; secrets are hidden.

use std::fmt::Write as _;

use serde_json::Value;

use super::Config;

impl Config {
    /// The configuration in force: the file, the environment and the defaults together.
    ///
    /// # Panics
    ///
    /// Never: the keys of a configuration are plain.
    pub fn in_force(&self) -> String {
        let mut told = self.clone();
        told.issuer = Some(self.issuer());
        told.egress.danger_allow_http = Some(self.allows_http());
        told.egress.danger_allow_private_addresses = Some(self.allows_private_addresses());
        told.http.rate_limit.enabled = Some(self.limits_rate());
        if let Some(proxy) = &mut told.egress.proxy
            && proxy.password().is_some()
        {
            // It fails only for URLs that cannot have a password.
            let _ = proxy.set_password(Some("hidden"));
        }
        let value = serde_json::to_value(&told).expect("a configuration has plain keys");
        let mut text = String::new();
        table(&mut text, "", &value);
        text
    }
}

/// Writes a table: its own values first, as TOML wants it, then the tables inside.
fn table(text: &mut String, path: &str, value: &Value) {
    let Value::Object(members) = value else {
        return;
    };
    for (key, value) in members {
        if !is_table(value) && !value.is_null() {
            let _ = writeln!(text, "{key} = {}", inline(value));
        }
    }
    for (key, value) in members.iter().filter(|(_, value)| is_table(value)) {
        let path = if path.is_empty() {
            key.clone()
        } else {
            format!("{path}.{key}")
        };
        match value {
            Value::Array(tables) => {
                for inner in tables {
                    let _ = writeln!(text, "\n[[{path}]]");
                    table(text, &path, inner);
                }
            }
            Value::Object(members) => {
                if members.values().any(|value| !is_table(value)) {
                    let _ = writeln!(text, "\n[{path}]");
                }
                table(text, &path, value);
            }
            _ => {}
        }
    }
}

/// Whether a value is written under a heading; sources of secrets and certificates stay in their
/// line.
fn is_table(value: &Value) -> bool {
    match value {
        Value::Object(members) => {
            !(["env", "file", "cert"]
                .iter()
                .any(|key| members.contains_key(*key)))
        }
        Value::Array(items) => items.first().is_some_and(is_table),
        _ => false,
    }
}

/// A value in one line; strings, numbers and lists look the same in JSON and in TOML.
fn inline(value: &Value) -> String {
    match value {
        Value::Object(members) => {
            let members: Vec<String> = members
                .iter()
                .map(|(key, value)| format!("{key} = {}", inline(value)))
                .collect();
            format!("{{ {} }}", members.join(", "))
        }
        Value::Array(items) => {
            let items: Vec<String> = items.iter().map(inline).collect();
            format!("[{}]", items.join(", "))
        }
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use crate::config::load_text;

    #[test]
    fn what_is_printed_reads_back_as_the_same_configuration() {
        let config = load_text(
            "[session]\nlifetime = \"90m\"\n[[bootstrap.clients]]\nid = \"a\"\n\
             secret = { env = \"A\" }\ncallbacks = [\"https://a.example/\"]\n",
        );
        let printed = config.in_force();
        let again = load_text(&printed);
        assert_eq!(again.in_force(), printed);
        assert_eq!(
            (again.session, again.bootstrap),
            (config.session, config.bootstrap)
        );
    }

    #[test]
    fn secrets_are_hidden() {
        let config = load_text(
            "[keys]\nmaster_key = \"hunter2\"\nprevious_master_key = \"hunter2\"\n\
             [[bootstrap.clients]]\nid = \"a\"\nsecret = \"hunter2\"\n\
             [[bootstrap.users]]\nemail = \"a@b.example\"\npassword = \"hunter2\"\n\
             [egress]\nproxy = \"http://proxy:hunter2@proxy.example/\"\n",
        );
        let printed = config.in_force();
        assert_eq!(printed.matches("(hidden)").count(), 4, "{printed}");
        assert!(!printed.contains("hunter2"), "{printed}");
    }
}
