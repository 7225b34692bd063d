//! What a command prints: tables and fields for people, objects for programs.
//!
//! Names, addresses and errors come from strangers: control characters are shown as spaces, so
//! that none of them moves the cursor or colours the terminal.

use std::io::{self, Write as _};

use serde_json::Value;

/// One sentence.
pub(super) fn line(text: &str) -> io::Result<()> {
    write(&format!("{}\n", printable(text)))
}

/// Text that is printed as it is.
pub(super) fn text(text: &str) -> io::Result<()> {
    write(text)
}

/// An object of the Management API.
pub(super) fn json(value: &Value) -> io::Result<()> {
    write(&format!("{value:#}\n"))
}

/// Names and values, one a line.
pub(super) fn fields(fields: &[(&str, String)]) -> io::Result<()> {
    let width = fields
        .iter()
        .map(|(name, _)| name.len())
        .max()
        .unwrap_or_default();
    let mut text = String::new();
    for (name, value) in fields {
        let line = format!("{name:width$}  {}", printable(value));
        text.push_str(line.trim_end());
        text.push('\n');
    }
    write(&text)
}

/// Rows under a heading.
pub(super) fn table<const N: usize>(heading: [&str; N], rows: &[[String; N]]) -> io::Result<()> {
    let heading = heading.map(str::to_owned);
    let rows: Vec<[String; N]> = std::iter::once(heading)
        .chain(
            rows.iter()
                .map(|row| row.each_ref().map(|cell| printable(cell))),
        )
        .collect();
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max();
    let widths: Vec<usize> = (0..N)
        .map(|column| width(column).unwrap_or_default())
        .collect();
    let mut text = String::new();
    for row in &rows {
        let cells = row
            .iter()
            .zip(&widths)
            .map(|(cell, width)| format!("{cell:width$}"));
        text.push_str(cells.collect::<Vec<_>>().join("  ").trim_end());
        text.push('\n');
    }
    write(&text)
}

fn write(text: &str) -> io::Result<()> {
    let mut out = io::stdout().lock();
    out.write_all(text.as_bytes())?;
    out.flush()
}

fn printable(text: &str) -> String {
    text.chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .collect()
}

/// `yes` or `no`.
pub(super) fn yes_no(value: bool) -> String {
    if value { "yes" } else { "no" }.to_owned()
}

/// The items with commas between them, or a dash.
pub(super) fn list<T: ToString>(items: impl IntoIterator<Item = T>) -> String {
    let items: Vec<String> = items.into_iter().map(|item| item.to_string()).collect();
    if items.is_empty() {
        "-".to_owned()
    } else {
        items.join(", ")
    }
}

#[cfg(test)]
mod tests {
    use super::printable;

    #[test]
    fn what_strangers_wrote_cannot_move_the_cursor() {
        assert_eq!(printable("kiosk\u{1b}[31m\r\n\u{9b}2J"), "kiosk [31m   2J");
        assert_eq!(printable("Jürgen 東京"), "Jürgen 東京");
    }
}
