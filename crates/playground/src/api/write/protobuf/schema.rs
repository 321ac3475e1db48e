//! Field numbers of the objects that kubectl sends as protobuf (the `generated.proto` files of `k8s.io/api`).
//! Data only.

/// What a field holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Text,
    /// A number behind a pointer: zero is a value.
    Number,
    /// A number whose zero means unset.
    Plain,
    Flag,
    TextMap,
    BytesMap,
    Message(&'static [Field]),
    /// Recognised and left out: what only the server writes.
    Skipped,
}

/// One field of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Field {
    pub(crate) number: u64,
    pub(crate) name: &'static str,
    pub(crate) kind: Kind,
    pub(crate) repeated: bool,
}

const fn one(number: u64, name: &'static str, kind: Kind) -> Field {
    Field {
        number,
        name,
        kind,
        repeated: false,
    }
}

const fn many(number: u64, name: &'static str, kind: Kind) -> Field {
    Field {
        number,
        name,
        kind,
        repeated: true,
    }
}

const META: &[Field] = &[
    one(1, "name", Kind::Text),
    one(2, "generateName", Kind::Text),
    one(3, "namespace", Kind::Text),
    one(4, "selfLink", Kind::Skipped),
    one(5, "uid", Kind::Text),
    one(6, "resourceVersion", Kind::Text),
    one(7, "generation", Kind::Skipped),
    one(8, "creationTimestamp", Kind::Skipped),
    one(11, "labels", Kind::TextMap),
    one(12, "annotations", Kind::TextMap),
    many(14, "finalizers", Kind::Text),
    one(17, "managedFields", Kind::Skipped),
];
const METADATA: Field = one(1, "metadata", Kind::Message(META));

const RESOURCE_ATTRIBUTES: &[Field] = &[
    one(1, "namespace", Kind::Text),
    one(2, "verb", Kind::Text),
    one(3, "group", Kind::Text),
    one(4, "version", Kind::Text),
    one(5, "resource", Kind::Text),
    one(6, "subresource", Kind::Text),
    one(7, "name", Kind::Text),
];
const ACCESS_SPEC: &[Field] = &[
    one(1, "resourceAttributes", Kind::Message(RESOURCE_ATTRIBUTES)),
    one(
        2,
        "nonResourceAttributes",
        Kind::Message(&[one(1, "path", Kind::Text), one(2, "verb", Kind::Text)]),
    ),
];
const RULES_SPEC: &[Field] = &[one(1, "namespace", Kind::Text)];

const PORT: &[Field] = &[
    one(1, "name", Kind::Text),
    one(2, "hostPort", Kind::Plain),
    one(3, "containerPort", Kind::Plain),
    one(4, "protocol", Kind::Text),
    one(5, "hostIP", Kind::Text),
];
const CONTAINER: &[Field] = &[
    one(1, "name", Kind::Text),
    one(2, "image", Kind::Text),
    many(3, "command", Kind::Text),
    many(4, "args", Kind::Text),
    one(5, "workingDir", Kind::Text),
    many(6, "ports", Kind::Message(PORT)),
    one(8, "resources", Kind::Message(&[])),
    one(13, "terminationMessagePath", Kind::Text),
    one(14, "imagePullPolicy", Kind::Text),
    one(16, "stdin", Kind::Plain),
    one(17, "stdinOnce", Kind::Plain),
    one(18, "tty", Kind::Plain),
    one(20, "terminationMessagePolicy", Kind::Text),
];
const POD_SPEC: &[Field] = &[
    many(2, "containers", Kind::Message(CONTAINER)),
    one(3, "restartPolicy", Kind::Text),
    one(6, "dnsPolicy", Kind::Text),
    one(8, "serviceAccountName", Kind::Text),
    one(9, "serviceAccount", Kind::Text),
    one(10, "nodeName", Kind::Text),
    one(11, "hostNetwork", Kind::Plain),
    one(12, "hostPID", Kind::Plain),
    one(13, "hostIPC", Kind::Plain),
    one(16, "hostname", Kind::Text),
    one(17, "subdomain", Kind::Text),
    one(19, "schedulerName", Kind::Text),
    one(24, "priorityClassName", Kind::Text),
];
const TEMPLATE: &[Field] = &[METADATA, one(2, "spec", Kind::Message(POD_SPEC))];
const SELECTOR: &[Field] = &[one(1, "matchLabels", Kind::TextMap)];
const DEPLOYMENT_SPEC: &[Field] = &[
    one(1, "replicas", Kind::Number),
    one(2, "selector", Kind::Message(SELECTOR)),
    one(3, "template", Kind::Message(TEMPLATE)),
    one(4, "strategy", Kind::Message(&[one(1, "type", Kind::Text)])),
    one(5, "minReadySeconds", Kind::Plain),
    one(6, "revisionHistoryLimit", Kind::Number),
    one(7, "paused", Kind::Plain),
    one(9, "progressDeadlineSeconds", Kind::Number),
];

const SUBJECT: &[Field] = &[
    one(1, "kind", Kind::Text),
    one(2, "apiGroup", Kind::Text),
    one(3, "name", Kind::Text),
    one(4, "namespace", Kind::Text),
];
const ROLE_REF: &[Field] = &[
    one(1, "apiGroup", Kind::Text),
    one(2, "kind", Kind::Text),
    one(3, "name", Kind::Text),
];
const RULE: &[Field] = &[
    many(1, "verbs", Kind::Text),
    many(2, "apiGroups", Kind::Text),
    many(3, "resources", Kind::Text),
    many(4, "resourceNames", Kind::Text),
    many(5, "nonResourceURLs", Kind::Text),
];

const STATUS: Field = one(3, "status", Kind::Skipped);
const ROLE: &[Field] = &[METADATA, many(2, "rules", Kind::Message(RULE))];
const BINDING: &[Field] = &[
    METADATA,
    many(2, "subjects", Kind::Message(SUBJECT)),
    one(3, "roleRef", Kind::Message(ROLE_REF)),
];
const PRECONDITIONS: &[Field] = &[one(1, "uid", Kind::Text), one(2, "resourceVersion", Kind::Text)];

/// The top-level fields by kind.
const KINDS: &[(&str, &[Field])] = &[
    ("SelfSubjectReview", &[METADATA, one(2, "status", Kind::Skipped)]),
    (
        "SelfSubjectAccessReview",
        &[METADATA, one(2, "spec", Kind::Message(ACCESS_SPEC)), STATUS],
    ),
    (
        "SelfSubjectRulesReview",
        &[METADATA, one(2, "spec", Kind::Message(RULES_SPEC)), STATUS],
    ),
    ("Namespace", &[METADATA, one(2, "spec", Kind::Skipped), STATUS]),
    ("ServiceAccount", &[METADATA]),
    (
        "ConfigMap",
        &[
            METADATA,
            one(2, "data", Kind::TextMap),
            one(3, "binaryData", Kind::BytesMap),
            one(4, "immutable", Kind::Flag),
        ],
    ),
    (
        "Secret",
        &[
            METADATA,
            one(2, "data", Kind::BytesMap),
            one(3, "type", Kind::Text),
            one(4, "stringData", Kind::TextMap),
            one(5, "immutable", Kind::Flag),
        ],
    ),
    (
        "Deployment",
        &[METADATA, one(2, "spec", Kind::Message(DEPLOYMENT_SPEC)), STATUS],
    ),
    ("Role", ROLE),
    ("ClusterRole", ROLE),
    ("RoleBinding", BINDING),
    ("ClusterRoleBinding", BINDING),
    (
        "DeleteOptions",
        &[
            one(1, "gracePeriodSeconds", Kind::Number),
            one(2, "preconditions", Kind::Message(PRECONDITIONS)),
            one(3, "orphanDependents", Kind::Flag),
            one(4, "propagationPolicy", Kind::Text),
            many(5, "dryRun", Kind::Text),
        ],
    ),
    (
        "Scale",
        &[
            METADATA,
            one(2, "spec", Kind::Message(&[one(1, "replicas", Kind::Number)])),
            STATUS,
        ],
    ),
];

/// The top-level fields of a kind, `None` when it cannot be read from protobuf.
pub(crate) fn fields_of(kind: &str) -> Option<&'static [Field]> {
    KINDS
        .iter()
        .find(|(known, _)| *known == kind)
        .map(|(_, fields)| *fields)
}
