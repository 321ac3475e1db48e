//! Who may come in: API tokens and the webhooks' secret, compared by hash and in constant time. It must not know
//! what the callers want.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::{HeaderMap, header};
use axum::middleware::Next;
use axum::response::Response;
use base64::prelude::{BASE64_STANDARD, Engine};
use secrecy::ExposeSecret;
use subtle::ConstantTimeEq;
use tracing::Span;

use crate::config::{ServerConfig, sha256};
use crate::error::ApiError;
use crate::routes;
use crate::state::Server;

/// Lets callers with a token through, and notes the token's name in the span.
pub(crate) async fn require_token(
    State(server): State<Arc<Server>>,
    request: Request,
    next: Next,
) -> Result<Response, ApiError> {
    let name = caller(&server.config, request.headers());
    if let Some(name) = name {
        Span::current().record("enduser.id", name);
    } else if !server.config.allow_unauthenticated {
        return Err(ApiError::Unauthorized);
    }
    Ok(next.run(request).await)
}

/// Lets senders with the webhooks' secret through.
pub(crate) async fn require_secret(
    State(server): State<Arc<Server>>,
    request: Request,
    next: Next,
) -> Result<Response, ApiError> {
    if !may_send(&server.config, request.headers()) {
        routes::count_webhook("unauthorized");
        return Err(ApiError::Unauthorized);
    }
    Ok(next.run(request).await)
}

/// Name of the token that the caller shows.
fn caller<'a>(config: &'a ServerConfig, headers: &HeaderMap) -> Option<&'a str> {
    let digest = sha256(bearer(headers)?);
    // All are compared, so that the time does not tell which one it was.
    config.tokens.iter().fold(None, |found, token| {
        if token.matches(&digest) {
            Some(token.name())
        } else {
            found
        }
    })
}

fn may_send(config: &ServerConfig, headers: &HeaderMap) -> bool {
    let Some(secret) = &config.webhook_secret else {
        return config.allow_unauthenticated;
    };
    let shown = bearer(headers).map(str::to_owned).or_else(|| password(headers));
    let Some(shown) = shown else {
        return false;
    };
    // Hashes have one length, so that the time does not tell that of the secret.
    let expected = sha256(secret.expose_secret());
    sha256(&shown).as_slice().ct_eq(expected.as_slice()).into()
}

/// The token of `Authorization: Bearer …`.
fn bearer(headers: &HeaderMap) -> Option<&str> {
    let (scheme, token) = authorization(headers)?;
    scheme.eq_ignore_ascii_case("bearer").then_some(token)
}

/// The password of `Authorization: Basic …`; the user does not matter.
fn password(headers: &HeaderMap) -> Option<String> {
    let (scheme, encoded) = authorization(headers)?;
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let decoded = String::from_utf8(BASE64_STANDARD.decode(encoded).ok()?).ok()?;
    let (_, password) = decoded.split_once(':')?;
    Some(password.to_owned())
}

fn authorization(headers: &HeaderMap) -> Option<(&str, &str)> {
    let text = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    let (scheme, credentials) = text.split_once(' ')?;
    Some((scheme, credentials.trim()))
}
