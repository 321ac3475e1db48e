//! Label selectors, equality-based and set-based, as `k8s.io/apimachinery/pkg/labels` reads them.

use std::iter::Peekable;
use std::vec::IntoIter;

use serde_json::Value;

use crate::api::status::ApiError;

/// All requirements must hold.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct LabelSelector {
    requirements: Vec<Requirement>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Requirement {
    key: String,
    operator: Operator,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Operator {
    Exists,
    Absent,
    In(Vec<String>),
    NotIn(Vec<String>),
    Greater(i64),
    Less(i64),
}

impl LabelSelector {
    /// Reads the text of a `labelSelector` parameter.
    pub(crate) fn parse(text: &str) -> Result<Self, ApiError> {
        let failed = |reason: String| ApiError::bad_request(format!("unable to parse requirement: {reason}"));
        let mut tokens = tokenize(text).into_iter().peekable();
        let mut requirements = Vec::new();
        while tokens.peek().is_some() {
            requirements.push(requirement(&mut tokens).map_err(failed)?);
            match tokens.next().as_deref() {
                None => break,
                Some(",") if tokens.peek().is_some() => {}
                Some(",") => return Err(failed("found '', expected: identifier after ','".to_owned())),
                Some(other) => {
                    return Err(failed(format!(
                        "found '{other}', expected: ',' or 'end of string'"
                    )));
                }
            }
        }
        Ok(Self { requirements })
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.requirements.is_empty()
    }

    /// Whether labels (a JSON map, or none at all) meet every requirement.
    pub(crate) fn matches(&self, labels: Option<&Value>) -> bool {
        self.requirements.iter().all(|requirement| {
            let value = labels
                .and_then(|labels| labels.get(&requirement.key))
                .and_then(Value::as_str);
            requirement.operator.accepts(value)
        })
    }
}

impl Operator {
    fn accepts(&self, value: Option<&str>) -> bool {
        let listed = |values: &[String]| value.is_some_and(|value| values.iter().any(|item| item == value));
        let number = || value.and_then(|value| value.parse::<i64>().ok());
        match self {
            Self::Exists => value.is_some(),
            Self::Absent => value.is_none(),
            Self::In(values) => listed(values),
            Self::NotIn(values) => !listed(values),
            Self::Greater(bound) => number().is_some_and(|number| number > *bound),
            Self::Less(bound) => number().is_some_and(|number| number < *bound),
        }
    }
}

type Tokens = Peekable<IntoIter<String>>;

fn requirement(tokens: &mut Tokens) -> Result<Requirement, String> {
    if tokens.peek().is_some_and(|token| token == "!") {
        tokens.next();
        return Ok(Requirement {
            key: word(tokens)?,
            operator: Operator::Absent,
        });
    }
    let key = word(tokens)?;
    let operator = match tokens.peek().map(String::as_str) {
        None | Some(",") => {
            return Ok(Requirement {
                key,
                operator: Operator::Exists,
            });
        }
        Some(_) => tokens.next().unwrap_or_default(),
    };
    let operator = match operator.as_str() {
        "=" | "==" => Operator::In(vec![exact(tokens)?]),
        "!=" => Operator::NotIn(vec![exact(tokens)?]),
        "in" => Operator::In(set(tokens)?),
        "notin" => Operator::NotIn(set(tokens)?),
        ">" => Operator::Greater(bound(tokens)?),
        "<" => Operator::Less(bound(tokens)?),
        other => return Err(format!("found '{other}', expected: in, notin, =, ==, !=, gt, lt")),
    };
    Ok(Requirement { key, operator })
}

fn word(tokens: &mut Tokens) -> Result<String, String> {
    match tokens.next() {
        Some(token) if !is_symbol(&token) => Ok(token),
        other => Err(format!(
            "found '{}', expected: identifier",
            other.unwrap_or_default()
        )),
    }
}

/// The value after an equality; it may be empty.
fn exact(tokens: &mut Tokens) -> Result<String, String> {
    match tokens.peek().map(String::as_str) {
        None | Some(",") => Ok(String::new()),
        Some(_) => word(tokens),
    }
}

fn bound(tokens: &mut Tokens) -> Result<i64, String> {
    let value = word(tokens)?;
    value
        .parse()
        .map_err(|_| format!("for 'Gt', 'Lt' operators, the value must be an integer: {value}"))
}

fn set(tokens: &mut Tokens) -> Result<Vec<String>, String> {
    let opening = tokens.next().unwrap_or_default();
    if opening != "(" {
        return Err(format!("found '{opening}' expected: '('"));
    }
    let mut values = Vec::new();
    loop {
        match tokens.next().as_deref() {
            Some(")") => return Ok(values),
            Some(",") => {}
            Some(value) if !is_symbol(value) => values.push(value.to_owned()),
            other => {
                return Err(format!(
                    "found '{}', expected: ',', ')' or identifier",
                    other.unwrap_or_default()
                ));
            }
        }
    }
}

fn is_symbol(token: &str) -> bool {
    matches!(token, "!" | "," | "(" | ")" | "=" | "==" | "!=" | "<" | ">")
}

fn tokenize(text: &str) -> Vec<String> {
    let mut tokens: Vec<String> = Vec::new();
    let mut fresh = true;
    for character in text.chars() {
        let symbol = "!,()=<>".contains(character);
        match tokens.last_mut() {
            Some(last) if character == '=' && (last == "=" || last == "!") && !fresh => last.push('='),
            Some(last) if !symbol && !character.is_whitespace() && !fresh && !is_symbol(last) => {
                last.push(character);
            }
            _ if character.is_whitespace() => {}
            _ => tokens.push(character.to_string()),
        }
        fresh = character.is_whitespace();
    }
    tokens
}
