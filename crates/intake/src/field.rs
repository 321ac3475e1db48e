//! A reader over JSON that knows where it is, so that an error names the exact field. It must not know what the
//! fields mean.

#[cfg(test)]
mod tests;

use domain::Redactor;
use jiff::Timestamp;
use serde_json::{Map, Value};

use crate::error::{PayloadError, Problem};

/// Bytes of an unexpected value that an error repeats.
const FOUND_LIMIT: usize = 60;
/// Characters of a field's name that an error repeats.
const NAME_LIMIT: usize = 60;

/// A value and the path that leads to it.
#[derive(Debug, Clone)]
pub(crate) struct Field<'a> {
    path: String,
    value: &'a Value,
}

impl<'a> Field<'a> {
    /// The whole document.
    pub(crate) fn root(value: &'a Value) -> Self {
        Self {
            path: String::new(),
            value,
        }
    }

    /// A field of an object; an error when it is absent or `null`.
    pub(crate) fn required(&self, name: &str) -> Result<Self, PayloadError> {
        self.optional(name)?.ok_or_else(|| PayloadError::Field {
            path: self.path_of(name),
            problem: Problem::Missing,
        })
    }

    /// A field of an object; `None` when it is absent or `null`.
    pub(crate) fn optional(&self, name: &str) -> Result<Option<Self>, PayloadError> {
        let value = self.object()?.get(name).filter(|value| !value.is_null());
        Ok(value.map(|value| Self {
            path: self.path_of(name),
            value,
        }))
    }

    /// The text of a string.
    pub(crate) fn text(&self) -> Result<&'a str, PayloadError> {
        self.value.as_str().ok_or_else(|| self.wrong_type("a string"))
    }

    /// The text of a string that is not blank.
    pub(crate) fn filled_text(&self) -> Result<&'a str, PayloadError> {
        let text = self.text()?;
        if text.trim().is_empty() {
            return Err(self.error(Problem::Empty));
        }
        Ok(text)
    }

    /// A number of things.
    pub(crate) fn count(&self) -> Result<u64, PayloadError> {
        self.value
            .as_u64()
            .ok_or_else(|| self.wrong_type("a whole number (0 or more)"))
    }

    /// A time of RFC 3339.
    pub(crate) fn time(&self) -> Result<Timestamp, PayloadError> {
        self.text()?.parse().map_err(|_| self.error(Problem::NotATime))
    }

    /// The items of a list, at most `limit`.
    pub(crate) fn items(&self, limit: usize) -> Result<Vec<Self>, PayloadError> {
        let items = self.value.as_array().ok_or_else(|| self.wrong_type("a list"))?;
        self.check_count(items.len(), limit)?;
        let item = |(index, value)| Self {
            path: format!("{}[{index}]", self.path),
            value,
        };
        Ok(items.iter().enumerate().map(item).collect())
    }

    /// The fields of an object with their names, at most `limit`.
    pub(crate) fn entries(&self, limit: usize) -> Result<Vec<(&'a str, Self)>, PayloadError> {
        let object = self.object()?;
        self.check_count(object.len(), limit)?;
        let entry = |(name, value): (&'a String, &'a Value)| {
            let path = self.path_of(name);
            (name.as_str(), Self { path, value })
        };
        Ok(object.iter().map(entry).collect())
    }

    /// An error about this field.
    pub(crate) fn error(&self, problem: Problem) -> PayloadError {
        let path = if self.path.is_empty() {
            "payload"
        } else {
            &self.path
        };
        PayloadError::Field {
            path: path.to_owned(),
            problem,
        }
    }

    /// An error that repeats the value, redacted and shortened.
    pub(crate) fn unexpected(&self, expected: &'static str, redactor: &Redactor) -> PayloadError {
        let found = redactor.redact(&self.value.to_string()).truncated(FOUND_LIMIT);
        self.error(Problem::Unexpected { expected, found })
    }

    fn object(&self) -> Result<&'a Map<String, Value>, PayloadError> {
        self.value.as_object().ok_or_else(|| self.wrong_type("an object"))
    }

    fn check_count(&self, count: usize, limit: usize) -> Result<(), PayloadError> {
        if count > limit {
            return Err(self.error(Problem::TooMany { count, limit }));
        }
        Ok(())
    }

    fn wrong_type(&self, expected: &'static str) -> PayloadError {
        let found = match self.value {
            Value::Null => "null",
            Value::Bool(_) => "a boolean",
            Value::Number(_) => "a number",
            Value::String(_) => "a string",
            Value::Array(_) => "a list",
            Value::Object(_) => "an object",
        };
        self.error(Problem::WrongType { expected, found })
    }

    /// `alerts[0].labels.severity`, or `labels["app.kubernetes.io/name"]` for names that are no plain words.
    fn path_of(&self, name: &str) -> String {
        let plain = !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
        let shown: String = name.chars().take(NAME_LIMIT).collect();
        match (plain, self.path.is_empty()) {
            (true, true) => shown,
            (true, false) => format!("{}.{shown}", self.path),
            (false, _) => format!("{}[{shown:?}]", self.path),
        }
    }
}
