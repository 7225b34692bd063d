//! What is searched for, as a tree of conditions on records.
//!
//! The tree knows nothing of any syntax or store: callers make it from what a person typed, each
//! store turns it into its own language. `T` is the test of a single member, which each kind of
//! record defines for itself (`event_log.rs`).

use std::ops::Bound;

/// A condition on a record.
#[derive(Debug, Clone, PartialEq)]
pub enum Condition<T> {
    /// One member is so.
    Test(T),
    /// The condition does not hold; a member that a record lacks is not equal to anything.
    Not(Box<Self>),
    /// All of them hold; without any, every record is meant.
    All(Vec<Self>),
    /// One of them holds; without any, no record is meant.
    Any(Vec<Self>),
}

/// A test of a member that is a text. Upper and lower case differ.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TextTest {
    /// The whole text is this.
    Is(String),
    /// These pieces are the text, in this order, with anything between them.
    Like(Vec<String>),
    /// The text lies between these in the order of its bytes.
    Between(Bound<String>, Bound<String>),
    /// There is one.
    Present,
}

impl<T> Condition<T> {
    /// Every record.
    pub fn everything() -> Self {
        Self::All(Vec::new())
    }

    /// No record.
    pub fn nothing() -> Self {
        Self::Any(Vec::new())
    }

    /// Both hold.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        match (self, other) {
            (Self::All(mut all), Self::All(more)) => {
                all.extend(more);
                Self::All(all)
            }
            (Self::All(mut all), one) | (one, Self::All(mut all)) => {
                all.push(one);
                Self::All(all)
            }
            (one, other) => Self::All(vec![one, other]),
        }
    }

    /// The same tree with something else in the place of each test.
    ///
    /// # Errors
    ///
    /// The first that `replace` gives.
    pub fn replace<U, E>(
        self,
        replace: &mut impl FnMut(T) -> Result<Condition<U>, E>,
    ) -> Result<Condition<U>, E> {
        let mut each = |conditions: Vec<Self>| -> Result<Vec<Condition<U>>, E> {
            let replaced = conditions.into_iter().map(|one| one.replace(replace));
            replaced.collect()
        };
        match self {
            Self::All(all) => each(all).map(Condition::All),
            Self::Any(any) => each(any).map(Condition::Any),
            Self::Not(not) => Ok(Condition::Not(Box::new(not.replace(replace)?))),
            Self::Test(test) => replace(test),
        }
    }
}
