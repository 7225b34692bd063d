//! One property of a body, read as what it must be.
//!
//! A [`Property`] knows its path (`oidc_logout.backchannel_logout_urls[0]`) and says what is
//! wrong with it in Auth0's words, so that each rule of a body is one line where it is needed.

use serde_json::{Map, Value};

use super::body::type_name;
use crate::http::api_error::{ApiError, Invalid, Place};

/// A property of a body that is there.
#[derive(Debug, Clone)]
pub(super) struct Property<'a> {
    path: String,
    value: &'a Value,
    description: &'static str,
}

impl<'a> Property<'a> {
    /// A property of the body itself.
    pub(super) fn new(name: &str, value: &'a Value, description: &'static str) -> Self {
        Self {
            path: name.to_owned(),
            value,
            description,
        }
    }

    /// The same property in a word that its reader knows it by.
    pub(super) fn value(&self) -> &'a Value {
        self.value
    }

    /// The refusal of this property for a reason.
    pub(super) fn refuse(&self, reason: impl Into<String>) -> ApiError {
        Invalid::property(Place::Payload, reason, &*self.path, self.description).into()
    }

    fn wrong_type(&self, wanted: &str) -> ApiError {
        let found = type_name(self.value);
        self.refuse(format!("Expected type {wanted} but found type {found}"))
    }

    /// A text.
    pub(super) fn text(&self) -> Result<&'a str, ApiError> {
        self.value.as_str().ok_or_else(|| self.wrong_type("string"))
    }

    /// A text of `min` to `max` characters.
    pub(super) fn text_of(&self, min: usize, max: usize) -> Result<&'a str, ApiError> {
        let text = self.text()?;
        match text.chars().count() {
            count if count < min => Err(self.refuse(format!(
                "String is too short ({count} chars), minimum {min}"
            ))),
            count if count > max => {
                Err(self.refuse(format!("String is too long ({count} chars), maximum {max}")))
            }
            _ => Ok(text),
        }
    }

    /// One of the texts given.
    pub(super) fn one_of(&self, known: &[&'static str]) -> Result<&'static str, ApiError> {
        let text = self.text()?;
        known
            .iter()
            .copied()
            .find(|one| *one == text)
            .ok_or_else(|| {
                let shown: String = text.chars().take(64).collect();
                self.refuse(format!(
                    "No enum match for: {shown}; known are {}",
                    known.join(", ")
                ))
            })
    }

    /// True or false.
    pub(super) fn boolean(&self) -> Result<bool, ApiError> {
        self.value
            .as_bool()
            .ok_or_else(|| self.wrong_type("boolean"))
    }

    /// A number.
    pub(super) fn number(&self) -> Result<(), ApiError> {
        if self.value.is_number() {
            Ok(())
        } else {
            Err(self.wrong_type("number"))
        }
    }

    /// A whole number from 0 that fits.
    pub(super) fn whole_number(&self) -> Result<u32, ApiError> {
        let Value::Number(number) = self.value else {
            return Err(self.wrong_type("integer"));
        };
        let number = number
            .as_u64()
            .and_then(|number| u32::try_from(number).ok());
        number.ok_or_else(|| self.refuse("Value is not a whole number from 0 to 4294967295"))
    }

    /// The items of an array of at most `max`, each once.
    pub(super) fn items(&self, max: usize) -> Result<Vec<Property<'a>>, ApiError> {
        let items = self
            .value
            .as_array()
            .ok_or_else(|| self.wrong_type("array"))?;
        if items.len() > max {
            let count = items.len();
            return Err(self.refuse(format!("Array is too long ({count}), maximum {max}")));
        }
        for (later, item) in items.iter().enumerate() {
            if let Some(earlier) = items[..later].iter().position(|other| other == item) {
                let reason = format!("Array items are not unique (indexes {earlier} and {later})");
                return Err(self.refuse(reason));
            }
        }
        let item = |(index, value)| Property {
            path: format!("{}[{index}]", self.path),
            value,
            description: self.description,
        };
        Ok(items.iter().enumerate().map(item).collect())
    }

    /// An object with no other members than those known.
    pub(super) fn object_of(&self, known: &[&str]) -> Result<Members<'a>, ApiError> {
        let members = self.object()?;
        for name in members.object.keys() {
            if !known.contains(&name.as_str()) {
                return Err(self.refuse(format!("Additional properties not allowed: {name}")));
            }
        }
        Ok(members)
    }

    /// An object.
    pub(super) fn object(&self) -> Result<Members<'a>, ApiError> {
        let object = self
            .value
            .as_object()
            .ok_or_else(|| self.wrong_type("object"))?;
        Ok(Members {
            path: self.path.clone(),
            object,
        })
    }

    /// Nothing where it is null, else the property.
    pub(super) fn not_null(self) -> Option<Self> {
        if self.value.is_null() {
            None
        } else {
            Some(self)
        }
    }
}

/// The members of an object in a body.
#[derive(Debug, Clone)]
pub(super) struct Members<'a> {
    path: String,
    object: &'a Map<String, Value>,
}

impl<'a> Members<'a> {
    /// The members as they came.
    pub(super) fn as_map(&self) -> &'a Map<String, Value> {
        self.object
    }

    /// A member, if it is there.
    pub(super) fn get(&self, name: &str, description: &'static str) -> Option<Property<'a>> {
        let value = self.object.get(name)?;
        Some(Property {
            path: format!("{}.{name}", self.path),
            value,
            description,
        })
    }
}

/// The refusal of a body without a property that it must have.
pub(super) fn missing(name: &str) -> ApiError {
    Invalid::whole(Place::Payload, format!("Missing required property: {name}")).into()
}

/// The refusal of a body with properties that nobody knows.
pub(super) fn unknown(names: &[&str]) -> ApiError {
    let names = names.join(",");
    Invalid::whole(
        Place::Payload,
        format!("Additional properties not allowed: {names}"),
    )
    .into()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn told<T: std::fmt::Debug>(result: Result<T, ApiError>) -> String {
        result.unwrap_err().to_string()
    }

    #[test]
    fn a_wrong_type_is_told_with_both_types() {
        let value = json!(7);
        let property = Property::new("name", &value, "Name of the client");
        let wanted = "Payload validation error: 'Expected type string but found type number' \
                      on property name (Name of the client).";
        assert_eq!(told(property.text()), wanted);
        assert!(told(property.boolean()).contains("type boolean"));
        assert!(told(property.items(1)).contains("type array"));
        assert!(told(property.object()).contains("type object"));
    }

    #[test]
    fn lengths_hold_at_their_ends_and_count_characters() {
        for (length, good) in [(0, false), (1, true), (3, true), (4, false)] {
            let value = json!("é".repeat(length));
            assert_eq!(
                Property::new("x", &value, "").text_of(1, 3).is_ok(),
                good,
                "{length}"
            );
        }
    }

    #[test]
    fn an_item_that_comes_twice_is_told_with_both_places() {
        let value = json!(["a", "b", "a"]);
        let text = told(Property::new("x", &value, "").items(3));
        assert!(text.contains("'Array items are not unique (indexes 0 and 2)' on property x."));
        assert!(told(Property::new("x", &value, "").items(2)).contains("(3), maximum 2"));
    }

    #[test]
    fn paths_lead_to_the_member_that_is_wrong() {
        let value = json!({"b": [true]});
        let a = Property::new("a", &value, "");
        let items = a
            .object_of(&["b"])
            .unwrap()
            .get("b", "The b")
            .unwrap()
            .items(1)
            .unwrap();
        assert!(told(items[0].text()).ends_with("on property a.b[0] (The b)."));
        assert!(told(a.object_of(&["c"])).contains("Additional properties not allowed: b"));
    }

    #[test]
    fn whole_numbers_are_neither_negative_nor_broken() {
        for (value, good) in [
            (json!(0), true),
            (json!(u32::MAX), true),
            (json!(u64::from(u32::MAX) + 1), false),
            (json!(-1), false),
            (json!(1.5), false),
            (json!("1"), false),
        ] {
            assert_eq!(
                Property::new("x", &value, "").whole_number().is_ok(),
                good,
                "{value}"
            );
        }
    }
}
