//! Holds `config.example.toml` against the defaults: the file is the manual, so each setting
//! stands in it with the value that it has when nothing is written.

use std::collections::BTreeSet;

use serde_json::Value;

use super::{Config, load_text};

const EXAMPLE: &str = include_str!("../../config.example.toml");

#[test]
fn the_settings_in_the_example_are_the_defaults() {
    let example = load_text(EXAMPLE);
    let default = load_text("");
    assert_eq!(example.in_force(), default.in_force());
}

#[test]
fn the_settings_that_are_commented_out_are_right_as_well() {
    let example = load_text(&with_comments_taken_off());
    assert!(!example.bootstrap.clients.is_empty() && !example.bootstrap.users.is_empty());
}

#[test]
fn every_setting_is_in_the_example_with_a_word_of_why() {
    let written = keys_of(
        &serde_json::to_value(load_text(&with_comments_taken_off())).unwrap(),
        false,
    );
    let known = keys_of(&serde_json::to_value(Config::default()).unwrap(), true);
    let missing: Vec<_> = known.difference(&written).collect();
    assert!(
        missing.is_empty(),
        "not in config.example.toml: {missing:?}"
    );
    let mut explained = false;
    for line in EXAMPLE.lines() {
        let setting = line.strip_prefix("# ").unwrap_or(line);
        if is_setting(setting) && !setting.contains(" # ") {
            assert!(explained, "no comment above: {line}");
        }
        explained = line.starts_with('#') && !is_setting(setting);
    }
}

/// The example as it is with each commented setting in force.
fn with_comments_taken_off() -> String {
    let take_off = |line: &str| {
        let setting = line
            .strip_prefix("# ")
            .filter(|line| is_setting(line) || line.starts_with("[["));
        setting.unwrap_or(line).to_owned() + "\n"
    };
    let all: String = EXAMPLE.lines().map(take_off).collect();
    // A certificate goes with an https issuer alone.
    all.replacen("issuer = \"http:", "issuer = \"https:", 1)
}

fn is_setting(line: &str) -> bool {
    let key = line.split_once(" = ").map(|(key, _)| key);
    key.is_some_and(|key| key.bytes().all(|b| b.is_ascii_lowercase() || b == b'_'))
}

/// The keys of all settings; of those that have no value only if asked for.
fn keys_of(value: &Value, with_unset: bool) -> BTreeSet<String> {
    let Value::Object(sections) = value else {
        return BTreeSet::new();
    };
    let mut keys = BTreeSet::new();
    for (section, inner) in sections {
        let Value::Object(members) = inner else {
            continue;
        };
        for (key, value) in members {
            if with_unset || !value.is_null() {
                keys.insert(format!("{section}.{key}"));
            }
            let below = Value::Object([(key.clone(), value.clone())].into_iter().collect());
            let below = keys_of(&below, with_unset);
            keys.extend(below.into_iter().map(|key| format!("{section}.{key}")));
        }
    }
    keys
}
