//! URL paths: which endpoint, group, resource, name and subresource a path means. Knows no semantics.

use http::Method;

use crate::api::call::Call;
use crate::api::resource::{Registry, Resource};
use crate::api::status::ApiError;

/// What a path addresses.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Route {
    /// `/`
    Root,
    /// `/version`
    Version,
    /// `/healthz`, `/livez`, `/readyz` and below.
    Health,
    /// `/api`
    CoreVersions,
    /// `/apis`
    Groups,
    /// `/apis/{group}`
    Group(String),
    /// `/api/v1`, `/apis/{group}/{version}`
    GroupVersion(String, String),
    /// `/openapi/v2`
    OpenApiV2,
    /// `/openapi/v3`
    OpenApiV3,
    /// `/openapi/v3/{path}`
    OpenApiV3Path(String),
    /// Anything below a group and version.
    Resource(Target),
    /// Nothing that the server knows.
    Unknown,
}

/// A path below a group and version, not yet resolved.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Target {
    group: String,
    version: String,
    namespace: String,
    plural: String,
    name: String,
    subresource: String,
}

/// A resource, and which part of it a request addresses.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Endpoint {
    pub(crate) resource: Resource,
    /// `""` for cluster-scoped resources and for all namespaces.
    pub(crate) namespace: String,
    /// `""` for the collection.
    pub(crate) name: String,
    /// `""` for the object itself.
    pub(crate) subresource: String,
}

impl Route {
    /// Reads a path.
    pub(crate) fn parse(path: &str) -> Self {
        let decoded: Vec<String> = path
            .split('/')
            .filter(|part| !part.is_empty())
            .map(decode)
            .collect();
        let parts: Vec<&str> = decoded.iter().map(String::as_str).collect();
        match parts.as_slice() {
            [] => Self::Root,
            ["version"] => Self::Version,
            ["healthz" | "livez" | "readyz", ..] => Self::Health,
            ["api"] => Self::CoreVersions,
            ["apis"] => Self::Groups,
            ["apis", group] => Self::Group((*group).to_owned()),
            ["api", version] => Self::GroupVersion(String::new(), (*version).to_owned()),
            ["apis", group, version] => Self::GroupVersion((*group).to_owned(), (*version).to_owned()),
            ["openapi", "v2"] => Self::OpenApiV2,
            ["openapi", "v3"] => Self::OpenApiV3,
            ["openapi", "v3", rest @ ..] => Self::OpenApiV3Path(rest.join("/")),
            ["api", version, rest @ ..] => Target::parse("", version, rest),
            ["apis", group, version, rest @ ..] => Target::parse(group, version, rest),
            _ => Self::Unknown,
        }
    }
}

impl Target {
    fn parse(group: &str, version: &str, rest: &[&str]) -> Route {
        let (namespace, rest) = match rest {
            // `namespaces/x/status` is a subresource of the namespace, `namespaces/x/pods` is in it.
            ["namespaces", namespace, inner @ ..]
                if !inner.is_empty() && !matches!(inner, ["status" | "finalize"]) =>
            {
                (*namespace, inner)
            }
            _ => ("", rest),
        };
        let [plural, rest @ ..] = rest else {
            return Route::Unknown;
        };
        let (name, subresource) = match rest {
            [] => ("", ""),
            [name] => (*name, ""),
            [name, subresource] => (*name, *subresource),
            _ => return Route::Unknown,
        };
        Route::Resource(Self {
            group: group.to_owned(),
            version: version.to_owned(),
            namespace: namespace.to_owned(),
            plural: (*plural).to_owned(),
            name: name.to_owned(),
            subresource: subresource.to_owned(),
        })
    }

    /// Finds the resource; `None` when not even the group and version are served.
    pub(crate) fn resolve(self, call: &Call, registry: &Registry) -> Result<Option<Endpoint>, ApiError> {
        if !registry.serves(&self.group, &self.version) {
            return Ok(None);
        }
        let resource = registry
            .find(&self.group, &self.version, &self.plural)
            .ok_or_else(ApiError::unknown_resource)?
            .clone();
        let misplaced = !resource.namespaced && !self.namespace.is_empty();
        let homeless = resource.namespaced && self.namespace.is_empty() && !self.name.is_empty();
        let unknown_part = !self.subresource.is_empty() && !resource.has(&self.subresource);
        if misplaced || homeless || unknown_part {
            return Err(ApiError::unknown_resource());
        }
        let endpoint = Endpoint {
            resource,
            namespace: self.namespace,
            name: self.name,
            subresource: self.subresource,
        };
        endpoint.check_method(call)?;
        Ok(Some(endpoint))
    }
}

impl Endpoint {
    /// The RBAC verb of the request.
    pub(crate) fn verb(&self, call: &Call) -> &'static str {
        let collection = self.name.is_empty();
        match call.method {
            Method::POST => "create",
            Method::PUT => "update",
            Method::PATCH => "patch",
            Method::DELETE if collection => "deletecollection",
            Method::DELETE => "delete",
            _ if call.flag("watch") && call.param("watch").is_some() => "watch",
            _ if collection => "list",
            _ => "get",
        }
    }

    fn check_method(&self, call: &Call) -> Result<(), ApiError> {
        let verb = self.verb(call);
        let subresource = self
            .resource
            .subresources
            .iter()
            .find(|part| part.name == self.subresource);
        let known = match subresource {
            Some(part) => part.verbs.contains(&verb),
            None => self.resource.verbs.contains(&verb),
        };
        let placed = match call.method {
            Method::POST => self.name.is_empty() && self.namespace.is_empty() != self.resource.namespaced,
            Method::PUT | Method::PATCH => !self.name.is_empty(),
            Method::GET | Method::DELETE => true,
            _ => false,
        };
        if known && placed {
            Ok(())
        } else {
            Err(ApiError::method_not_allowed())
        }
    }
}

/// Undoes percent-encoding; sequences that are none stay.
fn decode(part: &str) -> String {
    let mut bytes = Vec::with_capacity(part.len());
    let mut rest = part.as_bytes();
    while let [first, tail @ ..] = rest {
        let escaped = match (first, tail) {
            (b'%', [high, low, ..]) => hex::decode([*high, *low])
                .ok()
                .and_then(|byte| byte.first().copied()),
            _ => None,
        };
        bytes.push(escaped.unwrap_or(*first));
        rest = if escaped.is_some() {
            tail.get(2..).unwrap_or_default()
        } else {
            tail
        };
    }
    String::from_utf8_lossy(&bytes).into_owned()
}
