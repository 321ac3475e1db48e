//! The truth of a staged scenario under its world's names: declared in the file, checked against the faults. Must not
//! know any answer.

use domain::{MechanismId, ObjectRef, Verdict};
use playground::faults::{RootCause, Truth};
use playground::shop::Shop;
use playground::stage::Rendered;
use playground::world::ObjectKey;

use super::{CauseSpec, ObjectSpec, Scenario};

/// What a right answer says.
#[derive(Debug, Clone, PartialEq)]
pub struct Expected {
    /// The verdict.
    pub verdict: Verdict,
    /// All causes.
    pub causes: Vec<ExpectedCause>,
    /// Objects that suffer.
    pub victims: Vec<ObjectRef>,
    /// Decoys.
    pub not_causes: Vec<ObjectRef>,
}

/// One cause, in all of its right forms.
#[derive(Debug, Clone, PartialEq)]
pub struct ExpectedCause {
    /// The object, then those that are as right.
    pub objects: Vec<ObjectRef>,
    /// The mechanism, then its synonyms.
    pub mechanisms: Vec<MechanismId>,
}

/// An object and a mechanism that an answer asserts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Accusation {
    /// The object.
    pub object: ObjectRef,
    /// The mechanism.
    pub mechanism: MechanismId,
}

impl ExpectedCause {
    /// Whether an accusation is this cause.
    pub fn is(&self, accusation: &Accusation) -> bool {
        self.has_object(&accusation.object) && self.mechanisms.contains(&accusation.mechanism)
    }

    /// Whether the object is right.
    pub fn has_object(&self, object: &ObjectRef) -> bool {
        self.objects.iter().any(|known| known.same_name(object))
    }
}

impl Expected {
    pub(super) fn of(scenario: &Scenario, rendered: &Rendered) -> Result<Self, String> {
        let truth = &scenario.spec.truth;
        let shop = &rendered.shop;
        let mut causes = Vec::new();
        for spec in &truth.root_causes {
            let real = matching(spec, &rendered.truth, shop)?;
            let mut objects = vec![reference(&real.object)];
            for alias in &spec.aliases {
                objects.push(named(alias, shop)?);
            }
            let mut mechanisms = vec![spec.mechanism.clone()];
            mechanisms.extend(spec.also.iter().cloned());
            causes.push(ExpectedCause { objects, mechanisms });
        }
        if truth.verdict == Verdict::RootCause && causes.len() != rendered.truth.root_causes.len() {
            return Err(format!(
                "{} causes are declared, the faults made {}",
                causes.len(),
                rendered.truth.root_causes.len()
            ));
        }
        let all = |specs: &[ObjectSpec]| -> Result<Vec<ObjectRef>, String> {
            specs.iter().map(|spec| named(spec, shop)).collect()
        };
        Ok(Self {
            verdict: truth.verdict,
            causes,
            victims: all(&truth.victims)?,
            not_causes: all(&truth.not_causes)?,
        })
    }
}

/// The fault's cause that a declared one means.
fn matching<'a>(spec: &CauseSpec, truth: &'a Truth, shop: &Shop) -> Result<&'a RootCause, String> {
    let wanted = match (&spec.object.role, &spec.object.name) {
        (None, None) => None,
        _ => Some(named(&spec.object, shop)?),
    };
    truth
        .root_causes
        .iter()
        .find(|cause| {
            cause.mechanism == spec.mechanism.to_string()
                && cause.object.kind == spec.object.kind
                && wanted
                    .as_ref()
                    .is_none_or(|wanted| wanted.name == cause.object.name)
        })
        .ok_or_else(|| {
            let real: Vec<String> = truth
                .root_causes
                .iter()
                .map(|cause| format!("{} {} {}", cause.mechanism, cause.object.kind, cause.object.name))
                .collect();
            format!(
                "no fault made {} on {} {}; they made: {}",
                spec.mechanism,
                spec.object.kind,
                wanted.map(|object| object.name).unwrap_or_default(),
                real.join(", ")
            )
        })
}

/// An object by role or name; its namespace is that of the role.
fn named(spec: &ObjectSpec, shop: &Shop) -> Result<ObjectRef, String> {
    if let Some(role) = &spec.role {
        let workload = shop
            .role(role)
            .ok_or_else(|| format!("the shop has no role `{role}`"))?;
        return Ok(ObjectRef::of(&spec.kind, &workload.namespace, &workload.name));
    }
    match &spec.name {
        Some(name) => Ok(ObjectRef::of(&spec.kind, "", name)),
        None => Err(format!("{}: give a role or a name", spec.kind)),
    }
}

/// A key of the playground as a reference of the vocabulary.
pub(crate) fn reference(key: &ObjectKey) -> ObjectRef {
    ObjectRef::new(&key.group, &key.kind, &key.namespace, &key.name)
}
