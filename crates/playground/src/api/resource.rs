//! The resource registry: which kinds the server knows, under which names, with which verbs. Built-in kinds come
//! from a table, the others from the world's CRDs and objects. Knows no HTTP.

use serde_json::Value;

use crate::api::resource::builtin::BUILT_IN;
use crate::build::json::{items, text};
use crate::world::{ObjectKey, World};

pub(crate) mod builtin;

/// Verbs of a resource that can be read and written.
const ALL_VERBS: [&str; 8] = [
    "create",
    "delete",
    "deletecollection",
    "get",
    "list",
    "patch",
    "update",
    "watch",
];

/// One kind in one version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Resource {
    /// API group, `""` for core.
    pub(crate) group: String,
    pub(crate) version: String,
    pub(crate) kind: String,
    /// Name in the URL.
    pub(crate) plural: String,
    pub(crate) singular: String,
    pub(crate) short_names: Vec<String>,
    pub(crate) categories: Vec<String>,
    pub(crate) namespaced: bool,
    pub(crate) verbs: Vec<&'static str>,
    pub(crate) subresources: Vec<Subresource>,
    /// Whether the kind is part of Kubernetes (such list items carry no `kind`, and patches may be strategic).
    pub(crate) built_in: bool,
}

/// One subresource.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Subresource {
    pub(crate) name: &'static str,
    pub(crate) verbs: &'static [&'static str],
    /// Group, version and kind that it speaks when not the parent's.
    pub(crate) speaks: Option<(&'static str, &'static str, &'static str)>,
}

const STATUS: Subresource = Subresource {
    name: "status",
    verbs: &["get", "patch", "update"],
    speaks: None,
};
const SCALE: Subresource = Subresource {
    name: "scale",
    verbs: &["get", "patch", "update"],
    speaks: Some(("autoscaling", "v1", "Scale")),
};
const LOG: Subresource = Subresource {
    name: "log",
    verbs: &["get"],
    speaks: None,
};

impl Resource {
    /// `deployments.apps`, or `pods` in the core group: how messages name it.
    pub(crate) fn qualified(&self) -> String {
        if self.group.is_empty() {
            self.plural.clone()
        } else {
            format!("{}.{}", self.plural, self.group)
        }
    }

    /// `apps/v1`, or `v1` in the core group.
    pub(crate) fn api_version(&self) -> String {
        if self.group.is_empty() {
            self.version.clone()
        } else {
            format!("{}/{}", self.group, self.version)
        }
    }

    /// Group and kind under which the world stores the objects.
    pub(crate) fn stored_group(&self) -> &str {
        if self.kind == "Event" { "" } else { &self.group }
    }

    /// The key of the object with that name.
    pub(crate) fn key(&self, namespace: &str, name: &str) -> ObjectKey {
        ObjectKey {
            group: self.stored_group().to_owned(),
            kind: self.kind.clone(),
            namespace: if self.namespaced {
                namespace.to_owned()
            } else {
                String::new()
            },
            name: name.to_owned(),
        }
    }

    /// Whether the resource has that subresource.
    pub(crate) fn has(&self, subresource: &str) -> bool {
        self.subresources
            .iter()
            .any(|candidate| candidate.name == subresource)
    }

    fn custom(group: &str, version: &str, kind: &str, namespaced: bool) -> Self {
        Self {
            group: group.to_owned(),
            version: version.to_owned(),
            kind: kind.to_owned(),
            plural: guess_plural(kind),
            singular: kind.to_lowercase(),
            short_names: Vec::new(),
            categories: Vec::new(),
            namespaced,
            verbs: ALL_VERBS.to_vec(),
            subresources: Vec::new(),
            built_in: false,
        }
    }
}

/// All resources that the server knows.
#[derive(Debug, Clone)]
pub(crate) struct Registry {
    resources: Vec<Resource>,
}

impl Registry {
    /// The built-in kinds, the world's custom resources, and any other kind that the world has objects of.
    pub(crate) fn of(world: &World) -> Self {
        let mut registry = Self {
            resources: BUILT_IN.iter().map(builtin::Row::resource).collect(),
        };
        world
            .of_kind("CustomResourceDefinition")
            .for_each(|crd| registry.add_definition(crd));
        for (key, object) in world.objects() {
            if !registry
                .resources
                .iter()
                .any(|known| known.stored_group() == key.group && known.kind == key.kind)
            {
                let api_version = text(object, "/apiVersion");
                let version = api_version.rsplit('/').next().unwrap_or(api_version);
                let namespaced = !key.namespace.is_empty();
                registry
                    .resources
                    .push(Resource::custom(&key.group, version, &key.kind, namespaced));
            }
        }
        registry
    }

    fn add_definition(&mut self, crd: &Value) {
        let names = |field: &str| -> Vec<String> {
            items(crd, field)
                .iter()
                .filter_map(Value::as_str)
                .map(str::to_owned)
                .collect()
        };
        for version in items(crd, "/spec/versions") {
            if version.get("served").and_then(Value::as_bool) == Some(false) {
                continue;
            }
            let mut resource = Resource::custom(
                text(crd, "/spec/group"),
                text(version, "/name"),
                text(crd, "/spec/names/kind"),
                text(crd, "/spec/scope") != "Cluster",
            );
            resource.plural = text(crd, "/spec/names/plural").to_owned();
            let singular = text(crd, "/spec/names/singular");
            if !singular.is_empty() {
                resource.singular = singular.to_owned();
            }
            if version.pointer("/subresources/status").is_some() {
                resource.subresources.push(STATUS);
            }
            resource.short_names = names("/spec/names/shortNames");
            resource.categories = names("/spec/names/categories");
            self.resources.push(resource);
        }
    }

    pub(crate) fn all(&self) -> &[Resource] {
        &self.resources
    }

    /// The resource at a URL.
    pub(crate) fn find(&self, group: &str, version: &str, plural: &str) -> Option<&Resource> {
        self.resources
            .iter()
            .find(|known| known.group == group && known.version == version && known.plural == plural)
    }

    /// Whether anything is served under the group and version.
    pub(crate) fn serves(&self, group: &str, version: &str) -> bool {
        self.resources
            .iter()
            .any(|known| known.group == group && known.version == version)
    }

    /// Groups with their versions, in order of first appearance, core first.
    pub(crate) fn groups(&self) -> Vec<(&str, Vec<&str>)> {
        let mut groups: Vec<(&str, Vec<&str>)> = Vec::new();
        for resource in &self.resources {
            match groups.iter_mut().find(|(name, _)| *name == resource.group) {
                Some((_, versions)) if versions.contains(&resource.version.as_str()) => {}
                Some((_, versions)) => versions.push(&resource.version),
                None => groups.push((&resource.group, vec![&resource.version])),
            }
        }
        groups
    }
}

/// The plural as apimachinery's `UnsafeGuessKindToResource` makes it, with vowels before `y` minded.
fn guess_plural(kind: &str) -> String {
    let singular = kind.to_lowercase();
    let mut ending = singular.chars().rev();
    match (ending.next(), ending.next()) {
        (Some('s' | 'x'), _) => format!("{singular}es"),
        (Some('h'), Some('c' | 's')) => format!("{singular}es"),
        (Some('y'), Some(before)) if !"aeiou".contains(before) => {
            format!("{}ies", singular.trim_end_matches('y'))
        }
        _ => format!("{singular}s"),
    }
}
