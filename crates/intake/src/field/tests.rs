use serde_json::json;

use super::*;

fn message<T: std::fmt::Debug>(result: Result<T, PayloadError>) -> String {
    result.unwrap_err().to_string()
}

#[test]
fn errors_name_the_path_from_the_root() {
    let value = json!({"a": [{"b": {"c d": 1}}]});
    let root = Field::root(&value);
    let item = root.required("a").unwrap().items(9).unwrap().remove(0);
    let b = item.required("b").unwrap();
    assert_eq!(message(b.required("x")), "a[0].b.x: is missing");
    assert_eq!(
        message(b.required("c d").unwrap().text()),
        r#"a[0].b["c d"]: expected a string, found a number"#
    );
    assert_eq!(
        message(root.text()),
        "payload: expected a string, found an object"
    );
}

#[test]
fn null_is_as_good_as_absent() {
    let value = json!({"a": null});
    let root = Field::root(&value);
    assert!(root.optional("a").unwrap().is_none());
    assert_eq!(message(root.required("a")), "a: is missing");
}

#[test]
fn lists_and_objects_are_limited() {
    let value = json!({"list": [1, 2, 3], "object": {"a": 1, "b": 2}});
    let root = Field::root(&value);
    assert_eq!(
        message(root.required("list").unwrap().items(2)),
        "list: has 3 entries, at most 2 are accepted"
    );
    assert_eq!(
        message(root.required("object").unwrap().entries(1)),
        "object: has 2 entries, at most 1 are accepted"
    );
    assert_eq!(root.required("list").unwrap().items(3).unwrap().len(), 3);
}

#[test]
fn long_names_and_values_are_shortened_in_errors() {
    let name = "x".repeat(500);
    let value = json!({name.clone(): "y".repeat(500)});
    let field = Field::root(&value).required(&name).unwrap();
    let redactor = Redactor::from_passphrase("test");
    assert!(field.unexpected("something", &redactor).to_string().len() < 200);
}

#[test]
fn unexpected_values_are_redacted() {
    let value = json!({"version": "AKIAIOSFODNN7EXAMPLE"});
    let field = Field::root(&value).required("version").unwrap();
    let error = field
        .unexpected("\"4\"", &Redactor::from_passphrase("test"))
        .to_string();
    assert!(error.starts_with("version: expected \"4\", found "), "{error}");
    assert!(!error.contains("AKIA"), "{error}");
}
