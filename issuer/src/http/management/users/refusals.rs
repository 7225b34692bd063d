//! What callers are told where a user cannot be made or changed as asked.

use crate::http::api_error::{ApiError, Invalid, Place};
use crate::login::account_changes::AccountChangeError;
use crate::login::users::CreateUserError;

impl From<CreateUserError> for ApiError {
    fn from(error: CreateUserError) -> Self {
        let reason = error.to_string();
        match error {
            CreateUserError::Email(_) => property("email", reason),
            CreateUserError::Password(_) => property("password", reason),
            CreateUserError::TooMuchMetadata(name) => property(name, reason),
            CreateUserError::Taken(_) => Self::Conflict("The user already exists."),
            CreateUserError::Storage(error) => error.into(),
        }
    }
}

impl From<AccountChangeError> for ApiError {
    fn from(error: AccountChangeError) -> Self {
        let reason = error.to_string();
        match error {
            AccountChangeError::NotFound(_) => Self::UserNotFound,
            AccountChangeError::Email(_) => property("email", reason),
            AccountChangeError::Password(_) => property("password", reason),
            AccountChangeError::TooMuchMetadata(name) => property(name, reason),
            AccountChangeError::Taken(_) => {
                Self::Conflict("The specified new email already exists")
            }
            AccountChangeError::End(error) => error.into(),
            AccountChangeError::Storage(error) => error.into(),
        }
    }
}

fn property(name: &str, reason: String) -> ApiError {
    Invalid::property(Place::Payload, reason, name, "").into()
}
