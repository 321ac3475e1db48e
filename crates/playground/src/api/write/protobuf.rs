//! Kubernetes' protobuf encoding of request bodies, as newer kubectl sends the few objects that it makes itself.
//! Turns them into JSON; answers are always JSON. Owns the wire format, knows no resource.

use serde_json::{Map, Value, json};

use crate::api::status::ApiError;
use crate::api::write::protobuf::schema::{Field, Kind, fields_of};

mod schema;

/// The media type.
pub(crate) const MEDIA_TYPE: &str = "application/vnd.kubernetes.protobuf";

/// The four bytes that every body starts with.
const MAGIC: &[u8] = b"k8s\0";

/// One field on the wire.
enum Wire<'a> {
    Number(u64),
    Bytes(&'a [u8]),
}

/// Decodes a body into the JSON form of the object.
pub(crate) fn decode(body: &[u8]) -> Result<Value, ApiError> {
    let unreadable = || ApiError::bad_request("provided data does not appear to be a protobuf message");
    let envelope = body.strip_prefix(MAGIC).ok_or_else(unreadable)?;
    let (mut api_version, mut kind, mut raw) = (String::new(), String::new(), &[][..]);
    for (number, wire) in split(envelope).ok_or_else(unreadable)? {
        match (number, wire) {
            (1, Wire::Bytes(type_meta)) => {
                for (number, wire) in split(type_meta).ok_or_else(unreadable)? {
                    match (number, wire) {
                        (1, Wire::Bytes(text)) => api_version = lossy(text),
                        (2, Wire::Bytes(text)) => kind = lossy(text),
                        _ => {}
                    }
                }
            }
            (2, Wire::Bytes(bytes)) => raw = bytes,
            _ => {}
        }
    }
    let fields = fields_of(&kind).ok_or_else(|| {
        ApiError::bad_request(format!(
            "no kind {kind:?} is registered for protobuf in this server: send JSON"
        ))
    })?;
    let mut object = message(raw, fields)?;
    object.insert("kind".to_owned(), json!(kind));
    object.insert("apiVersion".to_owned(), json!(api_version));
    Ok(Value::Object(object))
}

fn message(bytes: &[u8], fields: &[Field]) -> Result<Map<String, Value>, ApiError> {
    let unreadable = || ApiError::bad_request("unexpected end of a protobuf message");
    let mut object = Map::new();
    for (number, wire) in split(bytes).ok_or_else(unreadable)? {
        let Some(field) = fields.iter().find(|field| field.number == number) else {
            return Err(ApiError::bad_request(format!(
                "protobuf field {number} is not known to this server: send JSON"
            )));
        };
        let value = read(field, &wire)?;
        match field.kind {
            Kind::TextMap | Kind::BytesMap => {
                let slot = object.entry(field.name).or_insert_with(|| json!({}));
                if let (Some(slot), Value::Object(entry)) = (slot.as_object_mut(), value) {
                    slot.extend(entry);
                }
            }
            _ if field.repeated => {
                if let Some(list) = object
                    .entry(field.name)
                    .or_insert_with(|| json!([]))
                    .as_array_mut()
                {
                    list.push(value);
                }
            }
            _ if is_zero(&value, field.kind) => {}
            _ => {
                object.insert(field.name.to_owned(), value);
            }
        }
    }
    Ok(object)
}

/// Values that Go writes although they were never set.
fn is_zero(value: &Value, kind: Kind) -> bool {
    match value {
        Value::Null => true,
        Value::String(text) => text.is_empty(),
        Value::Object(fields) => fields.is_empty(),
        Value::Number(number) => kind == Kind::Plain && number.as_i64() == Some(0),
        Value::Bool(set) => kind == Kind::Plain && !set,
        Value::Array(_) => false,
    }
}

fn read(field: &Field, wire: &Wire<'_>) -> Result<Value, ApiError> {
    Ok(match (field.kind, wire) {
        (Kind::Text, Wire::Bytes(bytes)) => json!(lossy(bytes)),
        (Kind::Number | Kind::Plain, Wire::Number(number)) => json!(number.cast_signed()),
        (Kind::Flag, Wire::Number(number)) => json!(*number != 0),
        (Kind::Message(fields), Wire::Bytes(bytes)) => Value::Object(message(bytes, fields)?),
        (Kind::TextMap, Wire::Bytes(bytes)) => {
            let (key, value) = entry(bytes);
            json!({ key: lossy(&value) })
        }
        (Kind::BytesMap, Wire::Bytes(bytes)) => {
            use base64::Engine;
            let (key, value) = entry(bytes);
            json!({ key: base64::engine::general_purpose::STANDARD.encode(value) })
        }
        _ => Value::Null,
    })
}

/// Key (field 1) and value (field 2) of a map entry.
fn entry(bytes: &[u8]) -> (String, Vec<u8>) {
    let (mut key, mut value) = (String::new(), Vec::new());
    for (number, wire) in split(bytes).unwrap_or_default() {
        match (number, wire) {
            (1, Wire::Bytes(bytes)) => key = lossy(bytes),
            (2, Wire::Bytes(bytes)) => value = bytes.to_vec(),
            _ => {}
        }
    }
    (key, value)
}

/// Splits a message into its fields; `None` when it is cut short.
fn split(mut bytes: &[u8]) -> Option<Vec<(u64, Wire<'_>)>> {
    let mut fields = Vec::new();
    while !bytes.is_empty() {
        let tag = varint(&mut bytes)?;
        let wire = match tag & 7 {
            0 => Wire::Number(varint(&mut bytes)?),
            2 => {
                let length = usize::try_from(varint(&mut bytes)?).ok()?;
                let (inner, rest) = bytes.split_at_checked(length)?;
                bytes = rest;
                Wire::Bytes(inner)
            }
            _ => return None,
        };
        fields.push((tag >> 3, wire));
    }
    Some(fields)
}

fn varint(bytes: &mut &[u8]) -> Option<u64> {
    let mut value = 0_u64;
    for shift in (0..64).step_by(7) {
        let (first, rest) = bytes.split_first()?;
        *bytes = rest;
        value |= u64::from(first & 0x7f) << shift;
        if first & 0x80 == 0 {
            return Some(value);
        }
    }
    None
}

fn lossy(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}
