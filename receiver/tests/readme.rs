//! The README's tables against the code: every setting is there, with its default.

use std::fmt::Debug;
use std::time::Duration;

use logout_receiver::replay::MemoryReplayCache;
use logout_receiver::{EndpointSettings, KeySettings, SessionSettings, TokenRules};

const README: &str = include_str!("../README.md");

/// The cells of the table row whose first cell names `setting`.
fn row(setting: &str) -> Vec<&'static str> {
    let name = format!("`{setting}`");
    let line = README.lines().find(|line| {
        let first = line
            .strip_prefix("| ")
            .and_then(|rest| rest.split(" | ").next());
        first.is_some_and(|first| first.contains(&name))
    });
    let line = line.unwrap_or_else(|| panic!("no row for {setting}"));
    line.trim_matches('|').split('|').map(str::trim).collect()
}

/// The fields that a structure shows, and their values.
fn fields(of: &impl Debug) -> Vec<(String, String)> {
    let text = format!("{of:#?}");
    let inside = text.lines().filter_map(|line| line.strip_prefix("    "));
    let fields = inside.filter_map(|line| line.trim_end_matches(',').split_once(": "));
    fields
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect()
}

/// A value as the table writes it.
fn in_words(default: &str, unit: &str) -> String {
    let number = default.replace(' ', "");
    let number = || number.parse::<u64>().expect("a number");
    match unit {
        "days" => format!("{:?}", Duration::from_hours(24 * number())),
        "h" => format!("{:?}", Duration::from_hours(number())),
        "min" => format!("{:?}", Duration::from_mins(number())),
        "s" => format!("{:?}", Duration::from_secs(number())),
        "ms" => format!("{:?}", Duration::from_millis(number())),
        "bytes" => number().to_string(),
        "" => match default {
            "on" => "true".to_owned(),
            "off" => "false".to_owned(),
            "none" => "[]".to_owned(),
            word => word.trim_matches('`').to_owned(),
        },
        other => panic!("unit {other}"),
    }
}

fn compare(structure: &str, default: &impl Debug) {
    let fields = fields(default);
    assert!(!fields.is_empty());
    for (name, value) in fields {
        let row = row(&format!("{structure}::{name}"));
        let told = in_words(row[1], row[2]);
        assert_eq!(
            told.to_lowercase(),
            value.to_lowercase(),
            "{structure}::{name}"
        );
    }
}

#[test]
fn every_setting_is_told_with_its_default_and_unit() {
    compare("TokenRules", &TokenRules::default());
    compare("EndpointSettings", &EndpointSettings::default());
    compare("SessionSettings", &SessionSettings::default());
    compare("KeySettings", &KeySettings::default());
    let entries = row("MemoryReplayCache::with_max_entries")[1].replace(' ', "");
    assert_eq!(entries, MemoryReplayCache::DEFAULT_MAX_ENTRIES.to_string());
}

#[test]
fn every_method_of_the_builder_is_told() {
    let source = include_str!("../src/builder/mod.rs");
    let methods = source
        .lines()
        .filter_map(|line| line.strip_prefix("    pub fn "));
    let names: Vec<&str> = methods
        .filter_map(|rest| rest.split(['(', '<']).next())
        .collect();
    assert!(names.contains(&"hook"));
    for name in names {
        row(name);
    }
}

#[test]
fn every_metric_is_told() {
    let source = include_str!("../src/telemetry.rs");
    let names = source
        .split('"')
        .filter(|word| word.starts_with("logout_receiver_"));
    let mut count = 0;
    for name in names {
        row(name);
        count += 1;
    }
    assert_eq!(count, 7);
}
