//! CustomResourceDefinitions of add-ons. Must not know what their objects say.

use serde_json::json;

use super::Shop;
use crate::build::object::INSTALLER;
use crate::build::time;
use crate::world::World;

/// A namespaced kind of an add-on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Definition<'a> {
    /// API group.
    pub group: &'a str,
    /// Version that is served and stored.
    pub version: &'a str,
    /// Kind in CamelCase.
    pub kind: &'a str,
    /// Plural as in URLs.
    pub plural: &'a str,
    /// Short names.
    pub short: &'a [&'a str],
}

/// Adds the definition of a kind with a status subresource, as installed months ago.
pub fn define(world: &mut World, shop: &Shop, definition: &Definition<'_>) {
    let Definition {
        group,
        version,
        kind,
        plural,
        short,
    } = *definition;
    let created = time::days_before(shop.now(), 320);
    let name = format!("{plural}.{group}");
    let object = json!({
        "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
        "metadata": shop.stamp.meta("CustomResourceDefinition", "", &name, created),
        "spec": {
            "group": group, "scope": "Namespaced", "conversion": { "strategy": "None" },
            "names": {
                "kind": kind, "listKind": format!("{kind}List"), "plural": plural,
                "singular": kind.to_lowercase(), "shortNames": short
            },
            "versions": [{
                "name": version, "served": true, "storage": true, "subresources": { "status": {} },
                "schema": { "openAPIV3Schema": { "type": "object", "x-kubernetes-preserve-unknown-fields": true } }
            }]
        }
    });
    shop.stamp.put(world, object, INSTALLER, created);
}
