//! Reads a query from left to right, one method for each kind of thing in it.

use std::ops::Bound;

use super::{MAX_DEPTH, MAX_TERMS, MAX_WILDCARDS, SearchSyntaxError, Term};
use crate::storage::search::{Condition, TextTest};

pub(super) struct Parser {
    characters: Vec<char>,
    at: usize,
    depth: usize,
    terms: usize,
}

/// How a clause stands to those beside it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Sign {
    None,
    Required,
    Excluded,
}

/// A word: the pieces between its wildcards.
struct Word {
    pieces: Vec<String>,
}

type Parsed<T> = Result<T, SearchSyntaxError>;

impl Parser {
    pub(super) fn new(query: &str) -> Self {
        Self {
            characters: query.chars().collect(),
            at: 0,
            depth: 0,
            terms: 0,
        }
    }

    pub(super) fn parse(mut self) -> Parsed<Condition<Term>> {
        let condition = self.clauses(None)?;
        match self.peek() {
            None => Ok(condition),
            Some(c) => Err(SearchSyntaxError::Unexpected(c, self.place())),
        }
    }

    /// Clauses side by side or with `OR` between them, up to the end or a closing parenthesis.
    fn clauses(&mut self, field: Option<&str>) -> Parsed<Condition<Term>> {
        let mut any = Vec::new();
        let mut all = Vec::new();
        let mut after_or = false;
        loop {
            self.skip_blanks();
            if matches!(self.peek(), None | Some(')')) {
                if after_or {
                    return Err(self.missing("a term"));
                }
                break;
            }
            let (sign, clause) = self.conjunction(field)?;
            let before_or = self.take_operator(&["OR", "||"]);
            match sign {
                // Beside an `OR` it is an alternative like any other.
                Sign::Excluded if after_or || before_or => any.push(not(clause)),
                Sign::Excluded => all.push(not(clause)),
                Sign::Required if !(after_or || before_or) => all.push(clause),
                Sign::Required | Sign::None => any.push(clause),
            }
            after_or = before_or;
        }
        let has_required = all.iter().any(|one| !matches!(one, Condition::Not(_)));
        if !any.is_empty() && !has_required {
            let any = if any.len() == 1 {
                any.remove(0)
            } else {
                Condition::Any(any)
            };
            all.insert(0, any);
        }
        Ok(if all.len() == 1 {
            all.remove(0)
        } else {
            Condition::All(all)
        })
    }

    /// Clauses with `AND` between them; a single one with its sign.
    fn conjunction(&mut self, field: Option<&str>) -> Parsed<(Sign, Condition<Term>)> {
        let (sign, first) = self.signed(field)?;
        let mut all = vec![(sign, first)];
        while self.take_operator(&["AND", "&&"]) {
            all.push(self.signed(field)?);
        }
        if all.len() == 1 {
            return Ok(all.remove(0));
        }
        let all = all.into_iter().map(|(sign, clause)| match sign {
            Sign::Excluded => not(clause),
            Sign::Required | Sign::None => clause,
        });
        Ok((Sign::None, Condition::All(all.collect())))
    }

    fn signed(&mut self, field: Option<&str>) -> Parsed<(Sign, Condition<Term>)> {
        let mut sign = Sign::None;
        loop {
            self.skip_blanks();
            let binds = self
                .characters
                .get(self.at + 1)
                .is_some_and(|c| !c.is_whitespace());
            if self.take_operator(&["NOT"]) || (binds && self.take_any(&['-', '!'])) {
                sign = match sign {
                    Sign::Excluded => Sign::Required,
                    Sign::None | Sign::Required => Sign::Excluded,
                };
            } else if binds && self.take_any(&['+']) {
                sign = match sign {
                    Sign::None => Sign::Required,
                    sign => sign,
                };
            } else {
                return Ok((sign, self.clause(field)?));
            }
        }
    }

    /// A term, or clauses in parentheses.
    fn clause(&mut self, field: Option<&str>) -> Parsed<Condition<Term>> {
        self.skip_blanks();
        match self.peek() {
            None | Some(')') => Err(self.missing("a term")),
            Some('(') => self.parentheses(field),
            Some('"') => {
                let text = self.quoted()?;
                self.term(field, TextTest::Is(text))
            }
            Some('[' | '{') if field.is_some() => {
                let range = self.range()?;
                self.term(field, range)
            }
            Some(c @ ('[' | '{')) => Err(SearchSyntaxError::Unexpected(c, self.place())),
            Some(_) if self.is_operator() => Err(self.missing("a term")),
            Some(_) => self.word_or_field(field),
        }
    }

    fn parentheses(&mut self, field: Option<&str>) -> Parsed<Condition<Term>> {
        self.at += 1;
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err(SearchSyntaxError::TooDeep);
        }
        self.skip_blanks();
        if self.peek() == Some(')') {
            return Err(self.missing("a term"));
        }
        let condition = self.clauses(field)?;
        if !self.take_any(&[')']) {
            return Err(self.missing("a closing parenthesis"));
        }
        self.depth -= 1;
        Ok(condition)
    }

    fn word_or_field(&mut self, field: Option<&str>) -> Parsed<Condition<Term>> {
        let name = if field.is_none() { self.field() } else { None };
        match name {
            Some(name) if name == "*" => {
                if self.take_any(&['*']) {
                    Ok(Condition::everything())
                } else {
                    Err(self.missing("*"))
                }
            }
            Some(name) => self.clause(Some(&name)),
            None => {
                let test = self.word()?.test();
                if field.is_none() && test == TextTest::Present {
                    return Ok(Condition::everything());
                }
                self.term(field, test)
            }
        }
    }

    /// A name and its colon, if that is what comes next.
    fn field(&mut self) -> Option<String> {
        let rest = self.characters.get(self.at..)?;
        let is_name = |c: &char| c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '-');
        let length = match rest.first()? {
            '*' => 1,
            _ => rest.iter().take_while(|c| is_name(c)).count(),
        };
        if length == 0 || rest.get(length) != Some(&':') {
            return None;
        }
        let name = rest.iter().take(length).collect();
        self.at += length + 1;
        Some(name)
    }

    fn term(&mut self, field: Option<&str>, test: TextTest) -> Parsed<Condition<Term>> {
        self.terms += 1;
        if self.terms > MAX_TERMS {
            return Err(SearchSyntaxError::TooManyTerms);
        }
        let field = field.map(str::to_owned);
        Ok(Condition::Test(Term { field, test }))
    }

    fn word(&mut self) -> Parsed<Word> {
        let ends = |c: char| c.is_whitespace() || matches!(c, '(' | ')' | '"');
        self.pieces(&ends)
    }

    /// What stands before one of the characters that end it, cut at its wildcards.
    fn pieces(&mut self, ends: &dyn Fn(char) -> bool) -> Parsed<Word> {
        let mut pieces = vec![String::new()];
        while let Some(c) = self.peek().filter(|c| !ends(*c)) {
            let place = self.place();
            self.at += 1;
            let c = match c {
                '\\' => self.next().ok_or_else(|| self.missing("a character"))?,
                '*' => {
                    if pieces.len() > MAX_WILDCARDS {
                        return Err(SearchSyntaxError::TooManyWildcards(place));
                    }
                    // Two in a row are one.
                    if pieces.len() == 1 || pieces.last().is_some_and(|it| !it.is_empty()) {
                        pieces.push(String::new());
                    }
                    continue;
                }
                '?' | '~' | '^' => return Err(SearchSyntaxError::Unsupported(c, place)),
                c => c,
            };
            if let Some(last) = pieces.last_mut() {
                last.push(c);
            }
        }
        Ok(Word { pieces })
    }

    fn quoted(&mut self) -> Parsed<String> {
        self.at += 1;
        let mut text = String::new();
        loop {
            match self.next() {
                None => return Err(self.missing("a closing quotation mark")),
                Some('"') => return Ok(text),
                Some('\\') => text.extend(self.next()),
                Some(c) => text.push(c),
            }
        }
    }

    /// `[from TO to]`, with `{` and `}` for ends that are not in it.
    fn range(&mut self) -> Parsed<TextTest> {
        let from_is_in = self.next() == Some('[');
        let from = self.bound(from_is_in)?;
        self.skip_blanks();
        if !self.take_operator(&["TO"]) {
            return Err(self.missing("TO"));
        }
        let to = self.end()?;
        self.skip_blanks();
        let to_is_in = match self.next() {
            Some(']') => true,
            Some('}') => false,
            _ => {
                self.at = self.at.min(self.characters.len());
                return Err(self.missing("the end of the range"));
            }
        };
        Ok(TextTest::Between(from, bound(to, to_is_in)))
    }

    fn bound(&mut self, is_in: bool) -> Parsed<Bound<String>> {
        Ok(bound(self.end()?, is_in))
    }

    /// One end of a range; `None` for `*`.
    fn end(&mut self) -> Parsed<Option<String>> {
        self.skip_blanks();
        if self.peek() == Some('"') {
            return self.quoted().map(Some);
        }
        let place = self.place();
        let mut word = self.pieces(&|c| c.is_whitespace() || matches!(c, ']' | '}'))?;
        match (word.pieces.len(), word.pieces.pop()) {
            (1, Some(text)) if !text.is_empty() => Ok(Some(text)),
            (1, _) => Err(self.missing("an end of the range")),
            _ if word.test() == TextTest::Is(String::new()) => Ok(None),
            _ => Err(SearchSyntaxError::Unsupported('*', place)),
        }
    }

    fn take_operator(&mut self, names: &[&str]) -> bool {
        self.skip_blanks();
        let taken = names.iter().find(|name| self.is_at(name));
        self.at += taken.map_or(0, |name| name.len());
        taken.is_some()
    }

    fn is_operator(&self) -> bool {
        ["AND", "OR", "NOT", "&&", "||"]
            .iter()
            .any(|name| self.is_at(name))
    }

    /// Whether an operator is next: a word by itself, or a sign.
    fn is_at(&self, name: &str) -> bool {
        let mut rest = self.characters.iter().skip(self.at);
        let is_word = name.starts_with(|c: char| c.is_ascii_alphabetic());
        let ends = |c: &char| c.is_whitespace() || matches!(c, '(' | ')' | '"' | '[' | '{');
        name.chars().all(|c| rest.next() == Some(&c)) && (!is_word || rest.next().is_none_or(ends))
    }

    fn take_any(&mut self, characters: &[char]) -> bool {
        let taken = self.peek().is_some_and(|c| characters.contains(&c));
        self.at += usize::from(taken);
        taken
    }

    fn skip_blanks(&mut self) {
        while self.peek().is_some_and(char::is_whitespace) {
            self.at += 1;
        }
    }

    fn peek(&self) -> Option<char> {
        self.characters.get(self.at).copied()
    }

    fn next(&mut self) -> Option<char> {
        let next = self.peek();
        self.at += 1;
        next
    }

    fn place(&self) -> usize {
        self.at.min(self.characters.len()) + 1
    }

    fn missing(&self, what: &'static str) -> SearchSyntaxError {
        SearchSyntaxError::Missing(what, self.place())
    }
}

impl Word {
    fn test(mut self) -> TextTest {
        match self.pieces.len() {
            0 | 1 => TextTest::Is(self.pieces.pop().unwrap_or_default()),
            _ if self.pieces.iter().all(String::is_empty) => TextTest::Present,
            _ => TextTest::Like(self.pieces),
        }
    }
}

fn not(condition: Condition<Term>) -> Condition<Term> {
    Condition::Not(Box::new(condition))
}

fn bound(end: Option<String>, is_in: bool) -> Bound<String> {
    match end {
        None => Bound::Unbounded,
        Some(end) if is_in => Bound::Included(end),
        Some(end) => Bound::Excluded(end),
    }
}
