//! A source file as the floors see it: its room, and the paths that it names.
//!
//! Not a parser of Rust: comments and literals are taken out, the rest is cut into words, and a
//! path is a word before `::`. That suffices for `use` trees and for paths written out in code;
//! what a macro builds from pieces escapes. Code under `#[cfg(test)] mod … {` is left out, and so
//! are files that hold only tests.

use std::fs;
use std::path::Path;

/// A name that a file uses from elsewhere.
#[derive(Debug, PartialEq)]
pub(crate) enum Reference {
    /// The first segment after the root of the own crate.
    Ours { name: String, line: usize },
    /// The first segment of a path that does not start in the own crate.
    Foreign { name: String, line: usize },
}

/// A file and its path from the root of the workspace.
pub(crate) struct Source {
    pub(crate) path: String,
    pub(crate) text: String,
}

#[derive(Debug, PartialEq)]
enum Token {
    Word(String),
    PathSeparator,
    Mark(char),
}

impl Source {
    pub(crate) fn new(path: &str, text: &str) -> Self {
        Self {
            path: path.to_owned(),
            text: text.to_owned(),
        }
    }

    pub(crate) fn read(path: &Path) -> Self {
        let text = fs::read_to_string(path).expect("a source file is readable");
        let path = path.to_string_lossy();
        let relative = path
            .rsplit_once("/../")
            .map_or(&*path, |(_, relative)| relative);
        Self::new(relative, &text)
    }

    /// The room: the first name under `src`; none for the crate's root.
    pub(crate) fn room(&self) -> Option<String> {
        self.module()
            .into_iter()
            .next()
            .filter(|room| room != "lib")
    }

    /// The text of a line, counted from one.
    pub(crate) fn line(&self, number: usize) -> &str {
        self.text.lines().nth(number - 1).unwrap_or_default().trim()
    }

    /// How long the file is up to its unit tests.
    pub(crate) fn lines_without_tests(&self) -> usize {
        if self.holds_only_tests() {
            0
        } else {
            self.code().lines().count()
        }
    }

    /// Everything the file names from elsewhere.
    pub(crate) fn references(&self) -> Vec<Reference> {
        if self.holds_only_tests() {
            return Vec::new();
        }
        let tokens = tokens(self.code());
        let depth = self.module().len();
        let mut found = Vec::new();
        for (at, (token, line)) in tokens.iter().enumerate() {
            let Token::Word(word) = token else { continue };
            if at > 0 && matches!(tokens[at - 1].0, Token::PathSeparator | Token::Mark('.')) {
                continue;
            }
            if tokens.get(at + 1).map(|next| &next.0) != Some(&Token::PathSeparator) {
                continue;
            }
            match word.as_str() {
                "crate" | "logout_issuer" if word == "crate" || self.path.ends_with("main.rs") => {
                    names_after(&tokens, at + 2, &mut found);
                }
                "super" => {
                    let mut next = at + 2;
                    let mut climbed = 1;
                    while tokens
                        .get(next)
                        .is_some_and(|(token, _)| *token == Token::Word("super".into()))
                    {
                        climbed += 1;
                        next += 2;
                    }
                    if climbed == depth {
                        names_after(&tokens, next, &mut found);
                    }
                }
                "self" | "Self" => {}
                foreign => found.push(Reference::Foreign {
                    name: foreign.to_owned(),
                    line: *line,
                }),
            }
        }
        found
    }

    /// What a crate's root exports under another name than its room: `(name, room)`.
    pub(crate) fn exports(&self) -> Vec<(String, String)> {
        let mut exports = Vec::new();
        for statement in self.code().split(';') {
            let Some((_, tree)) = statement.split_once("pub use ") else {
                continue;
            };
            let Some((room, names)) = tree.trim_start_matches("crate::").split_once("::") else {
                continue;
            };
            for name in names.split(|mark: char| !(mark.is_alphanumeric() || mark == '_')) {
                exports.push((name.to_owned(), room.trim().to_owned()));
            }
        }
        exports
    }

    /// The module path of the file within its crate.
    fn module(&self) -> Vec<String> {
        let inside = self
            .path
            .split_once("/src/")
            .map_or(self.path.as_str(), |(_, inside)| inside);
        let mut names: Vec<String> = inside
            .trim_end_matches(".rs")
            .split('/')
            .map(str::to_owned)
            .collect();
        if names.last().is_some_and(|name| name == "mod") {
            names.pop();
        }
        names
    }

    fn holds_only_tests(&self) -> bool {
        self.module()
            .iter()
            .any(|name| name == "tests" || name.ends_with("_tests"))
    }

    /// The text before the first inline test module.
    fn code(&self) -> &str {
        let mut from = 0;
        while let Some(found) = self.text[from..].find("#[cfg(test)]\n") {
            let start = from + found;
            let next = self.text[start..]
                .lines()
                .find(|line| !line.starts_with("#["));
            if next.is_some_and(|line| line.starts_with("mod ") && line.ends_with('{')) {
                return &self.text[..start];
            }
            from = start + 1;
        }
        &self.text
    }
}

/// The names that follow a path's root: one, or each first name in a group.
fn names_after(tokens: &[(Token, usize)], at: usize, found: &mut Vec<Reference>) {
    match tokens.get(at) {
        Some((Token::Word(name), line)) => {
            found.push(Reference::Ours {
                name: name.clone(),
                line: *line,
            });
        }
        Some((Token::Mark('{'), _)) => {
            let mut depth = 0;
            let mut first = false;
            for (token, line) in &tokens[at..] {
                match token {
                    Token::Mark('{') => {
                        depth += 1;
                        first = depth == 1;
                    }
                    Token::Mark('}') => depth -= 1,
                    Token::Mark(',') => first = depth == 1,
                    Token::Word(name) if first => {
                        found.push(Reference::Ours {
                            name: name.clone(),
                            line: *line,
                        });
                        first = false;
                    }
                    _ => {}
                }
                if depth == 0 {
                    return;
                }
            }
        }
        _ => {}
    }
}

/// The words and marks of a text with their lines; comments and literals are gone.
fn tokens(text: &str) -> Vec<(Token, usize)> {
    let mut tokens = Vec::new();
    let mut line = 1;
    let mut rest = text;
    while let Some(mark) = rest.chars().next() {
        let length = literal_or_comment(rest);
        if length > 0 {
            line += rest[..length].matches('\n').count();
            rest = &rest[length..];
            continue;
        }
        let word = rest
            .find(|mark: char| !(mark.is_alphanumeric() || mark == '_'))
            .unwrap_or(rest.len());
        let length = if word > 0 {
            tokens.push((Token::Word(rest[..word].to_owned()), line));
            word
        } else if rest.starts_with("::") {
            tokens.push((Token::PathSeparator, line));
            2
        } else {
            line += usize::from(mark == '\n');
            if !mark.is_whitespace() {
                tokens.push((Token::Mark(mark), line));
            }
            mark.len_utf8()
        };
        rest = &rest[length..];
    }
    tokens
}

/// How long the comment or literal is that the text begins with; 0 if it begins with neither.
fn literal_or_comment(text: &str) -> usize {
    let until = |pattern: &str, from: usize| {
        text[from..]
            .find(pattern)
            .map_or(text.len(), |at| from + at + pattern.len())
    };
    if text.starts_with("//") {
        return text.find('\n').unwrap_or(text.len());
    }
    if text.starts_with("/*") {
        return until("*/", 2);
    }
    for prefix in ["r", "br"] {
        if let Some(raw) = text.strip_prefix(prefix) {
            let hashes = raw.len() - raw.trim_start_matches('#').len();
            if raw[hashes..].starts_with('"') {
                return until(
                    &format!("\"{}", "#".repeat(hashes)),
                    prefix.len() + hashes + 1,
                );
            }
        }
    }
    for (prefix, quote) in [("\"", '"'), ("b\"", '"'), ("'", '\''), ("b'", '\'')] {
        let Some(body) = text.strip_prefix(prefix) else {
            continue;
        };
        // `'a` is a lifetime unless the quote closes behind one character or an escape.
        if quote == '\'' && !body.starts_with('\\') && body.chars().nth(1) != Some('\'') {
            continue;
        }
        let mut escaped = false;
        for (at, mark) in body.char_indices() {
            if mark == quote && !escaped {
                return prefix.len() + at + 1;
            }
            escaped = mark == '\\' && !escaped;
        }
        return text.len();
    }
    0
}
